//! Values from Rust types, for run-time columns.

use uuid::Uuid;

use super::{Date, Field, Time, Timestamp, Value};

macro_rules! from_fields {
    ($($ty:ty),* $(,)?) => { $(
        impl From<$ty> for Value {
            fn from(value: $ty) -> Self {
                Field::to_value(&value)
            }
        }

        impl From<Option<$ty>> for Value {
            fn from(value: Option<$ty>) -> Self {
                value.map_or(Self::Null, Self::from)
            }
        }
    )* };
}

from_fields!(bool, i8, i16, i32, i64, i128, u8, u16, u32, u64, f32, f64, String, Vec<u8>, Uuid, Date, Time, Timestamp,);

#[cfg(feature = "chrono")]
from_fields!(chrono::NaiveDate, chrono::NaiveTime, chrono::DateTime<chrono::Utc>);

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<Option<&str>> for Value {
    fn from(value: Option<&str>) -> Self {
        value.map_or(Self::Null, Self::from)
    }
}
