//! The raw engine: redb with tables, index keys and row bytes by hand. What ROME would cost if it were free.

mod codec;
pub mod keys;
mod peer;

pub use self::{codec::decode, codec::encode, peer::Raw};
