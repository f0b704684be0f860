//! Nullable columns: `Option`.

use super::super::{ColumnType, RowReader, RowWriter, Value, ValueError, ValueRef, key};
use super::{Element, Field, Nullable, Numeric, Ordered, Textual};
use crate::sealed::Sealed;

impl<T> Nullable for Option<T> {}
impl<T: Ordered> Ordered for Option<T> {}
impl<T: Textual> Textual for Option<T> {
    const SEALED: Sealed = Sealed;
}
impl<T: Numeric> Numeric for Option<T> {
    const SEALED: Sealed = Sealed;
}
impl<T: Element> Element for Option<T> {}

impl<T: Field> Field for Option<T> {
    // NULL is one value: an option in an option would come back as another than it was.
    const TYPE: ColumnType = {
        assert!(!T::NULLABLE, "an `Option` of an `Option` cannot be stored in a column: there is only one NULL");
        T::TYPE
    };
    const NULLABLE: bool = true;
    const EXACT: bool = T::EXACT;

    #[inline]
    fn write(&self, w: &mut RowWriter) {
        const { assert!(!T::NULLABLE, "an `Option` of an `Option` cannot be stored in a column") };
        w.presence(self.is_some());
        if let Some(value) = self {
            value.write(w);
        }
    }

    #[inline]
    fn read(r: &mut RowReader<'_>) -> Result<Self, ValueError> {
        if r.presence()? { T::read(r).map(Some) } else { Ok(None) }
    }

    fn to_value(&self) -> Value {
        self.as_ref().map_or(Value::Null, T::to_value)
    }

    fn try_to_value(&self) -> Result<Value, ValueError> {
        self.as_ref().map_or(Ok(Value::Null), T::try_to_value)
    }

    fn compare_written(written: &[u8], again: &[u8]) -> Result<(), ValueError> {
        match (written.split_first(), again.split_first()) {
            (Some((1, written)), Some((1, again))) => T::compare_written(written, again),
            (written, again) if written == again => Ok(()),
            _ => Err(ValueError::not_the_same()),
        }
    }

    fn from_value(value: Value) -> Result<Self, ValueError> {
        if value.is_null() { Ok(None) } else { T::from_value(value).map(Some) }
    }

    fn put_key(&self, descending: bool, out: &mut Vec<u8>) {
        match self {
            Some(value) => value.put_key(descending, out),
            None => key::encode(ValueRef::Null, descending, out),
        }
    }
}
