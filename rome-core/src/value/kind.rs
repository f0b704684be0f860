//! The types of columns, at run time.

use super::{Label, Value, ValueError, ValueRef, moment};
use std::fmt;

/// The type of a column. Whether the column is nullable is not part of it.
///
/// Its [`name`](Self::name) is what catalogs store; [`from_name`](Self::from_name) reads it back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ColumnType {
    /// True or false.
    Bool,
    /// An integer of 8, 16, 32, 64 or 128 bits.
    Int {
        /// Its width.
        bits: u8,
        /// Whether it can be negative.
        signed: bool,
    },
    /// A float of 32 bits; as a [`Value`] it is widened.
    F32,
    /// A float of 64 bits.
    F64,
    /// UTF-8 text.
    Text,
    /// Bytes.
    Bytes,
    /// A UUID.
    Uuid,
    /// A calendar day.
    Date,
    /// A time of day, in microseconds.
    Time,
    /// A moment, in microseconds.
    Timestamp,
    /// A JSON text. It has no order, and equality is that of the text.
    Json,
    /// Elements of one type. It has no order in queries.
    List(&'static ElementType),
    /// One of these labels; a [`Value::Text`]. Stored, and ordered, by its label, so that variants may be
    /// reordered and added at will.
    Enum(&'static [&'static str]),
    /// One of these labels; a [`Value::Label`]. Stored, and ordered, by its place among them, so that variants may be
    /// added at the end only.
    OrderedEnum(&'static [&'static str]),
}

/// The type of the elements of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ElementType {
    /// The type of each element; not a list.
    pub ty: ColumnType,
    /// Whether an element may be NULL.
    pub nullable: bool,
}

impl ColumnType {
    /// Whether values of the type can be ordered and ranged: all but JSON and lists.
    #[must_use]
    pub const fn is_ordered(self) -> bool {
        !matches!(self, Self::Json | Self::List(_))
    }

    /// Whether values of the type are numbers, which can be summed and averaged.
    #[must_use]
    pub const fn is_numeric(self) -> bool {
        matches!(self, Self::Int { .. } | Self::F32 | Self::F64)
    }

    /// The name that catalogs store; it never changes for a type. It is also what `Display` prints.
    ///
    /// `bool`, `u32`, `f64`, `text`, `bytes`, `uuid`, `date`, `time`, `timestamp`, `json`, `list of text`,
    /// `list of optional i64`, `enum["cat","dog"]`, `ordered enum["low","high"]`.
    #[must_use]
    pub fn name(&self) -> String {
        self.to_string()
    }

    /// Whether `value`, not NULL, can be stored in a column of this type.
    ///
    /// A float is taken for an `f32` column if it is in its range, and rounded when it is written.
    ///
    /// # Errors
    /// [`TypeMismatch`](super::ValueErrorKind::TypeMismatch), also for a NULL, since whether a column is nullable is not known here;
    /// [`OutOfRange`](super::ValueErrorKind::OutOfRange) for a number that the width cannot hold;
    /// [`UnknownLabel`](super::ValueErrorKind::UnknownLabel) of an enum;
    /// [`Unreadable`](super::ValueErrorKind::Unreadable) for a JSON value that is not JSON.
    pub fn check(&self, value: &Value) -> Result<(), ValueError> {
        self.check_ref(value.as_ref())
    }

    /// The same as [`check`](Self::check), for a borrowed value.
    ///
    /// # Errors
    /// Those of [`check`](Self::check).
    pub fn check_ref(self, value: ValueRef<'_>) -> Result<(), ValueError> {
        let in_range = match (self, value) {
            (Self::Bool, ValueRef::Bool(_))
            | (Self::F64, ValueRef::Float(_))
            | (Self::Text, ValueRef::Text(_))
            | (Self::Bytes, ValueRef::Bytes(_))
            | (Self::Uuid, ValueRef::Uuid(_)) => true,
            (Self::Int { .. }, ValueRef::Int(_) | ValueRef::Uint(_)) => self.holds_int(value),
            (Self::F32, ValueRef::Float(v)) => !v.is_finite() || (v as f32).is_finite(),
            (Self::Date, ValueRef::Date(days)) => moment::DAYS.contains(&days),
            (Self::Time, ValueRef::Time(micros)) => moment::MICROS_OF_DAY.contains(&micros),
            (Self::Timestamp, ValueRef::Timestamp(micros)) => moment::MICROS.contains(&micros),
            (Self::Enum(labels), ValueRef::Text(label)) => {
                return if labels.contains(&label) { Ok(()) } else { Err(ValueError::unknown_label(label, self)) };
            }
            (Self::OrderedEnum(labels), ValueRef::Label(label)) => {
                return match label.among(labels).label() {
                    Some(own) if label.label() == Some(own) => Ok(()),
                    _ => Err(ValueError::unknown_label(&label.to_string(), self)),
                };
            }
            (Self::Json, ValueRef::Json(text)) => {
                return serde_json::from_str::<serde::de::IgnoredAny>(text)
                    .map(|_| ())
                    .map_err(|_| ValueError::unreadable(text, self));
            }
            (Self::List(element), ValueRef::List(items)) => {
                return items.iter().try_for_each(|item| {
                    if element.nullable && item.is_null() { Ok(()) } else { element.ty.check_ref(item) }
                });
            }
            _ => return Err(ValueError::type_mismatch(self, value.kind_name())),
        };
        if in_range { Ok(()) } else { Err(ValueError::out_of_range(value, self)) }
    }

    /// The value as this type has it: a text becomes the label of an ordered enum that it is, in a list too. Other values stay
    /// as they are, also those that the type refuses.
    #[must_use]
    pub fn adapt(self, value: Value) -> Value {
        match (self, value) {
            (Self::OrderedEnum(labels), Value::Text(text)) => {
                Label::find(&text, labels).map_or(Value::Text(text), Value::Label)
            }
            (Self::List(element), Value::List(items)) => {
                Value::List(items.into_iter().map(|item| element.ty.adapt(item)).collect())
            }
            (_, value) => value,
        }
    }

    /// A value that was decoded from a key, with its label if it is the place of one.
    pub(crate) fn named(self, value: Value) -> Value {
        match (self, value) {
            (Self::OrderedEnum(labels), Value::Int(place)) => {
                u16::try_from(place).map_or(Value::Int(place), |place| Value::Label(Label::at(place, labels)))
            }
            (_, value) => value,
        }
    }

    /// Whether the type is an integer that can hold `value`, an integer.
    #[inline]
    pub(super) fn holds_int(self, value: ValueRef<'_>) -> bool {
        let Self::Int { bits, signed } = self else { return false };
        let bits = u32::from(bits);
        match value {
            ValueRef::Int(v) if signed => bits >= 128 || (v >> (bits - 1)) == 0 || (v >> (bits - 1)) == -1,
            ValueRef::Int(v) => v >= 0 && (bits >= 128 || (v >> bits) == 0),
            ValueRef::Uint(v) => {
                let bits = if signed { bits - 1 } else { bits };
                bits >= 128 || (v >> bits) == 0
            }
            _ => false,
        }
    }
}

impl fmt::Display for ColumnType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool => f.write_str("bool"),
            Self::Int { bits, signed } => write!(f, "{}{bits}", if *signed { 'i' } else { 'u' }),
            Self::F32 => f.write_str("f32"),
            Self::F64 => f.write_str("f64"),
            Self::Text => f.write_str("text"),
            Self::Bytes => f.write_str("bytes"),
            Self::Uuid => f.write_str("uuid"),
            Self::Date => f.write_str("date"),
            Self::Time => f.write_str("time"),
            Self::Timestamp => f.write_str("timestamp"),
            Self::Json => f.write_str("json"),
            Self::List(element) => {
                write!(f, "list of {}{}", if element.nullable { "optional " } else { "" }, element.ty)
            }
            // As JSON, so that no label, whatever it holds, can be misread.
            Self::Enum(labels) => write!(f, "enum{}", serde_json::json!(labels)),
            Self::OrderedEnum(labels) => write!(f, "ordered enum{}", serde_json::json!(labels)),
        }
    }
}
