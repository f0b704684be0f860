//! What most programs use: `use rome_orm::prelude::*;`.

pub use crate::expr::{Column, Expr, Order, avg, count, count_distinct, count_of, max, min, sum};
pub use crate::{
    ColumnEnum, Cursor, Database, Embedded, Entity, ErrorKind, Id, Json, Many, Newtype, One, Open, OrNotFound, Page,
    Projection, Query, Relation, ScanPolicy, Session, TransactionOptions, Value,
};

pub use chrono::{DateTime, Utc};
pub use uuid::Uuid;
