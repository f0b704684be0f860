//! Columns of many values: `Vec`.
//!
//! `Vec<u8>` is bytes and each other `Vec` is a list. Rust allows one implementation of [`Field`] for `Vec<T>`, so the
//! element decides what a vector of it is: [`Element`] says a list, and `u8` says otherwise.

use super::super::{ColumnType, ElementType, RowReader, RowWriter, Value, ValueError, skip_column};
use super::{Field, Ordered, mismatch};

/// A type of which a `Vec` can be stored in a column.
///
/// The implementation of a new type is empty: `impl Element for Suit {}`.
#[diagnostic::on_unimplemented(
    message = "a `Vec` of `{Self}` cannot be stored in a column",
    label = "not a type of list elements",
    note = "for any serde type, write `#[rome(json)]` on the field; for children with keys of their own, use a relation"
)]
pub trait Element: Field {
    /// The type of the column that holds a `Vec` of these.
    const LIST: ColumnType = ColumnType::List(&ElementType { ty: Self::TYPE, nullable: Self::NULLABLE });

    /// Puts the vector into a row.
    fn write_list(items: &[Self], w: &mut RowWriter) {
        w.list(|w| items.iter().for_each(|item| item.write(w)));
    }

    /// Gets the vector from a row.
    ///
    /// # Errors
    /// Bytes that do not hold such a list.
    fn read_list(r: &mut RowReader<'_>) -> Result<Vec<Self>, ValueError> {
        let mut elements = r.list()?;
        let mut items = Vec::new();
        while elements.remaining() > 0 {
            items.push(Self::read(&mut elements)?);
        }
        Ok(items)
    }

    /// The vector at run time.
    fn list_to_value(items: &[Self]) -> Value {
        Value::List(items.iter().map(Self::to_value).collect())
    }

    /// The vector of the Rust type.
    ///
    /// # Errors
    /// A value that is no list, or an element that does not fit.
    fn list_from_value(value: Value) -> Result<Vec<Self>, ValueError> {
        match value {
            Value::List(items) => items.into_iter().map(Self::from_value).collect(),
            other => Err(mismatch::<Vec<Self>>(&other)),
        }
    }
}

impl<T: Element> Field for Vec<T> {
    const TYPE: ColumnType = T::LIST;
    const EXACT: bool = T::EXACT;

    #[inline]
    fn write(&self, w: &mut RowWriter) {
        T::write_list(self, w);
    }

    #[inline]
    fn read(r: &mut RowReader<'_>) -> Result<Self, ValueError> {
        T::read_list(r)
    }

    fn to_value(&self) -> Value {
        T::list_to_value(self)
    }

    fn try_to_value(&self) -> Result<Value, ValueError> {
        if T::EXACT {
            return Ok(self.to_value());
        }
        self.iter().map(T::try_to_value).collect::<Result<_, _>>().map(Value::List)
    }

    fn from_value(value: Value) -> Result<Self, ValueError> {
        T::list_from_value(value)
    }

    fn compare_written(written: &[u8], again: &[u8]) -> Result<(), ValueError> {
        if written == again {
            return Ok(());
        }
        let (mut written, mut again) = (RowReader::new(written).list()?, RowReader::new(again).list()?);
        while written.remaining() > 0 && again.remaining() > 0 {
            T::compare_written(element::<T>(&mut written)?, element::<T>(&mut again)?)?;
        }
        if written.remaining() + again.remaining() == 0 { Ok(()) } else { Err(ValueError::not_the_same()) }
    }
}

/// The bytes of the element that begins where the reader stands.
fn element<'a, T: Element>(elements: &mut RowReader<'a>) -> Result<&'a [u8], ValueError> {
    let from = elements.clone();
    skip_column(elements, T::TYPE, T::NULLABLE)?;
    Ok(from.rest().get(..elements.position() - from.position()).unwrap_or_default())
}

impl Element for u8 {
    const LIST: ColumnType = ColumnType::Bytes;

    #[inline]
    fn write_list(items: &[Self], w: &mut RowWriter) {
        w.bytes(items);
    }

    #[inline]
    fn read_list(r: &mut RowReader<'_>) -> Result<Vec<Self>, ValueError> {
        r.bytes().map(<[u8]>::to_vec)
    }

    fn list_to_value(items: &[Self]) -> Value {
        Value::Bytes(items.to_vec())
    }

    fn list_from_value(value: Value) -> Result<Vec<Self>, ValueError> {
        match value {
            Value::Bytes(v) => Ok(v),
            other => Err(mismatch::<Vec<Self>>(&other)),
        }
    }
}

impl Element for i8 {}
impl Element for i16 {}
impl Element for i32 {}
impl Element for i64 {}
impl Element for i128 {}
impl Element for u16 {}
impl Element for u32 {}
impl Element for u64 {}
impl Element for u128 {}

/// A list of bytes, since those are one value.
impl Element for Vec<u8> {}

/// Bytes have an order; lists have none.
impl Ordered for Vec<u8> {}
