//! What derived code uses. No part of the public interface.

pub use rome_core::__private::*;
