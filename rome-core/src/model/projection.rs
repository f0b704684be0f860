//! Projections: some columns of a row as a struct of their own.

use super::Entity;
use crate::expr::Column;
use crate::row::RowView;
use crate::sealed::Sealed;
use crate::value::{Field, ValueError};

/// A struct that holds some columns of an `E`. Implemented by `#[derive(Projection)]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a projection of `{E}`",
    note = "add `#[derive(Projection)]` and `#[rome(entity = ...)]` to the struct"
)]
pub trait Projection<E: Entity>: Sized + Send + 'static {
    /// The positions of the columns that it reads.
    fn columns() -> Vec<u16>;

    /// Reads it from a row.
    ///
    /// # Errors
    /// When the row does not hold what the columns ask for.
    fn read(row: &RowView<'_>) -> Result<Self, ValueError>;
}

/// A column that a projection's field of type `F` can hold: one of the same type.
#[diagnostic::on_unimplemented(
    message = "a field of type `{F}` cannot hold the column, which is a `{Self}`",
    label = "not the type of the column",
    note = "a field of a projection has exactly the type of its column"
)]
pub trait HeldAs<F> {
    #[doc(hidden)]
    const SEALED: Sealed;

    /// Reads the column from a row.
    ///
    /// # Errors
    /// When the row does not hold such a value.
    fn read(self, row: &RowView<'_>) -> Result<F, ValueError>;
}

impl<E, F: Field> HeldAs<F> for Column<E, F> {
    const SEALED: Sealed = Sealed;

    fn read(self, row: &RowView<'_>) -> Result<F, ValueError> {
        row.read(self)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use rome_derive::{Embedded, Entity, Projection};

    use super::Projection as _;
    use crate::model::{Entity as _, Row as _};
    use crate::row::RowView;
    use crate::value::{Json, RowWriter, ValueRef};

    #[derive(Embedded)]
    #[rome(crate = "crate")]
    struct Address {
        street: String,
        city: Option<String>,
    }

    #[derive(Entity)]
    #[rome(crate = "crate")]
    struct Dog {
        #[rome(key)]
        id: u64,
        #[rome(json)]
        tags: Vec<String>,
        #[rome(embed)]
        address: Address,
        name: String,
    }

    #[derive(Projection, PartialEq, Debug)]
    #[rome(crate = "crate", entity = Dog)]
    struct Summary {
        #[rome(from = ADDRESS.city)]
        city: Option<String>,
        name: String,
        tags: Json<Vec<String>>,
    }

    #[test]
    fn a_projection_reads_its_columns_wherever_they_stand_in_the_row() {
        let address = Address { street: "1 Quai".into(), city: Some("Lyon".into()) };
        let dog = Dog { id: 1, tags: vec!["good".into()], address, name: "Rex".into() };
        let mut row = RowWriter::new();
        dog.write(&mut row);
        let body = row.finish();
        let columns = Summary::columns();
        let mut offsets = Vec::new();
        RowView::locate(Dog::table(), &body, *columns.iter().max().unwrap(), &mut offsets).unwrap();
        let view = RowView::new(Dog::table(), &body, &offsets);
        let expected = Summary { city: dog.address.city, name: dog.name, tags: Json(dog.tags) };
        assert_eq!(Summary::read(&view).unwrap(), expected);
        assert_eq!(view.value(Dog::ADDRESS.street.position()).unwrap(), ValueRef::Text("1 Quai"));
    }
}
