//! The shapes in SQLite.

use std::path::{Path, PathBuf};

use anyhow::Result;
use r2d2::{ManageConnection, Pool};
use rome_shapes::{SCHEMA, World};
use rusqlite::{Connection, OpenFlags, params, types::ValueRef};

use crate::{CROWD, Row};

/// Opens connections to one SQLite database.
#[derive(Debug)]
struct Manager {
    path: PathBuf,
    settings: &'static str,
}

impl ManageConnection for Manager {
    type Connection = Connection;
    type Error = rusqlite::Error;

    fn connect(&self) -> rusqlite::Result<Connection> {
        let connection = Connection::open_with_flags(&self.path, OpenFlags::default() | OpenFlags::SQLITE_OPEN_URI)?;
        connection.execute_batch(self.settings)?;
        connection.set_prepared_statement_cache_capacity(128);
        Ok(connection)
    }

    fn is_valid(&self, _: &mut Connection) -> rusqlite::Result<()> {
        Ok(())
    }

    fn has_broken(&self, _: &mut Connection) -> bool {
        false
    }
}

/// SQLite by hand, through a pool.
#[derive(Clone)]
pub struct Sqlite(Pool<Manager>);

impl Sqlite {
    /// The rows of a world in the database at this path, of which each connection has these settings.
    pub fn fill(path: &Path, settings: &'static str, world: &World) -> Result<Self> {
        let manager = Manager { path: path.to_owned(), settings };
        let pool = Pool::builder().max_size(CROWD as u32).min_idle(Some(CROWD as u32)).build(manager)?;
        let mut connection = pool.get()?;
        connection.execute_batch(SCHEMA)?;
        let transaction = connection.transaction()?;
        for i in &world.images {
            let mut insert = transaction
                .prepare_cached("INSERT INTO images VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)")?;
            let seen = i.seen.map(|seen| seen as i64);
            let numbers = [i.id, i.owner, i.team, i.visibility, i.created, i.grade, i.price, i.kind, i.size];
            let [id, owner, team, visibility, created, grade, price, kind, size] = numbers.map(|number| number as i64);
            insert.execute(params![id, owner, team, visibility, created, seen, grade, price, kind, size, i.title])?;
        }
        for tag in &world.tags {
            let mut insert = transaction.prepare_cached("INSERT INTO tags VALUES (?1, ?2, ?3)")?;
            insert.execute([tag.image_id, tag.name, tag.value].map(|number| number as i64))?;
        }
        for member in &world.members {
            let mut insert = transaction.prepare_cached("INSERT INTO members VALUES (?1, ?2)")?;
            insert.execute([member.image_id, member.user].map(|number| number as i64))?;
        }
        for note in &world.notes {
            let mut insert = transaction.prepare_cached("INSERT INTO notes VALUES (?1, ?2, ?3, ?4)")?;
            let deleted_at = note.deleted_at.map(|at| at.timestamp_micros());
            insert.execute(params![note.id as i64, note.author as i64, note.at as i64, deleted_at])?;
        }
        for e in &world.events {
            let mut insert = transaction.prepare_cached("INSERT INTO events VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?;
            insert.execute([e.id, e.kind, e.at, e.run, e.shift, e.color, e.form].map(|number| number as i64))?;
        }
        transaction.commit()?;
        connection.execute_batch("ANALYZE")?;
        drop(connection);
        Ok(Self(pool))
    }

    /// The rows of a query.
    pub fn ask(&self, sql: &str) -> Result<Vec<Row>> {
        let connection = self.0.get()?;
        let mut statement = connection.prepare_cached(sql)?;
        let columns = statement.column_count();
        let read = |row: &rusqlite::Row<'_>| {
            let (mut numbers, mut text) = ([None; 16], None);
            for (at, number) in numbers.iter_mut().take(columns).enumerate() {
                match row.get_ref(at)? {
                    ValueRef::Integer(value) => *number = Some(value as u64),
                    ValueRef::Text(value) => text = Some(String::from_utf8_lossy(value).into_owned()),
                    _ => {}
                }
            }
            Ok(Row { numbers, _text: text })
        };
        Ok(statement.query_map([], read)?.collect::<rusqlite::Result<_>>()?)
    }
}
