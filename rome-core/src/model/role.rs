//! Columns that ROME itself writes, and the types that they may have.
//!
//! A function for each attribute, so that a wrong type is an error in the words of that attribute.

use crate::schema::{ColumnDef, Role};
use crate::sealed::Sealed;
use crate::value::{Field, Timestamp};

/// The type of a `created_at` or `updated_at` column.
#[diagnostic::on_unimplemented(
    message = "a `created_at` or `updated_at` field cannot be a `{Self}`",
    label = "expected `DateTime<Utc>` or `Timestamp`"
)]
pub trait Moment: Field {
    #[doc(hidden)]
    const SEALED: Sealed;
}

impl Moment for Timestamp {
    const SEALED: Sealed = Sealed;
}

#[cfg(feature = "chrono")]
impl Moment for chrono::DateTime<chrono::Utc> {
    const SEALED: Sealed = Sealed;
}

/// The type of a `version` column.
#[diagnostic::on_unimplemented(
    message = "a `version` field cannot be a `{Self}`",
    label = "expected an integer",
    note = "a version starts at 1 and rises by one with each update: `u64` is a good choice"
)]
pub trait VersionNumber: Field {
    #[doc(hidden)]
    const SEALED: Sealed;
}

macro_rules! version_numbers {
    ($($ty:ty),*) => { $(impl VersionNumber for $ty {
    const SEALED: Sealed = Sealed;
})* };
}

version_numbers!(i16, i32, i64, i128, u16, u32, u64, u128);

/// The type of a `soft_delete` column.
#[diagnostic::on_unimplemented(
    message = "a `soft_delete` field cannot be a `{Self}`",
    label = "expected `Option<DateTime<Utc>>` or `Option<Timestamp>`",
    note = "it is `None` until the row is deleted"
)]
pub trait OptionalMoment: Field {
    #[doc(hidden)]
    const SEALED: Sealed;
}

impl<T: Moment> OptionalMoment for Option<T>
where
    Self: Field,
{
    const SEALED: Sealed = Sealed;
}

/// The column of a `created_at` field.
#[must_use]
pub fn created_at<T: Moment>(name: &'static str) -> ColumnDef {
    ColumnDef::of::<T>(name).role(Role::CreatedAt)
}

/// The column of an `updated_at` field.
#[must_use]
pub fn updated_at<T: Moment>(name: &'static str) -> ColumnDef {
    ColumnDef::of::<T>(name).role(Role::UpdatedAt)
}

/// The column of a `version` field.
#[must_use]
pub fn version<T: VersionNumber>(name: &'static str) -> ColumnDef {
    ColumnDef::of::<T>(name).role(Role::Version)
}

/// The column of a `soft_delete` field.
#[must_use]
pub fn soft_delete<T: OptionalMoment>(name: &'static str) -> ColumnDef {
    ColumnDef::of::<T>(name).role(Role::DeletedAt)
}
