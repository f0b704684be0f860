//! The absence of a row as an error.

use super::Entity;
use crate::error::{Kind, Result};
use crate::sealed::Sealed;

/// Turns the absence of a row into an error.
pub trait OrNotFound<T> {
    #[doc(hidden)]
    const SEALED: Sealed;

    /// The row, or an error for which [`Error::is_not_found`](crate::Error::is_not_found) is true.
    ///
    /// # Errors
    /// When there is no row.
    fn ok_or_not_found(self) -> Result<T>;
}

impl<T: Entity> OrNotFound<T> for Option<T> {
    const SEALED: Sealed = Sealed;

    fn ok_or_not_found(self) -> Result<T> {
        self.ok_or_else(|| Kind::NotOne { table: T::table().name, several: false }.into())
    }
}
