//! The shapes in PostgreSQL, through sea-orm and its pool.

use anyhow::Result;
use rome_shapes::{SCHEMA, World};
use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbBackend, QueryResult, Statement};

use crate::{CROWD, Row};

/// How many rows one statement inserts.
const BULK: usize = 500;

/// sea-orm on PostgreSQL.
#[derive(Clone)]
pub struct Postgres(DatabaseConnection);

/// The same in the SQL of PostgreSQL, with NULL where SQLite has it.
pub fn dialect(sql: &str) -> String {
    sql.replace(" user =", " \"user\" =")
        .replace("GROUP_CONCAT(name || '=' || value)", "STRING_AGG(name || '=' || value, ',')")
        .replace("ORDER BY seen DESC", "ORDER BY seen DESC NULLS LAST")
        .replace("ORDER BY seen,", "ORDER BY seen NULLS FIRST,")
}

fn schema() -> String {
    SCHEMA
        .replace("INTEGER", "BIGINT")
        .replace(" WITHOUT ROWID", "")
        .replace(" user BIGINT", " \"user\" BIGINT")
        .replace(", user)", ", \"user\")")
        .replace("(user)", "(\"user\")")
        .replace("images (seen)", "images (seen NULLS FIRST)")
}

impl Postgres {
    /// The rows of a world in the database at this URL.
    pub async fn fill(url: &str, world: &World) -> Result<Self> {
        let mut options = ConnectOptions::new(url);
        // This server does not go away: a ping before each use would only cost.
        options.max_connections(CROWD as u32).test_before_acquire(false).sqlx_logging(false);
        let db = Self(Database::connect(options).await?);
        db.0.execute_unprepared(&schema()).await?;
        let nullable = |number: Option<u64>| number.map_or_else(|| "NULL".to_owned(), |number| number.to_string());
        let images = world.images.iter().map(|i| {
            let before = [i.id, i.owner, i.team, i.visibility, i.created].map(|number| number.to_string()).join(", ");
            let behind = [i.grade, i.price, i.kind, i.size].map(|number| number.to_string()).join(", ");
            format!("({before}, {}, {behind}, '{}')", nullable(i.seen), i.title)
        });
        db.insert("images", images).await?;
        let tags = world.tags.iter().map(|tag| format!("({}, {}, {})", tag.image_id, tag.name, tag.value));
        db.insert("tags", tags).await?;
        db.insert("members", world.members.iter().map(|of| format!("({}, {})", of.image_id, of.user))).await?;
        let notes = world.notes.iter().map(|note| {
            let deleted_at = note.deleted_at.map(|at| at.timestamp_micros().unsigned_abs());
            format!("({}, {}, {}, {})", note.id, note.author, note.at, nullable(deleted_at))
        });
        db.insert("notes", notes).await?;
        let events = world.events.iter().map(|e| {
            let numbers = [e.id, e.kind, e.at, e.run, e.shift, e.color, e.form];
            format!("({})", numbers.map(|number| number.to_string()).join(", "))
        });
        db.insert("events", events).await?;
        db.0.execute_unprepared("VACUUM ANALYZE").await?;
        Ok(db)
    }

    async fn insert(&self, table: &str, rows: impl Iterator<Item = String>) -> Result<()> {
        let rows: Vec<String> = rows.collect();
        for rows in rows.chunks(BULK) {
            self.0.execute_unprepared(&format!("INSERT INTO {table} VALUES {}", rows.join(", "))).await?;
        }
        Ok(())
    }

    /// The rows of a query.
    pub async fn ask(&self, sql: &str) -> Result<Vec<Row>> {
        let rows = self.0.query_all_raw(Statement::from_string(DbBackend::Postgres, sql)).await?;
        rows.iter().map(read).collect()
    }
}

fn read(row: &QueryResult) -> Result<Row> {
    let (mut numbers, mut text) = ([None; 16], None);
    for (at, (number, name)) in numbers.iter_mut().zip(row.column_names()).enumerate() {
        *number = match name.as_str() {
            "title" | "string_agg" => {
                text = row.try_get_by_index(at)?;
                None
            }
            "exists" => Some(u64::from(row.try_get_by_index::<bool>(at)?)),
            _ => row.try_get_by_index::<Option<i64>>(at)?.map(|value| value as u64),
        };
    }
    Ok(Row { numbers, _text: text })
}
