//! The one error type of ROME.

mod cause;
mod kind;
mod text;

use std::fmt;

pub(crate) use cause::Kind;
pub use kind::ErrorKind;

use crate::store::StoreError;

/// What ROME's calls return.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Anything that can go wrong, with what, where, and what to do about it.
///
/// One machine word; ask it with the `is_*` methods, or match its [`kind`](Self::kind). An answer of a store that makes no sense is
/// [`is_internal`](Self::is_internal); a broken invariant within ROME is a panic with its reason. Its text has at most some 10,000 characters: of what it is about and what is longer than that, it says how much it leaves out.
///
/// ```
/// # use rome_orm::prelude::*;
/// # #[derive(Entity, Clone, Debug, Default, PartialEq)]
/// # struct Dog { #[rome(key, auto)] id: Id<Dog>, #[rome(unique)] name: String, #[rome(index)] age: Option<u32> }
/// # fn dog(name: &str, age: u32) -> Dog { Dog { name: name.into(), age: Some(age), ..Default::default() } }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> rome_orm::Result<()> {
/// # let db = Database::builder().entity::<Dog>().open("memory:").await?;
/// db.insert(dog("Rex", 3)).await?;
/// match db.insert(dog("Rex", 5)).await {
///     Err(error) if error.is_unique_violation() => {
///         assert_eq!((error.table(), error.violated_index()), (Some("dog"), Some("unique_name")));
///     }
///     other => panic!("{other:?}"),
/// }
/// # Ok(())
/// # }
/// ```
pub struct Error(Box<Kind>);

impl Error {
    /// A request that makes no sense: bad arguments from the program or from its users. The message says what to do.
    #[must_use]
    pub fn invalid(message: impl Into<String>) -> Self {
        Kind::Invalid(message.into()).into()
    }

    /// An error of this kind with a message of the program's own, such as the body of a transaction may end with. It ends the
    /// transaction: it is not tried again, whatever the kind.
    ///
    /// ```
    /// use rome_orm::{Error, ErrorKind};
    ///
    /// let error = Error::new(ErrorKind::Stale, "somebody else has closed the ticket meanwhile");
    /// assert!(error.is_stale());
    /// assert_eq!(error.to_string(), "somebody else has closed the ticket meanwhile");
    /// ```
    #[must_use]
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Kind::Said(kind, message.into()).into()
    }

    /// What was asked for is not there: [`new`](Self::new) with [`ErrorKind::NotFound`].
    ///
    /// ```
    /// # use rome_orm::prelude::*;
    /// # #[derive(Entity, Clone, Debug, Default, PartialEq)]
    /// # struct Dog { #[rome(key)] id: u32, name: String, lost: bool }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> rome_orm::Result<()> {
    /// # let db = Database::builder().entity::<Dog>().open("memory:").await?;
    /// let found = db
    ///     .transaction(async |s| match s.get::<Dog>(7).await? {
    ///         Some(dog) if !dog.lost => Ok(dog),
    ///         _ => Err(rome_orm::Error::not_found("there is no dog 7 here")),
    ///     })
    ///     .await;
    /// assert!(found.expect_err("there is none").is_not_found());
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::NotFound, message)
    }

    /// Somebody else was quicker: [`new`](Self::new) with [`ErrorKind::Conflict`]. It is given to the caller of the transaction as it
    /// is; only conflicts that ROME finds by itself are tried again.
    #[must_use]
    pub fn conflict(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Conflict, message)
    }

    /// An error of the program's own type, for what has to return ROME's: a hook, the body of a transaction. It ends what it is
    /// returned from, is given to the caller as it is, and [`downcast_ref`](Self::downcast_ref) finds it again.
    ///
    /// ```
    /// # use rome_orm::prelude::*;
    /// # #[derive(Entity, Clone, Debug, Default, PartialEq)]
    /// # struct Dog { #[rome(key)] id: u32, name: String }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> rome_orm::Result<()> {
    /// #[derive(Debug, PartialEq, thiserror::Error)]
    /// #[error("the kennel has {0} places")]
    /// struct Full(u32);
    ///
    /// # let db = Database::builder().entity::<Dog>().open("memory:").await?;
    /// let refused = db
    ///     .transaction(async |s| match s.query::<Dog>().count().await? {
    ///         0 => Err(rome_orm::Error::custom(Full(0))),
    ///         dogs => Ok(dogs),
    ///     })
    ///     .await;
    /// assert_eq!(refused.expect_err("it is full").downcast_ref(), Some(&Full(0)));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn custom(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Kind::Custom(error.into()).into()
    }

    /// An error of the program's own, made by [`custom`](Self::custom).
    #[must_use]
    pub fn is_custom(&self) -> bool {
        self.kind() == ErrorKind::Custom
    }

    /// The error that [`custom`](Self::custom) was given, if it is of this type.
    #[must_use]
    pub fn downcast_ref<T: std::error::Error + 'static>(&self) -> Option<&T> {
        match &*self.0 {
            Kind::Custom(error) => error.downcast_ref(),
            _ => None,
        }
    }

    /// The transaction was given up after the [time-out](crate::session::TransactionOptions::timeout) of its options; nothing was
    /// stored.
    #[must_use]
    pub fn is_timed_out(&self) -> bool {
        self.kind() == ErrorKind::TimedOut
    }

    /// Another transaction got in the way, in each attempt; trying again later may work.
    #[must_use]
    pub fn is_conflict(&self) -> bool {
        self.kind() == ErrorKind::Conflict
    }

    /// A unique constraint does not allow the write. True for duplicate keys too.
    #[must_use]
    pub fn is_unique_violation(&self) -> bool {
        matches!(self.kind(), ErrorKind::UniqueViolation | ErrorKind::DuplicateKey)
    }

    /// A foreign key does not allow the write: what a row references is not there, or what is deleted is referenced by a row
    /// that restricts that.
    #[must_use]
    pub fn is_foreign_key_violation(&self) -> bool {
        self.kind() == ErrorKind::ForeignKeyViolation
    }

    /// There is a row with this key already.
    #[must_use]
    pub fn is_duplicate_key(&self) -> bool {
        self.kind() == ErrorKind::DuplicateKey
    }

    /// The row that was asked for is not there.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        self.kind() == ErrorKind::NotFound
    }

    /// One row was asked for, and several match: the data breaks a rule that the program relies on.
    #[must_use]
    pub fn is_not_unique(&self) -> bool {
        self.kind() == ErrorKind::NotUnique
    }

    /// The entity was read before another write: its version column is behind the stored one.
    #[must_use]
    pub fn is_stale(&self) -> bool {
        self.kind() == ErrorKind::Stale
    }

    /// The row of an [`update_if`](crate::Database::update_if) is there, and a condition does not hold for it;
    /// [`failed_condition`](Self::failed_condition) says which one.
    #[must_use]
    pub fn is_condition_failed(&self) -> bool {
        self.kind() == ErrorKind::ConditionFailed
    }

    /// The place of the first condition that did not hold, counted from 0.
    ///
    /// ```
    /// # use rome_orm::prelude::*;
    /// # #[derive(Entity, Clone, Debug, Default, PartialEq)]
    /// # struct Dog { #[rome(key)] id: u32, name: String, age: Option<u32> }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> rome_orm::Result<()> {
    /// # let db = Database::builder().entity::<Dog>().open("memory:").await?;
    /// db.insert(Dog { id: 1, name: "Rex".into(), age: Some(3) }).await?;
    /// let conditions = (Dog::NAME.eq("Rex"), Dog::AGE.is_null());
    /// let error = db.update_if::<Dog>(1, conditions, Dog::AGE.set(4)).await.expect_err("the age is known");
    /// assert_eq!(error.failed_condition(), Some(1));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn failed_condition(&self) -> Option<usize> {
        match *self.0 {
            Kind::Condition { at, .. } => Some(at),
            _ => None,
        }
    }

    /// The request makes no sense: an unknown column, a wrong type, a bad argument.
    #[must_use]
    pub fn is_invalid(&self) -> bool {
        matches!(self.kind(), ErrorKind::Invalid | ErrorKind::InvalidCursor | ErrorKind::NotLoaded)
    }

    /// The cursor was changed on its way, or comes from another query or another database.
    #[must_use]
    pub fn is_invalid_cursor(&self) -> bool {
        self.kind() == ErrorKind::InvalidCursor
    }

    /// A relation was asked for its rows, and they were not loaded with the row that has it.
    #[must_use]
    pub fn is_not_loaded(&self) -> bool {
        self.kind() == ErrorKind::NotLoaded
    }

    /// Something is too large, such as a key.
    #[must_use]
    pub fn is_limit_exceeded(&self) -> bool {
        self.kind() == ErrorKind::LimitExceeded
    }

    /// Arithmetic left the range of its column.
    #[must_use]
    pub fn is_overflow(&self) -> bool {
        self.kind() == ErrorKind::Overflow
    }

    /// The entities and the stored catalog do not fit together: when the database is opened, or since another program has
    /// changed the catalog. Open the database again, or start the newer build.
    #[must_use]
    pub fn is_schema_mismatch(&self) -> bool {
        self.kind() == ErrorKind::SchemaMismatch
    }

    /// The query would read a whole table and its scan policy denies that.
    #[must_use]
    pub fn is_scan_denied(&self) -> bool {
        self.kind() == ErrorKind::ScanDenied
    }

    /// Stored data is damaged, or does not fit its table. A database that is not there at all is
    /// [`is_database_gone`](Self::is_database_gone).
    #[must_use]
    pub fn is_corrupt(&self) -> bool {
        self.kind() == ErrorKind::Corrupt
    }

    /// The database that was open is not there any more: the keys of a Redis server were removed or lost (`FLUSHALL`, a server
    /// without a file that was started again, another server at the same address), or the file of an embedded store. Nothing was
    /// applied, and the handle will not find it again. Restore a backup, or open it again to begin with a new and empty one.
    #[must_use]
    pub fn is_database_gone(&self) -> bool {
        self.kind() == ErrorKind::DatabaseGone
    }

    /// The store cannot be reached, cannot serve now, or is full; nothing was applied.
    #[must_use]
    pub fn is_unavailable(&self) -> bool {
        self.kind() == ErrorKind::Unavailable
    }

    /// The store was lost while it committed: the write may have been applied or not.
    #[must_use]
    pub fn is_outcome_unknown(&self) -> bool {
        self.kind() == ErrorKind::OutcomeUnknown
    }

    /// Another process has the store open.
    #[must_use]
    pub fn is_in_use(&self) -> bool {
        self.kind() == ErrorKind::InUse
    }

    /// The store refused the user or the password, or does not let this user do what was asked for; nothing was applied.
    #[must_use]
    pub fn is_access_denied(&self) -> bool {
        self.kind() == ErrorKind::AccessDenied
    }

    /// The store is not set up so that it could keep its promises, and is not used: a Redis server that may evict data, or is too
    /// old. The message names the setting.
    #[must_use]
    pub fn is_unsafe_store(&self) -> bool {
        self.kind() == ErrorKind::UnsafeStore
    }

    /// ROME or its store is at fault, and not the request: an invariant is broken, or a store gave an answer that does not fit what
    /// it was asked. Nothing was changed by the call, unless it was a commit. Report it, with its message.
    #[must_use]
    pub fn is_internal(&self) -> bool {
        self.kind() == ErrorKind::Internal
    }

    /// What no other method asks for; the message says what it is.
    #[must_use]
    pub fn is_other(&self) -> bool {
        self.kind() == ErrorKind::Other
    }

    /// How often a transaction was tried before it was given up as a conflict.
    #[must_use]
    pub fn attempts(&self) -> Option<u32> {
        match *self.0 {
            Kind::Conflict { attempts, .. } => Some(attempts),
            _ => None,
        }
    }

    /// The name of the unique index that a write violated.
    #[must_use]
    pub fn violated_index(&self) -> Option<&str> {
        match &*self.0 {
            Kind::Unique { index, .. } => Some(index),
            _ => None,
        }
    }

    /// The table that the error is about.
    #[must_use]
    pub fn table(&self) -> Option<&'static str> {
        match &*self.0 {
            Kind::DuplicateKey { table, .. }
            | Kind::Reference { table, .. }
            | Kind::Referenced { table, .. }
            | Kind::Unique { table, .. }
            | Kind::NotFound { table, .. }
            | Kind::NotOne { table, .. }
            | Kind::Stale { table, .. }
            | Kind::Condition { table, .. }
            | Kind::UnknownColumn { table, .. }
            | Kind::Value { table, .. }
            | Kind::StoredRow { table, .. }
            | Kind::Overflow { table, .. }
            | Kind::ScanDenied { table, .. } => Some(table),
            _ => None,
        }
    }

    /// A store gave an answer that does not fit what it was asked, or an invariant is broken.
    #[cold]
    pub(crate) fn internal(what: impl Into<String>) -> Self {
        Kind::Internal(what.into()).into()
    }

    pub(crate) fn into_kind(self) -> Kind {
        *self.0
    }
}

impl From<Kind> for Error {
    #[cold]
    fn from(kind: Kind) -> Self {
        Self(Box::new(kind))
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        Kind::Store(error).into()
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Error({self})")
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &*self.0 {
            Kind::Value { source, .. } | Kind::StoredRow { source, .. } | Kind::Overflow { source, .. } => Some(source),
            Kind::Store(error) => std::error::Error::source(error),
            // As it speaks for itself in the text, what is below it comes next.
            Kind::Custom(error) => error.source(),
            _ => None,
        }
    }
}
