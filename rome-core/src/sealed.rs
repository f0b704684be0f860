//! What keeps traits from being implemented elsewhere.

/// A type that only this crate can name. A trait that asks for a constant of it is implemented here and nowhere else, so it may get
/// further methods and implementations.
#[derive(Debug, Clone, Copy)]
pub struct Sealed;
