//! What a database function can fail with.

/// What a database function can fail with. Each variant carries a message for people.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// A record that is not there.
    #[error("{0}")]
    NotFound(String),
    /// An image that is not there.
    #[error("{0}")]
    ImageNotFound(String),
    /// A record that is there already.
    #[error("{0}")]
    Duplicate(String),
    /// A record that the context may not see or change.
    #[error("{0}")]
    Forbidden(String),
    /// A public or community image that the context may not change.
    #[error("{0}")]
    ForbiddenPublicImage(String),
    /// A record that is safe from being deleted.
    #[error("{0}")]
    Protected(String),
    /// A value that cannot be stored.
    #[error("{0}")]
    Invalid(String),
    /// A sort key that is no column.
    #[error("{0}")]
    InvalidSortKey(String),
    /// A `_min` or `_max` filter that is no integer.
    #[error("{0}")]
    InvalidFilterRangeValue(String),
    /// A filter operator that does not exist.
    #[error("{0}")]
    InvalidFilterOperatorValue(String),
    /// A filter value that cannot be read.
    #[error("{0}")]
    InvalidParameterValue(String),
    /// A state that does not fit.
    #[error("{0}")]
    Conflict(String),
    /// More than the project of an image may have.
    #[error("{0}")]
    LimitExceeded(String),
    /// A reference to a record that is not there.
    #[error("{0}")]
    Reference(String),
    /// What the store refuses or cannot do.
    #[error(transparent)]
    Store(#[from] rome_orm::Error),
}

impl DbError {
    pub(super) fn no_image(id: &str) -> Self {
        Self::ImageNotFound(format!("No image found with ID {id}"))
    }

    pub(super) fn no_such_reference(id: &str) -> Self {
        Self::Reference(format!("There is no image {id} to refer to"))
    }
}

/// The result of a database function.
pub type DbResult<T> = Result<T, DbError>;
