//! What a user's types become: entities, their keys, embedded structs and projections.
//!
//! The derives of `rome-derive` implement these traits; nothing here knows how rows are stored or found.

mod embedded;
mod entity;
mod id;
mod key;
mod projection;

pub use embedded::{ColumnsAt, Embedded};
pub use entity::Entity;
pub use id::Id;
pub use key::{Key, KeyField};
pub use projection::{Projection, RowView};
