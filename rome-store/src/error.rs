//! Errors of a store.

use std::fmt;

use crate::Space;

/// What a store call returns.
pub type StoreResult<T> = std::result::Result<T, StoreError>;

/// What is known about a request that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Certainty {
    /// It was not applied and will not be.
    NotApplied,
    /// It may have been applied, or may yet be.
    Unknown,
}

/// What went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StoreErrorKind {
    /// The store cannot be reached, or cannot serve now.
    Unavailable,
    /// Something is over a limit of the store.
    Limit,
    /// The stored data is damaged: what is there contradicts itself or cannot be read.
    Corrupt,
    /// The database is not there any more, as a whole or a partition of it.
    Gone,
    /// Another process has the store open.
    InUse,
    /// The store refuses the user or the password, or does not let the user do this.
    Denied,
    /// The store is not set up so that it could keep its promises.
    Unsafe,
    /// The disk or the memory of the store is full.
    Full,
    /// The request makes no sense to the store.
    Invalid,
    /// A counter would overflow.
    Overflow,
    /// The read is of a space that was [retired](crate::Effect::Retire), see [`StoreError::retired`].
    Retired,
    /// The read is of a [snapshot](crate::Snapshot) that the store does not keep, or not any more. The reader begins anew, with a new
    /// one.
    SnapshotGone,
    /// Anything else.
    Other,
}

/// An error of a store, with what is known about the request.
#[derive(Debug, thiserror::Error)]
pub struct StoreError {
    kind: StoreErrorKind,
    certainty: Certainty,
    message: String,
    retired: Option<Space>,
    #[source]
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl StoreError {
    /// An error after which nothing was applied; the message says what happened, where, and what to do.
    #[must_use]
    pub fn new(kind: StoreErrorKind, message: impl Into<String>) -> Self {
        Self { kind, certainty: Certainty::NotApplied, message: message.into(), retired: None, source: None }
    }

    /// The refusal of a read of a retired space.
    #[cold]
    #[must_use]
    pub fn retired(space: Space) -> Self {
        let message =
            format!("{space:?} was retired: its index was dropped, and what it would show is not all that is stored");
        Self { retired: Some(space), ..Self::new(StoreErrorKind::Retired, message) }
    }

    /// The refusal of a read, check, effect or step that the store does not know.
    #[cold]
    #[must_use]
    pub fn unknown(what: &dyn fmt::Debug) -> Self {
        let message = format!(
            "the store does not know {what:?}: it was written for an earlier contract; use a newer version of it"
        );
        Self::new(StoreErrorKind::Invalid, message)
    }

    /// The space that is retired, where that is the error.
    #[must_use]
    pub const fn retired_space(&self) -> Option<Space> {
        self.retired
    }

    /// The same error, but the request may have been applied.
    #[must_use]
    pub fn with_unknown_outcome(mut self) -> Self {
        self.certainty = Certainty::Unknown;
        self
    }

    /// The same error of a request that was only a preparation: what it prepares will not be applied.
    pub fn certainly_not_applied(mut self) -> Self {
        self.certainty = Certainty::NotApplied;
        self
    }

    /// The same error, with the error that caused it.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// What went wrong.
    #[must_use]
    pub const fn kind(&self) -> StoreErrorKind {
        self.kind
    }

    /// What is known about the request.
    #[must_use]
    pub const fn certainty(&self) -> Certainty {
        self.certainty
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if let Some(source) = &self.source {
            write!(f, ": {source}")?;
        }
        Ok(())
    }
}
