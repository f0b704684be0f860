//! What a user's types become: entities, their keys, embedded structs and projections.
//!
//! The derives of `rome-derive` implement these traits; nothing here knows how rows are stored or found.

pub(crate) mod auto;
mod embedded;
mod entity;
mod id;
pub(crate) mod indexed;
mod key;
pub(crate) mod names;
mod newtype;
mod projection;
pub mod role;

pub use embedded::{ColumnsAt, Embedded};
pub use entity::Entity;
pub use id::Id;
pub use key::{IntoKey, Key, KeyField};
pub use newtype::Newtype;
pub use projection::{HeldAs, Projection, RowView};
