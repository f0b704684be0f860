//! Columns that hold the key of an entity, checked while the entity that has them is compiled.

use super::{Entity, KeyField};
use crate::expr::Column;
use crate::schema::{ForeignKey, OnDelete};
use crate::sealed::Sealed;

/// The type of a column, or the types of several as a tuple, that can hold keys of type `K`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot reference an entity whose key is `{K}`",
    label = "does not hold such keys",
    note = "a reference has the type of the key that it leads to, or is an `Option` of it; a key of several columns takes as many, in the order of the key"
)]
pub trait References<K> {
    #[doc(hidden)]
    const SEALED: Sealed;
}

#[diagnostic::do_not_recommend]
impl<K: KeyField> References<K> for K {
    const SEALED: Sealed = Sealed;
}
#[diagnostic::do_not_recommend]
impl<K: KeyField> References<K> for Option<K> {
    const SEALED: Sealed = Sealed;
}

/// A column type that can become NULL, or a tuple of such.
#[diagnostic::on_unimplemented(
    message = "`on_delete = set_null` needs optional columns, and this is `{Self}`",
    label = "cannot become NULL",
    note = "make the field an `Option`, or write `on_delete = cascade` or `on_delete = restrict`"
)]
pub trait SetsNull {
    #[doc(hidden)]
    const SEALED: Sealed;
}

#[diagnostic::do_not_recommend]
impl<T> SetsNull for Option<T> {
    const SEALED: Sealed = Sealed;
}

/// One column of an entity `E`, or several as a tuple.
pub trait Columns<E> {
    #[doc(hidden)]
    const SEALED: Sealed;

    /// The type of the column, or the types as a tuple.
    type Types;

    /// Their positions.
    fn positions(self) -> Vec<u16>;
}

impl<E, T> Columns<E> for Column<E, T> {
    const SEALED: Sealed = Sealed;

    type Types = T;

    fn positions(self) -> Vec<u16> {
        vec![self.position()]
    }
}

macro_rules! several {
    ($($($name:ident $key:ident)+;)*) => { $(
        #[diagnostic::do_not_recommend]
        impl<$($key, $name: References<$key>),+> References<($($key,)+)> for ($($name,)+) {
            const SEALED: Sealed = Sealed;
        }

        #[diagnostic::do_not_recommend]
        impl<$($name: SetsNull),+> SetsNull for ($($name,)+) {
            const SEALED: Sealed = Sealed;
        }

        impl<Row, $($name),+> Columns<Row> for ($(Column<Row, $name>,)+) {
            const SEALED: Sealed = Sealed;

            type Types = ($($name,)+);

            #[allow(non_snake_case, reason = "the type parameters name the parts")]
            fn positions(self) -> Vec<u16> {
                let ($($name,)+) = self;
                vec![$($name.position()),+]
            }
        }
    )* };
}

several! {
    A KA B KB;
    A KA B KB C KC;
    A KA B KB C KC D KD;
    A KA B KB C KC D KD E KE;
}

/// The foreign key of these columns of an `E` to the key of a `T`.
pub fn foreign_key<E, T: Entity, C: Columns<E>>(columns: C, on_delete: OnDelete) -> ForeignKey
where
    C::Types: References<T::Key>,
{
    ForeignKey::new(columns.positions(), T::table, on_delete)
}

/// The foreign key of these columns of an `E` to the key of a `T`, which become NULL when that row is deleted.
pub fn foreign_key_set_null<E, T: Entity, C: Columns<E>>(columns: C) -> ForeignKey
where
    C::Types: References<T::Key> + SetsNull,
{
    ForeignKey::new(columns.positions(), T::table, OnDelete::SetNull)
}
