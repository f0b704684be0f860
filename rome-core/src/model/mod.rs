//! What a user's types become: entities, their keys and relations, embedded structs and projections.
//!
//! The derives of `rome-derive` implement these traits; nothing here knows how rows are stored or found.

pub(crate) mod aggregated;
pub(crate) mod auto;
pub(crate) mod codec;
mod embedded;
mod entity;
mod id;
pub(crate) mod indexed;
mod key;
mod many;
pub(crate) mod names;
mod newtype;
mod one;
mod or_not_found;
mod or_null;
mod projection;
pub(crate) mod references;
pub(crate) mod relation;
pub mod role;

pub use embedded::{ColumnsAt, Embedded};
#[doc(hidden)]
pub use entity::Row;
pub use entity::{AnyHooks, Entity};
pub use id::Id;
pub use key::{IntoKey, Key, KeyField};
pub use many::Many;
pub use newtype::Newtype;
pub use one::One;
pub use or_not_found::OrNotFound;
pub use or_null::OrNull;
pub use projection::{HeldAs, Projection};
pub use references::References;
pub use relation::{Related, Relation};

pub use crate::row::RowView;
