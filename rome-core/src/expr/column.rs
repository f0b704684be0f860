//! Columns as values: what `Dog::AGE` is.

use std::marker::PhantomData;

use crate::row::RowView;
use crate::value::{Field, ValueError};

/// The column of an entity `E` that holds values of type `T`. Derived as an associated constant, such as `Dog::AGE`.
///
/// ```
/// # use rome_orm::prelude::*;
/// # #[derive(Entity, Clone, Debug, Default, PartialEq)]
/// # struct Dog { #[rome(key, auto)] id: Id<Dog>, #[rome(unique)] name: String, #[rome(index)] age: Option<u32> }
/// # fn dog(name: &str, age: u32) -> Dog { Dog { name: name.into(), age: Some(age), ..Default::default() } }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> rome_orm::Result<()> {
/// # let db = Database::builder().entity::<Dog>().open("memory:").await?;
/// db.insert_many([dog("Rex", 3), dog("Ida", 5), dog("Max", 1)]).await?;
/// for (filter, count) in [
///     (Dog::AGE.between(2, 5), 2),
///     (Dog::NAME.is_in(["Rex", "Max"]), 2),
///     (Dog::NAME.like("_a%") | Dog::AGE.is_null(), 1),
///     (!Dog::NAME.starts_with("R") & (Dog::AGE + 1).lt(6), 1),
/// ] {
///     assert_eq!(db.query::<Dog>().filter(filter).count().await?, count);
/// }
/// # Ok(())
/// # }
/// ```
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

impl RowView<'_> {
    /// Reads a column into its Rust type.
    ///
    /// # Errors
    /// When the row does not hold such a value.
    pub fn read<E, T: Field>(&self, column: Column<E, T>) -> Result<T, ValueError> {
        self.read_at(column.position())
    }
}
