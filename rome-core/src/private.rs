//! What derived code uses, under the names that it uses. No part of the public interface.

pub use std::clone::Clone;
pub use std::convert::From;
pub use std::option::Option::{self, None, Some};
pub use std::result::Result::{self, Err, Ok};
pub use std::str::FromStr;
pub use std::string::String;
pub use std::sync::LazyLock;
pub use std::vec::Vec;

pub use crate::expr::Column;
pub use crate::model::aggregated::{grouped, summed};
pub use crate::model::auto::{AutoKey, counter, uuid_v4, uuid_v7};
pub use crate::model::indexed::{asc, desc, index, unique};
pub use crate::model::names::distinct;
pub use crate::model::references::{foreign_key, foreign_key_set_null};
pub use crate::model::relation::{ToMany, ToOne, Unloaded, belongs_to, has_many, has_one, many_to_many};
pub use crate::model::{
    AnyHooks, ColumnsAt, Embedded, Entity, KeyField, Newtype, Projection, Related, Relation, Row, role,
};
pub use crate::row::RowView;
pub use crate::schema::{ColumnDef, IndexPart, KeySource, OnDelete, RelationDef, RelationName, Role, Table};
pub use crate::session::{HasHooks, hooks};
pub use crate::value::advice;
pub use crate::value::{ColumnType, Element, Field, Json, Label, Ordered, RowReader, RowWriter, Value, ValueError};

use std::marker::PhantomData;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::model::HeldAs;
use crate::value::{self, ValueRef};

/// The column of a field that needs nothing but its type.
#[must_use]
pub fn column(name: &'static str, ty: ColumnType, nullable: bool) -> ColumnDef {
    ColumnDef { name: name.into(), ty, nullable, role: Role::Plain, default: None }
}

/// The type of a `json` field: any serde type.
///
/// Methods, and not functions with a bound, so that a type that is none gives one error, not one for each use.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be stored as JSON",
    label = "not a serde type",
    note = "derive `serde::Serialize` and `serde::Deserialize` for it"
)]
pub trait JsonField: Serialize + DeserializeOwned {
    /// Its column.
    #[must_use]
    fn column(name: &'static str) -> ColumnDef {
        column(name, ColumnType::Json, false)
    }

    /// Writes it as `Json` around it would be written, and fails the row if it does not read back as the same value.
    fn write_exactly(&self, row: &mut RowWriter, equal: Option<fn(&Self, &Self) -> bool>) {
        value::write_json_exactly(self, row, equal);
    }

    /// Reads it.
    ///
    /// # Errors
    /// When the row does not hold such JSON.
    fn read(row: &mut RowReader<'_>) -> Result<Self, ValueError> {
        <Json<Self> as Field>::read(row).map(Json::into_inner)
    }
}

#[diagnostic::do_not_recommend]
impl<T: Serialize + DeserializeOwned> JsonField for T {}

/// How values of a type are compared: `Equality::<T>::BY` is its `PartialEq`, if it has one.
///
/// For a type without it, the constant of the trait [`NoEquality`] is found in the place of the inherent one. That works where the
/// type is concrete, as it is in derived code.
#[derive(Debug)]
pub struct Equality<T>(PhantomData<fn() -> T>);

impl<T: PartialEq> Equality<T> {
    /// The comparison.
    pub const BY: Option<fn(&T, &T) -> bool> = Some(T::eq);
}

/// What [`Equality`] has for a type without `PartialEq`.
pub trait NoEquality<T> {
    /// There is none.
    const BY: Option<fn(&T, &T) -> bool> = None;
}

impl<T> NoEquality<T> for Equality<T> {}

/// The position of a key column.
#[must_use]
pub const fn key<E, T: KeyField>(column: Column<E, T>) -> u16 {
    column.position()
}

/// Reads the field `F` of a projection.
///
/// # Errors
/// When the row does not hold such a value.
pub fn project<F, C: HeldAs<F>>(row: &RowView<'_>, column: C) -> Result<F, ValueError> {
    column.read(row)
}

/// Appends the ordered form of an enum's label.
pub fn put_label(label: &str, descending: bool, out: &mut Vec<u8>) {
    value::key::encode(ValueRef::Text(label), descending, out);
}

/// Appends the ordered form of the place of an ordered enum's label.
pub fn put_place(place: u16, descending: bool, out: &mut Vec<u8>) {
    value::key::encode(ValueRef::Int(i128::from(place)), descending, out);
}

/// The place of the label that a row holds, of an enum that is ordered by declaration.
///
/// # Errors
/// When the row does not hold one.
pub fn read_place(row: &mut RowReader<'_>) -> Result<u16, ValueError> {
    value::row::read_place(row)
}

/// The place of the label in a value, of an enum that is ordered by declaration. Keys hold the place alone.
///
/// # Errors
/// When the value is no label of the enum.
pub fn place_in<T: Field>(value: &Value) -> Result<u16, ValueError> {
    match T::TYPE.adapt(value.clone()) {
        Value::Label(label) => Ok(label.place()),
        Value::Int(place) => u16::try_from(place).map_err(|_| ValueError::out_of_range(place, T::TYPE)),
        Value::Text(label) => Err(ValueError::unknown_label(&label, T::TYPE)),
        other => Err(ValueError::type_mismatch(T::TYPE, other.kind_name())),
    }
}

/// The error for a place that none of the variants has.
#[cold]
#[must_use]
pub fn unknown_place<T: Field>(place: u16) -> ValueError {
    ValueError::unknown_label(&format!("#{place}"), T::TYPE)
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
