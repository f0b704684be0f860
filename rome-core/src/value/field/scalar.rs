//! Columns of one value: bools, numbers, strings, bytes, moments.

use super::super::{ColumnType, Date, RowReader, RowWriter, Time, Timestamp, Value, ValueError, ValueRef, key};
use super::{Element, Field, Numeric, Ordered, Textual, mismatch};
use crate::sealed::Sealed;
use bytes::Bytes;
use std::sync::Arc;
use uuid::Uuid;

impl Ordered for bool {}
impl Element for bool {}
impl Field for bool {
    const TYPE: ColumnType = ColumnType::Bool;
    const EXACT: bool = true;

    #[inline]
    fn write(&self, w: &mut RowWriter) {
        w.bool(*self);
    }

    #[inline]
    fn read(r: &mut RowReader<'_>) -> Result<Self, ValueError> {
        r.bool()
    }

    fn to_value(&self) -> Value {
        Value::Bool(*self)
    }

    fn from_value(value: Value) -> Result<Self, ValueError> {
        match value {
            Value::Bool(v) => Ok(v),
            other => Err(mismatch::<Self>(&other)),
        }
    }

    fn put_key(&self, descending: bool, out: &mut Vec<u8>) {
        key::encode(ValueRef::Bool(*self), descending, out);
    }
}

/// `$wide` is the least type of the row codec that holds the integer, read and written by the method of `$codec`.
macro_rules! integer {
    ($($ty:ty: $signed:literal, $codec:ident as $wide:ty;)*) => {$(
        impl Ordered for $ty {}
        impl Numeric for $ty {
            const SEALED: Sealed = Sealed;
        }
        impl Field for $ty {
            const TYPE: ColumnType = ColumnType::Int { bits: <$ty>::BITS as u8, signed: $signed };
            const EXACT: bool = true;

            #[inline]
            fn write(&self, w: &mut RowWriter) {
                w.$codec(<$wide>::from(*self));
            }

            #[inline]
            fn read(r: &mut RowReader<'_>) -> Result<Self, ValueError> {
                let start = r.position();
                match Self::try_from(r.$codec()?) {
                    Ok(value) => Ok(value),
                    Err(_) => Err(ValueError::malformed("an integer too large for its column", start)),
                }
            }

            fn to_value(&self) -> Value {
                i128::try_from(*self).map_or_else(|_| Value::Uint(*self as u128), Value::Int)
            }

            fn from_value(value: Value) -> Result<Self, ValueError> {
                let fitting = match value {
                    Value::Int(v) => Self::try_from(v).ok(),
                    Value::Uint(v) => Self::try_from(v).ok(),
                    _ => return Err(mismatch::<Self>(&value)),
                };
                fitting.ok_or_else(|| ValueError::out_of_range(value, Self::TYPE))
            }

            fn put_key(&self, descending: bool, out: &mut Vec<u8>) {
                key::encode(self.to_value().as_ref(), descending, out);
            }
        }
    )*};
}

integer! {
    i8: true, int64 as i64;
    i16: true, int64 as i64;
    i32: true, int64 as i64;
    i64: true, int64 as i64;
    i128: true, int as i128;
    u8: false, uint64 as u64;
    u16: false, uint64 as u64;
    u32: false, uint64 as u64;
    u64: false, uint64 as u64;
    u128: false, uint as u128;
}

macro_rules! float {
    ($($ty:ident: $column:ident;)*) => {$(
        impl Ordered for $ty {}
        impl Numeric for $ty {
            const SEALED: Sealed = Sealed;
        }
        impl Element for $ty {}
        impl Field for $ty {
            const TYPE: ColumnType = ColumnType::$column;
            const EXACT: bool = true;

            #[inline]
            fn write(&self, w: &mut RowWriter) {
                w.$ty(*self);
            }

            #[inline]
            fn read(r: &mut RowReader<'_>) -> Result<Self, ValueError> {
                r.$ty()
            }

            fn to_value(&self) -> Value {
                Value::Float(f64::from(*self))
            }

            fn from_value(value: Value) -> Result<Self, ValueError> {
                match value {
                    Value::Float(v) => {
                        Self::TYPE.check_ref(ValueRef::Float(v))?;
                        Ok(v as $ty)
                    }
                    other => Err(mismatch::<Self>(&other)),
                }
            }

            fn put_key(&self, descending: bool, out: &mut Vec<u8>) {
                key::encode(ValueRef::Float(f64::from(*self)), descending, out);
            }
        }
    )*};
}

float! {
    f32: F32;
    f64: F64;
}

macro_rules! string {
    ($($ty:ty),*) => {$(
        impl Ordered for $ty {}
        impl Textual for $ty {
            const SEALED: Sealed = Sealed;
        }
        impl Element for $ty {}
        impl Field for $ty {
            const TYPE: ColumnType = ColumnType::Text;
            const EXACT: bool = true;

            #[inline]
            fn write(&self, w: &mut RowWriter) {
                w.text(self);
            }

            #[inline]
            fn read(r: &mut RowReader<'_>) -> Result<Self, ValueError> {
                r.text().map(Self::from)
            }

            fn to_value(&self) -> Value {
                Value::Text(String::from(&**self))
            }

            fn from_value(value: Value) -> Result<Self, ValueError> {
                match value {
                    Value::Text(v) => Ok(Self::from(v)),
                    other => Err(mismatch::<Self>(&other)),
                }
            }

            fn put_key(&self, descending: bool, out: &mut Vec<u8>) {
                key::encode(ValueRef::Text(self), descending, out);
            }
        }
    )*};
}

string!(String, Box<str>, Arc<str>);

impl Ordered for Bytes {}
impl Element for Bytes {}
impl Field for Bytes {
    const TYPE: ColumnType = ColumnType::Bytes;
    const EXACT: bool = true;

    #[inline]
    fn write(&self, w: &mut RowWriter) {
        w.bytes(self);
    }

    #[inline]
    fn read(r: &mut RowReader<'_>) -> Result<Self, ValueError> {
        r.bytes().map(Self::copy_from_slice)
    }

    fn to_value(&self) -> Value {
        Value::Bytes(self.to_vec())
    }

    fn from_value(value: Value) -> Result<Self, ValueError> {
        match value {
            Value::Bytes(v) => Ok(v.into()),
            other => Err(mismatch::<Self>(&other)),
        }
    }

    fn put_key(&self, descending: bool, out: &mut Vec<u8>) {
        key::encode(ValueRef::Bytes(self), descending, out);
    }
}

/// Types whose borrowed value is a number or a plain copy: `$to` takes the Rust value there, `$from` takes it back.
macro_rules! plain {
    ($($ty:ty: $kind:ident, $method:ident, $to:expr, $from:expr;)*) => {$(
        impl Ordered for $ty {}
        impl Element for $ty {}
        impl Field for $ty {
            const TYPE: ColumnType = ColumnType::$kind;
            const EXACT: bool = true;

            #[inline]
            fn write(&self, w: &mut RowWriter) {
                w.$method($to(*self));
            }

            #[inline]
            fn read(r: &mut RowReader<'_>) -> Result<Self, ValueError> {
                r.$method().map($from)
            }

            fn to_value(&self) -> Value {
                Value::$kind((*self).into()).normalise()
            }

            fn from_value(value: Value) -> Result<Self, ValueError> {
                match value {
                    Value::$kind(v) => Ok(v.into()),
                    other => Err(mismatch::<Self>(&other)),
                }
            }

            fn put_key(&self, descending: bool, out: &mut Vec<u8>) {
                key::encode(ValueRef::$kind($to(*self)), descending, out);
            }
        }
    )*};
}

plain! {
    Uuid: Uuid, uuid, std::convert::identity, std::convert::identity;
    Date: Date, date, Date::days, Date::nearest;
    Time: Time, time, Time::micros, Time::nearest;
    Timestamp: Timestamp, timestamp, Timestamp::micros, Timestamp::nearest;
}

#[cfg(feature = "chrono")]
plain! {
    chrono::NaiveDate: Date, date, |date| Date::from(date).days(), |days| Date::nearest(days).into();
    chrono::NaiveTime: Time, time, |time| Time::from(time).micros(), |micros| Time::nearest(micros).into();
    chrono::DateTime<chrono::Utc>: Timestamp, timestamp, |moment| Timestamp::from(moment).micros(),
        |micros| Timestamp::nearest(micros).into();
}
