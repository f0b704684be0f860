//! The entities of a query on several, as the types of its rows.

use crate::error::Result;
use crate::exec::JoinedRow;
use crate::expr::Source;
use crate::model::Entity;
use crate::row;
use crate::sealed::Sealed;
use crate::value::{Field, RowReader, Value, ValueError};

/// A joined row as it was found.
#[doc(hidden)]
pub struct FoundRow<'a>(pub(super) JoinedRow<'a>);

/// The values of a row of columns.
#[doc(hidden)]
pub struct FoundValues(std::vec::IntoIter<Value>);

impl FoundValues {
    pub(super) fn new(values: Vec<Value>) -> Self {
        Self(values.into_iter())
    }

    /// The next value.
    pub(super) fn next<T: Field>(&mut self) -> Result<T, ValueError> {
        T::from_value(self.0.next().unwrap_or(Value::Null))
    }
}

/// One entity of a query on several: an entity or an alias, or an `Option` of one where a left join put it.
pub trait Part: Send + Sync + 'static {
    #[doc(hidden)]
    const SEALED: Sealed;

    /// What it is in a row.
    type Row;

    /// Reads it from a row.
    ///
    /// # Errors
    /// When the stored row does not fit.
    #[doc(hidden)]
    fn read(row: &FoundRow<'_>, place: usize) -> Result<Self::Row>;
}

fn read<E: Entity>(row: &FoundRow<'_>, place: usize) -> Result<Option<E>> {
    let Some((table, hit)) = row.0.hit(place) else { return Ok(None) };
    let mut columns = RowReader::new(&hit.body);
    let entity = E::read(&mut columns);
    entity.map(Some).map_err(|source| row::not_read(table, &hit.key, &hit.body, columns.position(), source))
}

impl<S: Source> Part for S {
    const SEALED: Sealed = Sealed;

    type Row = S::Entity;

    fn read(row: &FoundRow<'_>, place: usize) -> Result<S::Entity> {
        let found = read::<S::Entity>(row, place)?;
        Ok(found.expect("each row of an inner join has a row of each of its tables"))
    }
}

impl<S: Source> Part for Option<S> {
    const SEALED: Sealed = Sealed;

    type Row = Option<S::Entity>;

    fn read(row: &FoundRow<'_>, place: usize) -> Result<Option<S::Entity>> {
        read(row, place)
    }
}

/// The entities of a query on several, in the order in which they were joined: a tuple of them.
pub trait Parts: Send + Sync + 'static {
    #[doc(hidden)]
    const SEALED: Sealed;

    /// What a row is.
    type Row;

    /// Reads a row.
    ///
    /// # Errors
    /// When a stored row does not fit.
    #[doc(hidden)]
    fn read(row: &FoundRow<'_>) -> Result<Self::Row>;
}

/// The entities of a query and one more.
#[diagnostic::on_unimplemented(
    message = "a query joins at most six entities",
    note = "ask for some of them in a query of their own, or load relations with `.with(...)`"
)]
pub trait And<B> {
    #[doc(hidden)]
    const SEALED: Sealed;

    /// All of them.
    type Parts: Parts;
}

macro_rules! parts {
    ($(($($name:ident $place:tt)+);)*) => { $(
        impl<$($name: Part),+> Parts for ($($name,)+) {
            const SEALED: Sealed = Sealed;

            type Row = ($($name::Row,)+);

            fn read(row: &FoundRow<'_>) -> Result<Self::Row> {
                Ok(($($name::read(row, $place)?,)+))
            }
        }
    )* };
}

parts! {
    (A 0);
    (A 0 B 1);
    (A 0 B 1 C 2);
    (A 0 B 1 C 2 D 3);
    (A 0 B 1 C 2 D 3 E 4);
    (A 0 B 1 C 2 D 3 E 4 F 5);
}

macro_rules! one_more {
    ($($($name:ident)+;)*) => { $(
        impl<$($name: Part,)+ More: Part> And<More> for ($($name,)+) {
            const SEALED: Sealed = Sealed;

            type Parts = ($($name,)+ More,);
        }
    )* };
}

one_more! {
    A;
    A B;
    A B C;
    A B C D;
    A B C D E;
}
