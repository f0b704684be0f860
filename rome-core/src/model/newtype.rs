//! Newtypes: structs around one column type that are a column type of their own.

use super::KeyField;
use crate::sealed::Sealed;
use crate::value::{
    ColumnType, Element, Field, Nullable, Numeric, Ordered, RowReader, RowWriter, Textual, Value, ValueError,
};

/// A struct around one column type, stored as what it holds. Implemented by `#[derive(Newtype)]`.
///
/// Everything that it can do as a column follows from what it holds; as a key it also has to be `Clone`.
pub trait Newtype: Sized {
    /// What it holds.
    type Inner: Field;

    /// Whether what it holds is all that it is, so that it reads back as it was written if that does.
    #[doc(hidden)]
    const WHOLE: bool = false;

    /// Takes a value in.
    fn from_inner(inner: Self::Inner) -> Self;

    /// The value that it holds.
    fn inner(&self) -> &Self::Inner;
}

#[diagnostic::do_not_recommend]
impl<N: Newtype> Field for N {
    const TYPE: ColumnType = N::Inner::TYPE;
    const NULLABLE: bool = N::Inner::NULLABLE;
    const EXACT: bool = N::WHOLE && N::Inner::EXACT;

    fn write(&self, row: &mut RowWriter) {
        self.inner().write(row);
    }

    fn read(row: &mut RowReader<'_>) -> Result<Self, ValueError> {
        N::Inner::read(row).map(N::from_inner)
    }

    fn to_value(&self) -> Value {
        self.inner().to_value()
    }

    fn try_to_value(&self) -> Result<Value, ValueError> {
        self.inner().try_to_value()
    }

    fn compare_written(written: &[u8], again: &[u8]) -> Result<(), ValueError> {
        N::Inner::compare_written(written, again)
    }

    fn from_value(value: Value) -> Result<Self, ValueError> {
        N::Inner::from_value(value).map(N::from_inner)
    }

    fn put_key(&self, descending: bool, out: &mut Vec<u8>) {
        self.inner().put_key(descending, out);
    }
}

#[diagnostic::do_not_recommend]
impl<N: Newtype<Inner: Ordered>> Ordered for N {}
#[diagnostic::do_not_recommend]
impl<N: Newtype<Inner: Textual>> Textual for N {
    const SEALED: Sealed = Sealed;
}
#[diagnostic::do_not_recommend]
impl<N: Newtype<Inner: Numeric>> Numeric for N {
    const SEALED: Sealed = Sealed;
}
#[diagnostic::do_not_recommend]
impl<N: Newtype<Inner: Nullable>> Nullable for N {}
#[diagnostic::do_not_recommend]
impl<N: Newtype<Inner: Element>> Element for N {}
#[diagnostic::do_not_recommend]
impl<N: Newtype<Inner: KeyField> + Clone + Send + Sync + 'static> KeyField for N {}
