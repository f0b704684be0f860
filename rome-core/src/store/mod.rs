//! The store contract, which is the crate `rome-store`, and ranges of keys as plans have them.

mod range;

pub(crate) use range::{Range, after, with_prefix};
pub use rome_store::*;
