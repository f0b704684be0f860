//! [`Field`]: the Rust types that can be columns, and what their columns can do.
//!
//! A field knows the type of its column, and takes itself to and from all forms of a value. Scalars go to rows and
//! keys directly, without a [`Value`] in between. What a column can be used for is said by marker traits, whose errors
//! speak of columns: [`Ordered`], [`Numeric`], [`Textual`], [`Nullable`].

#[doc(hidden)]
pub mod advice;
mod exact;
mod json;
mod list;
mod markers;
mod optional;
mod scalar;
mod summable;

pub use json::Json;
pub(crate) use json::write_json_exactly;
pub use list::Element;
pub use markers::{Nullable, Numeric, Ordered, Textual};
pub use summable::Summable;

use super::{ColumnType, RowReader, RowWriter, Value, ValueError, key};

/// A Rust type that can be stored in a column.
///
/// Implemented for bools, integers from 8 to 128 bits, floats, `String`, `Box<str>`, `Arc<str>`, `Vec<u8>` and
/// `bytes::Bytes`, `Uuid`, [`Date`](super::Date), [`Time`](super::Time), [`Timestamp`](super::Timestamp) and, with the feature `chrono`, its `NaiveDate`,
/// `NaiveTime` and `DateTime<Utc>`, `Option` and `Vec` of such, `serde_json::Value`, and any
/// serde type in [`Json`]. Timestamps and times are stored in microseconds: what is finer is cut off.
///
/// ```
/// use rome_orm::value::{Field, RowReader, RowWriter};
///
/// let mut writer = RowWriter::new();
/// Some(7_u32).write(&mut writer);
/// String::from("Rex").write(&mut writer);
/// let bytes = writer.finish();
///
/// let mut reader = RowReader::new(&bytes);
/// assert_eq!(Option::<u32>::read(&mut reader)?, Some(7));
/// assert_eq!(String::read(&mut reader)?, "Rex");
/// # Ok::<(), rome_orm::value::ValueError>(())
/// ```
///
/// There is one NULL, so an option of an option does not compile:
///
/// ```compile_fail
/// use rome_orm::value::{ColumnType, Field};
///
/// const TYPE: ColumnType = <Option<Option<u32>> as Field>::TYPE;
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be stored in a column",
    label = "not a column type",
    note = "for an enum, derive `ColumnEnum` on it; for any serde type, write `#[rome(json)]` on the field; for a relation, say which, as in `#[rome(belongs_to(owner_id))]`"
)]
pub trait Field: Sized {
    /// The type of the column.
    const TYPE: ColumnType;

    /// Whether the column can be NULL; true for `Option`.
    const NULLABLE: bool = false;

    /// Whether each value reads back from its column as it was written, and each value of the column's type reads as one
    /// of this type. If so, nothing is looked at when a row is written; otherwise the column is read back, and the row
    /// refused if that fails or gives another value.
    const EXACT: bool = false;

    /// Puts the value into a row, with its presence byte if it is nullable.
    fn write(&self, w: &mut RowWriter);

    /// Gets the value from a row.
    ///
    /// # Errors
    /// Bytes that do not hold such a value.
    fn read(r: &mut RowReader<'_>) -> Result<Self, ValueError>;

    /// The value at run time.
    fn to_value(&self) -> Value;

    /// The value at run time, if a column can hold it.
    ///
    /// # Errors
    /// A serde type that JSON does not hold, or does not give back.
    fn try_to_value(&self) -> Result<Value, ValueError> {
        Ok(self.to_value())
    }

    /// The value of the Rust type.
    ///
    /// # Errors
    /// A value of another kind, or out of the range of the type.
    fn from_value(value: Value) -> Result<Self, ValueError>;

    /// Puts the value into a row, and fails the row if it does not read back as the same value: by `equal`, or by
    /// [`compare_written`](Self::compare_written) where the type has no `PartialEq`.
    #[doc(hidden)]
    #[inline]
    fn write_exactly(&self, w: &mut RowWriter, equal: Option<fn(&Self, &Self) -> bool>) {
        if Self::EXACT {
            self.write(w);
        } else {
            exact::write(self, w, equal, &exact::Form::own());
        }
    }

    /// Compares what a value was written as with what it is written as after it was read back.
    #[doc(hidden)]
    fn compare_written(written: &[u8], again: &[u8]) -> Result<(), ValueError> {
        if written == again { Ok(()) } else { Err(ValueError::not_the_same()) }
    }

    /// Appends the ordered form, as [`key::encode`] gives it for the value.
    fn put_key(&self, descending: bool, out: &mut Vec<u8>) {
        key::encode(self.to_value().as_ref(), descending, out);
    }
}

/// What `from_value` says when the kind is wrong.
#[cold]
fn mismatch<T: Field>(value: &Value) -> ValueError {
    ValueError::type_mismatch(T::TYPE, value.kind_name())
}
