//! What derived code uses, under the names that it uses. No part of the public interface.

pub use std::clone::Clone;
pub use std::convert::From;
pub use std::option::Option::{None, Some};
pub use std::result::Result::{self, Err, Ok};
pub use std::str::FromStr;
pub use std::string::String;
pub use std::sync::LazyLock;
pub use std::vec::Vec;

pub use crate::expr::Column;
pub use crate::model::auto::{AutoKey, counter, uuid_v4, uuid_v7};
pub use crate::model::indexed::{asc, desc, index};
pub use crate::model::{ColumnsAt, Embedded, Entity, KeyField, Newtype, Projection, RowView, role};
pub use crate::schema::{ColumnDef, IndexPart, KeySource, Table};
pub use crate::value::{ColumnType, Element, Field, Json, Ordered, RowReader, RowWriter, Value, ValueError};

use crate::model::HeldBy;
use crate::value::{ValueRef, key};

/// Writes a field that is stored as JSON without being a `Json`, as `Json` around it would.
pub fn write_json<T: serde::Serialize>(value: &T, row: &mut RowWriter) {
    match serde_json::to_string(value) {
        Ok(text) => row.json(&text),
        Err(error) => row.fail(ValueError::json(&error)),
    }
}

/// Reads the field `F` of a projection.
///
/// # Errors
/// When the row does not hold such a value.
pub fn project<E, T: Field, F: HeldBy<T>>(row: &RowView<'_>, column: Column<E, T>) -> Result<F, ValueError> {
    row.read(column).map(F::from_column)
}

/// Appends the ordered form of an enum's label.
pub fn put_label(label: &str, descending: bool, out: &mut Vec<u8>) {
    key::encode(ValueRef::Text(label), descending, out);
}

/// The enum with the label in a value.
///
/// # Errors
/// When the value is no label, or none of this enum.
pub fn enum_from_value<T: Field + FromStr<Err = ValueError>>(value: &Value) -> Result<T, ValueError> {
    match value {
        Value::Text(label) => label.parse(),
        other => Err(ValueError::type_mismatch(T::TYPE, other.kind_name())),
    }
}
