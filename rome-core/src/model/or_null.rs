//! The type of a column's values where there may be none.

use super::KeyField;
use crate::sealed::Sealed;
use crate::value::{Field, Json};

/// A column type, and what it becomes where its value may be missing: an `Option` of it, or itself if it is one already.
/// So `min(Dog::AGE)` is an `Option<u32>` for an `age` of type `u32` and for one of type `Option<u32>`.
#[diagnostic::on_unimplemented(
    message = "a value of type `{Self}` that may be missing is not supported",
    note = "column types are: numbers, bools, text, bytes, uuids, dates, times, lists, JSON, enums and newtypes that can be keys, and `Option` of them"
)]
pub trait OrNull: Field {
    #[doc(hidden)]
    const SEALED: Sealed;

    /// The type that can be NULL.
    type OrNull: Field;
}

#[diagnostic::do_not_recommend]
impl<T: KeyField> OrNull for T {
    const SEALED: Sealed = Sealed;

    type OrNull = Option<T>;
}

#[diagnostic::do_not_recommend]
impl<T: KeyField> OrNull for Option<T> {
    const SEALED: Sealed = Sealed;

    type OrNull = Self;
}

macro_rules! others {
    ($($ty:ty),* $(,)?) => { $(
        impl OrNull for $ty {
            const SEALED: Sealed = Sealed;

            type OrNull = Option<$ty>;
        }

        impl OrNull for Option<$ty> {
            const SEALED: Sealed = Sealed;

            type OrNull = Self;
        }
    )* };
}

others!(
    f32,
    f64,
    Box<str>,
    std::sync::Arc<str>,
    bytes::Bytes,
    serde_json::Value,
    Vec<bool>,
    Vec<i8>,
    Vec<i16>,
    Vec<i32>,
    Vec<i64>,
    Vec<i128>,
    Vec<u16>,
    Vec<u32>,
    Vec<u64>,
    Vec<u128>,
    Vec<f32>,
    Vec<f64>,
    Vec<String>,
    Vec<uuid::Uuid>,
);

impl<T> OrNull for Json<T>
where
    Self: Field,
{
    const SEALED: Sealed = Sealed;

    type OrNull = Option<Self>;
}

impl<T> OrNull for Option<Json<T>>
where
    Json<T>: Field,
{
    const SEALED: Sealed = Sealed;

    type OrNull = Self;
}
