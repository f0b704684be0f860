//! The same row as several entities, which differ in their keys and indexes.

use chrono::{DateTime, Utc};
use rome_orm::prelude::*;
use uuid::Uuid;

use super::row::{Col, Kind, Row};

/// The columns of an entity of the test.
pub struct Cols<E> {
    pub id: Column<E, u64>,
    pub flag: Column<E, bool>,
    pub small: Column<E, i32>,
    pub big: Column<E, Option<i64>>,
    pub wide: Column<E, u64>,
    pub ratio: Column<E, f64>,
    pub note: Column<E, Option<String>>,
    pub name: Column<E, String>,
    pub blob: Column<E, Vec<u8>>,
    pub token: Column<E, Uuid>,
    pub at: Column<E, DateTime<Utc>>,
    pub kind: Column<E, Kind>,
    pub tags: Column<E, Vec<String>>,
    pub marks: Column<E, Vec<i32>>,
    pub extra: Column<E, Json<serde_json::Value>>,
    pub code: Column<E, Option<i32>>,
    pub gone: Column<E, Option<DateTime<Utc>>>,
}

/// An entity of the test.
#[allow(async_fn_in_trait, reason = "the test runs it on one thread")]
pub trait Subject: Entity<Key: PartialEq + std::fmt::Debug> + Clone + std::fmt::Debug {
    const NAME: &str;
    const KEY: &[Col];
    const SOFT: bool;

    fn cols() -> Cols<Self>;
    fn of(row: &Row) -> Self;
    fn row(&self) -> Row;
    /// The rows of the query through a derived projection.
    async fn briefs(query: Query<'_, Self>) -> rome_orm::Result<Vec<(String, Option<i64>, i32)>>;
}

macro_rules! subject {
    (
        $(#[$table:meta])* $name:ident, $brief:ident, key [$($key:ident)+], soft $soft:literal,
        $($(#[$meta:meta])* $field:ident $constant:ident: $ty:ty,)+
    ) => {
        #[derive(Entity, Clone, Debug)]
        $(#[$table])*
        pub struct $name {
            $($(#[$meta])* $field: $ty,)+
        }

        #[derive(Projection)]
        #[rome(entity = $name)]
        struct $brief {
            name: String,
            big: Option<i64>,
            #[rome(from = SMALL)]
            little: i32,
        }

        impl Subject for $name {
            const NAME: &str = stringify!($name);
            const KEY: &[Col] = &[$(Col::$key),+];
            const SOFT: bool = $soft;

            fn cols() -> Cols<Self> {
                Cols { $($field: Self::$constant,)+ }
            }

            fn of(row: &Row) -> Self {
                let row = row.clone();
                Self { $($field: row.$field,)+ }
            }

            fn row(&self) -> Row {
                let row = self.clone();
                Row { $($field: row.$field,)+ }
            }

            async fn briefs(query: Query<'_, Self>) -> rome_orm::Result<Vec<(String, Option<i64>, i32)>> {
                let briefs = query.project::<$brief>().all().await?;
                Ok(briefs.into_iter().map(|brief| (brief.name, brief.big, brief.little)).collect())
            }
        }
    };
}

subject! {
    Plain, PlainBrief, key [Id], soft false,
    #[rome(key)] id ID: u64,
    flag FLAG: bool,
    small SMALL: i32,
    big BIG: Option<i64>,
    wide WIDE: u64,
    ratio RATIO: f64,
    note NOTE: Option<String>,
    name NAME: String,
    blob BLOB: Vec<u8>,
    token TOKEN: Uuid,
    at AT: DateTime<Utc>,
    kind KIND: Kind,
    tags TAGS: Vec<String>,
    marks MARKS: Vec<i32>,
    #[rome(json)] extra EXTRA: serde_json::Value,
    code CODE: Option<i32>,
    gone GONE: Option<DateTime<Utc>>,
}

subject! {
    Single, SingleBrief, key [Id], soft false,
    #[rome(key)] id ID: u64,
    #[rome(index)] flag FLAG: bool,
    #[rome(index)] small SMALL: i32,
    #[rome(index)] big BIG: Option<i64>,
    #[rome(index(desc))] wide WIDE: u64,
    #[rome(index)] ratio RATIO: f64,
    #[rome(index)] note NOTE: Option<String>,
    #[rome(index)] name NAME: String,
    #[rome(index)] blob BLOB: Vec<u8>,
    #[rome(unique)] token TOKEN: Uuid,
    #[rome(index)] at AT: DateTime<Utc>,
    #[rome(index)] kind KIND: Kind,
    #[rome(index)] tags TAGS: Vec<String>,
    #[rome(index)] marks MARKS: Vec<i32>,
    #[rome(json)] extra EXTRA: serde_json::Value,
    #[rome(unique)] code CODE: Option<i32>,
    gone GONE: Option<DateTime<Utc>>,
}

subject! {
    #[rome(
        index(kind, desc(small)), index(flag, name, desc(at)), index(desc(big), note), index(desc(note)), index(desc(name), small),
        index(desc(ratio), id), index(tags, small), index(kind, tags), index(desc(marks), kind),
        unique(kind, code), unique(desc(token))
    )]
    Mixed, MixedBrief, key [Id], soft false,
    #[rome(key)] id ID: u64,
    flag FLAG: bool,
    small SMALL: i32,
    big BIG: Option<i64>,
    wide WIDE: u64,
    ratio RATIO: f64,
    note NOTE: Option<String>,
    name NAME: String,
    blob BLOB: Vec<u8>,
    token TOKEN: Uuid,
    at AT: DateTime<Utc>,
    kind KIND: Kind,
    tags TAGS: Vec<String>,
    marks MARKS: Vec<i32>,
    #[rome(json)] extra EXTRA: serde_json::Value,
    code CODE: Option<i32>,
    gone GONE: Option<DateTime<Utc>>,
}

subject! {
    #[rome(index(big), index(name, id), index(desc(kind), small), index(note, desc(small)), index(desc(id)))]
    #[rome(partition_by(small))]
    Paired, PairedBrief, key [Small Id], soft false,
    #[rome(key)] small SMALL: i32,
    flag FLAG: bool,
    #[rome(key)] id ID: u64,
    big BIG: Option<i64>,
    wide WIDE: u64,
    ratio RATIO: f64,
    note NOTE: Option<String>,
    name NAME: String,
    blob BLOB: Vec<u8>,
    token TOKEN: Uuid,
    at AT: DateTime<Utc>,
    kind KIND: Kind,
    tags TAGS: Vec<String>,
    marks MARKS: Vec<i32>,
    #[rome(json)] extra EXTRA: serde_json::Value,
    #[rome(unique)] code CODE: Option<i32>,
    gone GONE: Option<DateTime<Utc>>,
}

subject! {
    #[rome(index(gone, small), global_index(kind, desc(big)))]
    Soft, SoftBrief, key [Id], soft true,
    #[rome(key)] id ID: u64,
    flag FLAG: bool,
    #[rome(index)] small SMALL: i32,
    big BIG: Option<i64>,
    wide WIDE: u64,
    ratio RATIO: f64,
    note NOTE: Option<String>,
    #[rome(index(desc))] name NAME: String,
    blob BLOB: Vec<u8>,
    token TOKEN: Uuid,
    at AT: DateTime<Utc>,
    kind KIND: Kind,
    #[rome(index)] tags TAGS: Vec<String>,
    marks MARKS: Vec<i32>,
    #[rome(json)] extra EXTRA: serde_json::Value,
    #[rome(unique)] code CODE: Option<i32>,
    #[rome(soft_delete)] gone GONE: Option<DateTime<Utc>>,
}

/// The key columns of a row.
pub fn same_key<E: Subject>(a: &Row, b: &Row) -> bool {
    E::KEY.iter().all(|col| a.get(*col) == b.get(*col))
}
