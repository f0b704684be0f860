//! Values: what a column can hold, at run time and as bytes.
//!
//! A value has three forms. [`Value`] and [`ValueRef`] are its run-time forms, owned and borrowed; filters, sorts and
//! catalogs work on them. [`key`] is its ordered form: bytes that compare like the values, for keys and index entries.
//! [`row`] is its compact form: bytes in the order of the columns, for the body of a row. [`Field`] ties a Rust type
//! to all three, and [`ColumnType`] names the type of a column at run time.
//!
//! The one idea is that there is one order: [`total_order`] of two values is the order of their key bytes, and
//! [`compare`] is that order with SQL's NULL, so that a filter answers the same from an index and from a row.
//!
//! Nothing here knows of tables, entities or stores.

mod compare;
mod convert;
mod error;
mod field;
mod json;
pub mod key;
mod kind;
mod label;
mod list;
mod moment;
pub mod row;
mod text;

pub use compare::{compare, total_order};
pub use error::{ValueError, ValueErrorKind};
#[doc(hidden)]
pub use field::advice;
pub(crate) use field::write_json_exactly;
pub use field::{Element, Field, Json, Nullable, Numeric, Ordered, Summable, Textual};
pub use kind::{ColumnType, ElementType};
pub use label::Label;
pub use list::{ListRef, ListRefIter};
pub use moment::{Date, Time, Timestamp};
pub use row::{RowReader, RowWriter, read_column, skip_column, write_column};

use uuid::Uuid;

/// An owned run-time value.
///
/// Equality, order and hash are those of [`total_order`]: `NULL` equals itself, and so does NaN. For SQL's
/// three-valued comparison use [`compare`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Value {
    /// No value.
    Null,
    /// True or false.
    Bool(bool),
    /// An integer of any width.
    Int(i128),
    /// An integer above `i128::MAX`; a smaller one is an [`Int`](Self::Int). See [`Value::normalise`].
    Uint(u128),
    /// A floating-point number; an `f32` is widened.
    Float(f64),
    /// Text, or the label of an enum that is ordered by label.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
    /// A UUID.
    Uuid(Uuid),
    /// A calendar day.
    Date(Date),
    /// A time of day, in microseconds; what is finer is cut off.
    Time(Time),
    /// A moment, in microseconds; what is finer is cut off.
    Timestamp(Timestamp),
    /// Values of one type, in order.
    List(Vec<Value>),
    /// A JSON text.
    Json(String),
    /// The label of an enum that is ordered by declaration.
    Label(Label),
}

/// A borrowed run-time value, cheap to copy; what filters are evaluated on.
///
/// Equality, order and hash are those of [`total_order`].
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum ValueRef<'a> {
    /// No value.
    Null,
    /// True or false.
    Bool(bool),
    /// An integer of any width.
    Int(i128),
    /// An integer above `i128::MAX`.
    Uint(u128),
    /// A floating-point number.
    Float(f64),
    /// Text, or the label of an enum that is ordered by label.
    Text(&'a str),
    /// Bytes.
    Bytes(&'a [u8]),
    /// A UUID.
    Uuid(Uuid),
    /// Days since 1970-01-01.
    Date(i32),
    /// Microseconds since midnight.
    Time(i64),
    /// Microseconds since 1970-01-01T00:00:00Z.
    Timestamp(i64),
    /// Values of one type, in order.
    List(ListRef<'a>),
    /// A JSON text.
    Json(&'a str),
    /// The label of an enum that is ordered by declaration.
    Label(Label),
}

impl Value {
    /// The same value, borrowed.
    #[must_use]
    #[inline]
    pub fn as_ref(&self) -> ValueRef<'_> {
        match self {
            Self::Null => ValueRef::Null,
            Self::Bool(v) => ValueRef::Bool(*v),
            Self::Int(v) => ValueRef::Int(*v),
            Self::Uint(v) => ValueRef::from(*v),
            Self::Float(v) => ValueRef::Float(*v),
            Self::Text(v) => ValueRef::Text(v),
            Self::Bytes(v) => ValueRef::Bytes(v),
            Self::Uuid(v) => ValueRef::Uuid(*v),
            Self::Date(v) => ValueRef::Date(v.days()),
            Self::Time(v) => ValueRef::Time(v.micros()),
            Self::Timestamp(v) => ValueRef::Timestamp(v.micros()),
            Self::List(v) => ValueRef::List(ListRef::values(v)),
            Self::Json(v) => ValueRef::Json(v),
            Self::Label(v) => ValueRef::Label(*v),
        }
    }

    /// What kind of value this is, for messages: `null`, `bool`, `integer`, `float`, `text`, …
    #[must_use]
    pub fn kind_name(&self) -> &'static str {
        self.as_ref().kind_name()
    }

    /// Whether this is `NULL`.
    #[must_use]
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// The same value in its one form: a [`Uint`](Self::Uint) that fits becomes an [`Int`](Self::Int), moments lose
    /// what is finer than a microsecond, -0.0 becomes 0.0 and each NaN the same NaN.
    #[must_use]
    pub fn normalise(self) -> Self {
        match self {
            Self::List(items) => Self::List(items.into_iter().map(Self::normalise).collect()),
            // The strings are already in their one form: keep their memory.
            Self::Text(_) | Self::Bytes(_) | Self::Json(_) => self,
            Self::Float(v) => Self::Float(compare::canonical(v)),
            other => other.as_ref().to_value(),
        }
    }
}

impl<'a> ValueRef<'a> {
    /// The same value, owned.
    ///
    /// A date, time or timestamp outside of what there is becomes the nearest; decoded values
    /// never are outside.
    #[must_use]
    pub fn to_value(self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Bool(v) => Value::Bool(v),
            Self::Int(v) => Value::Int(v),
            Self::Uint(v) => Value::from(v),
            Self::Float(v) => Value::Float(v),
            Self::Text(v) => Value::Text(v.to_owned()),
            Self::Bytes(v) => Value::Bytes(v.to_owned()),
            Self::Uuid(v) => Value::Uuid(v),
            Self::Date(v) => Value::Date(Date::nearest(v)),
            Self::Time(v) => Value::Time(Time::nearest(v)),
            Self::Timestamp(v) => Value::Timestamp(Timestamp::nearest(v)),
            Self::List(v) => Value::List(v.iter().map(ValueRef::to_value).collect()),
            Self::Json(v) => Value::Json(v.to_owned()),
            Self::Label(v) => Value::Label(v),
        }
    }

    /// Whether this is `NULL`.
    #[must_use]
    #[inline]
    pub fn is_null(self) -> bool {
        matches!(self, Self::Null)
    }

    /// What kind of value this is, for messages: `null`, `bool`, `integer`, `float`, `text`, …
    #[must_use]
    pub fn kind_name(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "bool",
            Self::Int(_) | Self::Uint(_) => "integer",
            Self::Float(_) => "float",
            Self::Text(_) => "text",
            Self::Bytes(_) => "bytes",
            Self::Uuid(_) => "uuid",
            Self::Date(_) => "date",
            Self::Time(_) => "time",
            Self::Timestamp(_) => "timestamp",
            Self::List(_) => "list",
            Self::Json(_) => "json",
            Self::Label(_) => "label",
        }
    }
}

impl From<u128> for Value {
    fn from(value: u128) -> Self {
        i128::try_from(value).map_or(Self::Uint(value), Self::Int)
    }
}

impl From<u128> for ValueRef<'_> {
    fn from(value: u128) -> Self {
        i128::try_from(value).map_or(Self::Uint(value), Self::Int)
    }
}

impl<'a> From<&'a Value> for ValueRef<'a> {
    fn from(value: &'a Value) -> Self {
        value.as_ref()
    }
}

impl From<ValueRef<'_>> for Value {
    fn from(value: ValueRef<'_>) -> Self {
        value.to_value()
    }
}
