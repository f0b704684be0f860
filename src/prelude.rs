//! What most programs use: `use rome_orm::prelude::*;`.

pub use crate::expr::{Column, Condition, Order, avg, count, count_distinct, count_of, max, min, sum};
pub use crate::{
    Cursor, Database, Entity, ErrorKind, Executor, Id, Json, Many, One, OrNotFound, Page, Query, Relation, ScanPolicy,
    Session, TransactionOptions, Value,
};
// The derives alone: with the traits of these names in scope, a program's own traits could not have methods called `read` or `write`.
pub use rome_derive::{ColumnEnum, Embedded, Newtype, Projection};

#[cfg(feature = "chrono")]
pub use chrono::{DateTime, Utc};
pub use uuid::Uuid;
