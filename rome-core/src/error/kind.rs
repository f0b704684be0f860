//! The kinds of errors, for programs that decide by all of them.

use super::{Error, Kind};
use crate::store::{Certainty, StoreErrorKind};

/// What kind of thing went wrong: [`Error::kind`].
///
/// Each error has one kind, and each kind has one method of [`Error`] that asks for it. Two of these methods are wider than their
/// kind: [`Error::is_unique_violation`] is true for [`DuplicateKey`](Self::DuplicateKey) too, and [`Error::is_invalid`] for
/// [`InvalidCursor`](Self::InvalidCursor) and [`NotLoaded`](Self::NotLoaded).
///
/// ```
/// use rome_orm::ErrorKind;
///
/// /// What a web service answers.
/// fn status(error: &rome_orm::Error) -> u16 {
///     match error.kind() {
///         ErrorKind::NotFound => 404,
///         ErrorKind::DuplicateKey | ErrorKind::UniqueViolation | ErrorKind::Stale | ErrorKind::ConditionFailed => 409,
///         ErrorKind::Invalid | ErrorKind::InvalidCursor | ErrorKind::ForeignKeyViolation | ErrorKind::LimitExceeded => 400,
///         ErrorKind::Conflict | ErrorKind::Unavailable | ErrorKind::InUse => 503,
///         _ => 500,
///     }
/// }
/// assert_eq!(status(&rome_orm::Error::not_found("this project has no such ticket")), 404);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// [`Error::is_conflict`].
    Conflict,
    /// [`Error::is_duplicate_key`].
    DuplicateKey,
    /// [`Error::is_unique_violation`].
    UniqueViolation,
    /// [`Error::is_foreign_key_violation`].
    ForeignKeyViolation,
    /// [`Error::is_not_found`].
    NotFound,
    /// [`Error::is_not_unique`].
    NotUnique,
    /// [`Error::is_stale`].
    Stale,
    /// [`Error::is_condition_failed`].
    ConditionFailed,
    /// [`Error::is_invalid`].
    Invalid,
    /// [`Error::is_invalid_cursor`].
    InvalidCursor,
    /// [`Error::is_not_loaded`].
    NotLoaded,
    /// [`Error::is_limit_exceeded`].
    LimitExceeded,
    /// [`Error::is_overflow`].
    Overflow,
    /// [`Error::is_schema_mismatch`].
    SchemaMismatch,
    /// [`Error::is_scan_denied`].
    ScanDenied,
    /// [`Error::is_corrupt`].
    Corrupt,
    /// [`Error::is_database_gone`].
    DatabaseGone,
    /// [`Error::is_unavailable`].
    Unavailable,
    /// [`Error::is_outcome_unknown`].
    OutcomeUnknown,
    /// [`Error::is_timed_out`].
    TimedOut,
    /// [`Error::is_in_use`].
    InUse,
    /// [`Error::is_access_denied`].
    AccessDenied,
    /// [`Error::is_unsafe_store`].
    UnsafeStore,
    /// [`Error::is_internal`].
    Internal,
    /// [`Error::is_custom`].
    Custom,
    /// [`Error::is_other`].
    Other,
}

impl Error {
    /// What kind of thing went wrong.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match &*self.0 {
            Kind::Conflict { .. } => ErrorKind::Conflict,
            Kind::DuplicateKey { .. } => ErrorKind::DuplicateKey,
            Kind::Unique { .. } => ErrorKind::UniqueViolation,
            Kind::Reference { .. } | Kind::Referenced { .. } => ErrorKind::ForeignKeyViolation,
            Kind::NotFound { .. } | Kind::NotOne { several: false, .. } => ErrorKind::NotFound,
            Kind::Stale { .. } => ErrorKind::Stale,
            Kind::Condition { .. } => ErrorKind::ConditionFailed,
            Kind::Invalid(_) | Kind::UnknownColumn { .. } | Kind::Value { .. } | Kind::Finished => ErrorKind::Invalid,
            Kind::NotOne { several: true, .. } => ErrorKind::NotUnique,
            Kind::TimedOut(_) => ErrorKind::TimedOut,
            Kind::Custom(_) => ErrorKind::Custom,
            Kind::Cursor(_) => ErrorKind::InvalidCursor,
            Kind::NotLoaded { .. } => ErrorKind::NotLoaded,
            Kind::Limit(_) => ErrorKind::LimitExceeded,
            Kind::Overflow { .. } => ErrorKind::Overflow,
            Kind::Schema(_) => ErrorKind::SchemaMismatch,
            Kind::ScanDenied { .. } => ErrorKind::ScanDenied,
            Kind::StoredRow { .. } => ErrorKind::Corrupt,
            Kind::Internal(_) => ErrorKind::Internal,
            Kind::Said(kind, _) => *kind,
            // That it may have been applied is what a program has to know first.
            Kind::Store(error) if error.certainty() == Certainty::Unknown => ErrorKind::OutcomeUnknown,
            Kind::Store(error) => of_store(error.kind()),
        }
    }
}

const fn of_store(kind: StoreErrorKind) -> ErrorKind {
    match kind {
        StoreErrorKind::Unavailable | StoreErrorKind::Full => ErrorKind::Unavailable,
        StoreErrorKind::Limit => ErrorKind::LimitExceeded,
        StoreErrorKind::Corrupt => ErrorKind::Corrupt,
        StoreErrorKind::Gone => ErrorKind::DatabaseGone,
        StoreErrorKind::InUse => ErrorKind::InUse,
        StoreErrorKind::Denied => ErrorKind::AccessDenied,
        StoreErrorKind::Unsafe => ErrorKind::UnsafeStore,
        StoreErrorKind::Invalid => ErrorKind::Invalid,
        StoreErrorKind::Overflow => ErrorKind::Overflow,
        StoreErrorKind::Retired => ErrorKind::SchemaMismatch,
        // What was read first cannot be read on: its reader begins anew.
        StoreErrorKind::SnapshotGone => ErrorKind::Conflict,
        _ => ErrorKind::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::StoreError;
    use crate::value::ValueError;

    /// What a kind's own method says.
    type Ask = fn(&Error) -> bool;

    const ALL: [(ErrorKind, Ask); 26] = [
        (ErrorKind::Conflict, Error::is_conflict),
        (ErrorKind::DuplicateKey, Error::is_duplicate_key),
        (ErrorKind::UniqueViolation, Error::is_unique_violation),
        (ErrorKind::ForeignKeyViolation, Error::is_foreign_key_violation),
        (ErrorKind::NotFound, Error::is_not_found),
        (ErrorKind::NotUnique, Error::is_not_unique),
        (ErrorKind::Stale, Error::is_stale),
        (ErrorKind::ConditionFailed, Error::is_condition_failed),
        (ErrorKind::Invalid, Error::is_invalid),
        (ErrorKind::InvalidCursor, Error::is_invalid_cursor),
        (ErrorKind::NotLoaded, Error::is_not_loaded),
        (ErrorKind::LimitExceeded, Error::is_limit_exceeded),
        (ErrorKind::Overflow, Error::is_overflow),
        (ErrorKind::SchemaMismatch, Error::is_schema_mismatch),
        (ErrorKind::ScanDenied, Error::is_scan_denied),
        (ErrorKind::Corrupt, Error::is_corrupt),
        (ErrorKind::DatabaseGone, Error::is_database_gone),
        (ErrorKind::Unavailable, Error::is_unavailable),
        (ErrorKind::OutcomeUnknown, Error::is_outcome_unknown),
        (ErrorKind::TimedOut, Error::is_timed_out),
        (ErrorKind::InUse, Error::is_in_use),
        (ErrorKind::AccessDenied, Error::is_access_denied),
        (ErrorKind::UnsafeStore, Error::is_unsafe_store),
        (ErrorKind::Internal, Error::is_internal),
        (ErrorKind::Custom, Error::is_custom),
        (ErrorKind::Other, Error::is_other),
    ];

    /// An error for each private kind, and for each kind and certainty of a store.
    fn samples() -> Vec<Error> {
        let text = String::new;
        let value = || ValueError::malformed("a value", 0);
        let table = "t";
        let mut samples: Vec<Error> = [
            Kind::Conflict { attempts: 1, what: text() },
            Kind::TimedOut(std::time::Duration::ZERO),
            Kind::Custom("mine".into()),
            Kind::DuplicateKey { table, key: text() },
            Kind::Unique { table, index: text(), columns: text(), value: text() },
            Kind::Reference { table, columns: text(), key: text(), target: table },
            Kind::Referenced { table, key: text(), by: table, by_key: text(), columns: text() },
            Kind::NotFound { table, key: text() },
            Kind::NotOne { table, several: false },
            Kind::NotOne { table, several: true },
            Kind::Stale { table, key: text(), given: text(), stored: text() },
            Kind::Condition { table, key: text(), at: 0, of: 1, condition: text(), stored: text() },
            Kind::Invalid(text()),
            Kind::UnknownColumn { table, column: text(), nearest: None },
            Kind::Value { table, column: text(), source: value() },
            Kind::StoredRow { table, key: text(), column: None, source: value() },
            Kind::Limit(text()),
            Kind::Overflow { table, column: None, source: value() },
            Kind::Schema(text()),
            Kind::ScanDenied { table, advice: text() },
            Kind::Cursor(""),
            Kind::NotLoaded { name: None, target: table },
            Kind::Finished,
            Kind::Internal(text()),
        ]
        .into_iter()
        .map(Error::from)
        .collect();
        for kind in [
            StoreErrorKind::Unavailable,
            StoreErrorKind::Limit,
            StoreErrorKind::Corrupt,
            StoreErrorKind::Gone,
            StoreErrorKind::InUse,
            StoreErrorKind::Denied,
            StoreErrorKind::Unsafe,
            StoreErrorKind::Full,
            StoreErrorKind::Invalid,
            StoreErrorKind::Overflow,
            StoreErrorKind::SnapshotGone,
            StoreErrorKind::Other,
        ] {
            samples.push(StoreError::new(kind, "").into());
            samples.push(StoreError::new(kind, "").with_unknown_outcome().into());
        }
        samples.extend(ALL.map(|(kind, _)| Error::new(kind, "")));
        samples
    }

    #[test]
    fn each_kind_has_one_method_and_each_error_one_kind() {
        let samples = samples();
        for (kind, _) in ALL {
            assert!(samples.iter().any(|error| error.kind() == kind), "no sample is {kind:?}");
        }
        for error in samples {
            let kind = error.kind();
            let said: Vec<ErrorKind> = ALL.iter().filter(|(_, ask)| ask(&error)).map(|(kind, _)| *kind).collect();
            let expected = match kind {
                ErrorKind::DuplicateKey => vec![kind, ErrorKind::UniqueViolation],
                ErrorKind::InvalidCursor | ErrorKind::NotLoaded => vec![ErrorKind::Invalid, kind],
                kind => vec![kind],
            };
            assert_eq!(said, expected);
        }
    }
}
