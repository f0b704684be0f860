//! Columns as values: what `Dog::AGE` is.

use std::marker::PhantomData;

/// The column of an entity `E` that holds values of type `T`. Derived as an associated constant, such as `Dog::AGE`.
pub struct Column<E, T> {
    position: u16,
    marker: PhantomData<fn() -> (E, T)>,
}

impl<E, T> Clone for Column<E, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<E, T> Copy for Column<E, T> {}

impl<E, T> Column<E, T> {
    /// The column at this position of the table; used by derived code.
    #[doc(hidden)]
    #[must_use]
    pub const fn at(position: u16) -> Self {
        Self { position, marker: PhantomData }
    }

    /// Its position in the table.
    #[must_use]
    pub const fn position(self) -> u16 {
        self.position
    }
}
