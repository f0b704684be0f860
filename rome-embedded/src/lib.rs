//! The on-disk store of ROME.
