//! What a user's types become: entities, their keys and relations, embedded structs and projections.
//!
//! The derives of `rome-derive` implement these traits; nothing here knows how rows are stored or found.

pub(crate) mod aggregated;
pub(crate) mod auto;
mod embedded;
mod entity;
mod hooks;
mod id;
pub(crate) mod indexed;
mod key;
mod many;
pub(crate) mod names;
mod newtype;
mod one;
mod or_null;
mod projection;
pub(crate) mod references;
pub(crate) mod relation;
pub mod role;

pub use embedded::{ColumnsAt, Embedded};
pub use entity::Entity;
pub use hooks::{HasHooks, Hooks};
pub use id::Id;
pub use key::{IntoKey, Key, KeyField};
pub use many::Many;
pub use newtype::Newtype;
pub use one::One;
pub use or_null::OrNull;
pub use projection::{HeldAs, Projection, RowView};
pub use references::References;
pub use relation::{Related, Relation};
