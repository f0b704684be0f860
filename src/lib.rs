//! ROME, the relational ORM for key-value stores.

pub use rome_core::store;
