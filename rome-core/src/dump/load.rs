//! Loads dumps.

use std::collections::BTreeMap;
use std::io::BufRead;
use std::sync::Arc;

use bytes::Bytes;

use super::line::{FORMAT, Line, Tally, from_json};
use super::{Progress, clash};
use crate::catalog::{Document, StoredTable, create_document, read_document};
use crate::commit::{Committer, Part};
use crate::database::Database;
use crate::error::{Error, Result};
use crate::schema::Table;
use crate::session::Shared;
use crate::session::keys::FARTHEST;
use crate::statement::{self, Write};
use crate::store::{Durability, Effect, Partition, Read, Reply, SequenceId, Space, Span, Store};
use crate::value::{RowReader, ValueRef, read_column};

/// How many rows are written in one transaction.
const BATCH: usize = 500;
/// Where the catalog's space has how far a load is: the digest of the dump, and how many of its rows are loaded.
const MARK: &[u8] = b"load";

/// What a load did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Loaded {
    /// How many rows of each table the dump has.
    pub rows: BTreeMap<String, u64>,
    /// How many rows an earlier load that was interrupted had loaded already.
    pub resumed: u64,
}

/// A dump that was read to its end.
struct Verified {
    catalog: Document,
    rows: BTreeMap<String, u64>,
    digest: String,
}

/// Reads a dump to its end and says how many rows of each table it has. Touches no store.
///
/// # Errors
/// [`is_invalid`](Error::is_invalid) if it is cut, changed, or no dump.
pub fn verify(dump: &mut impl BufRead) -> Result<BTreeMap<String, u64>> {
    read_through(dump, |_, _| Ok(())).map(|verified| verified.rows)
}

/// Loads a dump into a store that has no database, or whose database has these tables, without rows. `open` is called
/// twice and gives the dump from its beginning: it is read to its end first, so nothing of a dump that is cut or damaged is
/// loaded. A load that is interrupted is finished by loading the same dump again; until then the store has a part of it. If its
/// rows are removed, any dump may be loaded.
///
/// Indexes of a dump whose database is new are made with it. Only unique ones that were not built where it was taken are left out,
/// since duplicates may be why. Counted keys go on after the greatest one up to 4·10¹²; one beyond was given by hand.
///
/// Foreign keys are not looked at while rows are loaded, since a row may come before the one that it references:
/// [`check`](crate::Admin::check) finds what the dump itself did not have. Costs three round trips for each 500 rows: a read, the
/// commit, and a note of how far it is. Reading is not asynchronous: this is for tools.
///
/// ```
/// # use rome_orm::prelude::*;
/// # #[derive(Entity, Clone, Debug, Default, PartialEq)]
/// # struct Dog { #[rome(key, auto)] id: Id<Dog>, #[rome(unique)] name: String, #[rome(index)] age: Option<u32> }
/// # fn dog(name: &str, age: u32) -> Dog { Dog { name: name.into(), age: Some(age), ..Default::default() } }
/// use rome_orm::store::memory::MemoryStore;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> rome_orm::Result<()> {
/// # let db = Database::builder().entity::<Dog>().open("memory:").await?;
/// let rex = db.insert(dog("Rex", 3)).await?;
/// let mut lines = Vec::new();
/// db.admin().dump(&mut lines, |_| {}).await?;
///
/// let store = std::sync::Arc::new(MemoryStore::new());
/// rome_orm::dump::load(store.clone(), || Ok(lines.as_slice()), |_| {}).await?;
/// let copy = Database::builder().entity::<Dog>().open(store).await?;
/// assert_eq!(copy.get::<Dog>(rex.id).await?, Some(rex));
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`is_invalid`](Error::is_invalid) if the dump is cut, changed, does not fit the stored tables, or these have rows; also if two of
/// its rows have the same values in a unique index, which is found when the second one is loaded; those of the store and of
/// `open`.
pub async fn load<R: BufRead + Send>(
    store: Arc<dyn Store>,
    mut open: impl FnMut() -> std::io::Result<R> + Send,
    mut progress: impl FnMut(&Progress) + Send,
) -> Result<Loaded> {
    let committer = Arc::new(Committer::new(store.clone(), Durability::default()));
    let mut open = || open().map_err(|error| Error::invalid(format!("the dump cannot be read: {error}")));
    let verified = read_through(&mut open()?, |_, _| Ok(()))?;
    if read_document(&committer).await?.is_none() {
        create_document(&committer, verified.catalog.clone()).await?;
    }
    let db = Database::builder().stored_tables().open_with(store, false).await?;
    // Once more, to see that each row fits the tables that are there.
    read_through(&mut open()?, |table, row| from_json(db.stored_table(table)?.def, row).map(|_| ()))?;
    let resumed = begin(&db, &verified).await?;
    let mut loader =
        Loader { db: &db, digest: &verified.digest, done: 0, resumed, pending: Vec::new(), counted: BTreeMap::new() };
    let mut told = Progress { of: verified.rows.values().sum(), ..Progress::default() };
    let mut dump = open()?;
    let mut text = String::new();
    while next(&mut dump, &mut text)? {
        if let Line::Row { table, row } = parse(&text)?
            && loader.add(db.stored_table(&table)?, &row).await?
        {
            (told.table, told.rows) = (table, loader.done);
            progress(&told);
        }
    }
    loader.write().await?;
    told.rows = loader.done;
    progress(&told);
    loader.skip_numbers(&verified.catalog).await?;
    set_mark(&db.shared, None).await?;
    Ok(Loaded { rows: verified.rows, resumed })
}

/// Reads a dump to its end, and calls `each` with each row.
fn read_through(
    dump: &mut impl BufRead,
    mut each: impl FnMut(&str, &serde_json::Map<String, serde_json::Value>) -> Result<()>,
) -> Result<Verified> {
    let mut text = String::new();
    let mut tally = Tally::default();
    let mut catalog = None;
    let mut rows: BTreeMap<String, u64> = BTreeMap::new();
    let mut number = 0_u64;
    while next(dump, &mut text)? {
        number += 1;
        let wrong = |what: String| Error::invalid(format!("line {number} of the dump {what}; nothing was loaded"));
        // A line that was cut cannot be read, or has no end.
        if !text.ends_with('\n') {
            return Err(cut(number));
        }
        match (parse(&text), &catalog) {
            (Ok(Line::Header { rome_dump: FORMAT, catalog: found }), None) => catalog = Some(found),
            (Ok(Line::Header { rome_dump, .. }), None) => {
                return Err(wrong(format!("says that it has form {rome_dump}, this build reads {FORMAT}")));
            }
            (Ok(Line::Row { table, row }), Some(_)) => {
                each(&table, &row).map_err(|error| wrong(format!("does not fit: {error}")))?;
                *rows.entry(table).or_default() += 1;
                tally.rows += 1;
            }
            (Ok(Line::End { end, digest }), Some(_)) => {
                if end != tally.rows || digest != tally.digest() {
                    return Err(wrong("does not agree with those before it: the dump was changed".to_owned()));
                }
                return match catalog {
                    Some(catalog) => Ok(Verified { catalog, rows, digest }),
                    None => Err(wrong("comes too early".to_owned())),
                };
            }
            (Err(_), None) | (Ok(_), None) => return Err(wrong("is not the first line of a dump".to_owned())),
            (Err(error), _) => return Err(wrong(format!("cannot be read: {error}"))),
            (Ok(Line::Header { .. }), Some(_)) => return Err(wrong("is a first line in the middle".to_owned())),
        }
        tally.add(&text);
    }
    Err(cut(number))
}

fn cut(lines: u64) -> Error {
    Error::invalid(format!(
        "the dump was cut: it ends in or after line {lines}, without the line that ends a dump; nothing was loaded"
    ))
}

fn next(dump: &mut impl BufRead, text: &mut String) -> Result<bool> {
    text.clear();
    let read = dump.read_line(text);
    Ok(read.map_err(|error| Error::invalid(format!("the dump cannot be read: {error}")))? > 0)
}

fn parse(text: &str) -> Result<Line> {
    serde_json::from_str(text).map_err(|_| Error::invalid("it is no line of a dump"))
}

/// Notes which dump is loaded; gives how many of its rows are there already.
async fn begin(db: &Database, verified: &Verified) -> Result<u64> {
    let mark = Read::Get { space: Space::Meta, key: Bytes::from_static(MARK) };
    let mark = db.shared.committer.read(&[(Partition(0), vec![mark])]).await?.pop();
    if let Some(Reply::Record(Some((_, mark)))) = mark.and_then(|mut reply| reply.replies.pop()) {
        let text = String::from_utf8_lossy(&mark);
        let (digest, done) = text.split_once(' ').unwrap_or((&text, "0"));
        // Whatever was loaded, if its rows were removed since, this begins anew.
        let left = first_with_rows(db, db.shared.catalog.tables()).await?;
        match left {
            Some(_) if digest == verified.digest => return Ok(done.parse().unwrap_or(0)),
            Some(name) => {
                return Err(Error::invalid(format!(
                    "the load of another dump was interrupted here: load that one again to finish it, or remove what it loaded, \
                     which is in table `{name}` and maybe in others"
                )));
            }
            None => {}
        }
    }
    let tables = verified.rows.keys().map(|name| db.stored_table(name)).collect::<Result<Vec<_>>>()?;
    if let Some(name) = first_with_rows(db, tables.into_iter()).await? {
        return Err(Error::invalid(format!("table `{name}` has rows; load into an empty one")));
    }
    set_mark(&db.shared, Some((&verified.digest, 0))).await?;
    Ok(0)
}

/// The first of these tables that has rows.
async fn first_with_rows<'a>(
    db: &Database,
    tables: impl Iterator<Item = &'a Arc<StoredTable>> + Send,
) -> Result<Option<&'static str>> {
    for table in tables {
        let first = Read::count(Span::all(table.rows()).limited(Some(1)));
        let batch: Vec<_> = db.shared.placement.all().map(|partition| (partition, vec![first.clone()])).collect();
        let replies = db.shared.read(&batch).await?;
        if replies.iter().flat_map(|reply| &reply.replies).any(|reply| *reply != Reply::Count(0.into())) {
            return Ok(Some(table.def.name));
        }
    }
    Ok(None)
}

async fn set_mark(shared: &Arc<Shared>, mark: Option<(&str, u64)>) -> Result<()> {
    let (space, key) = (Space::Meta, Bytes::from_static(MARK));
    let effect = match mark {
        Some((digest, done)) => Effect::Put { space, key, value: format!("{digest} {done}").into() },
        None => Effect::Delete { space, key },
    };
    let part = Part { effects: vec![effect], ..Part::default() };
    shared.committer.commit(u32::MAX, vec![part], shared.durability.max(Durability::Local)).await?;
    Ok(())
}

struct Loader<'a> {
    db: &'a Database,
    digest: &'a str,
    /// How many rows of the dump are stored.
    done: u64,
    resumed: u64,
    pending: Vec<(Arc<StoredTable>, Bytes)>,
    /// The greatest number in keys of one integer that a counter may have given, by table.
    counted: BTreeMap<&'static str, u64>,
}

impl Loader<'_> {
    /// Takes a row; says whether rows were written.
    async fn add(
        &mut self,
        table: &Arc<StoredTable>,
        row: &serde_json::Map<String, serde_json::Value>,
    ) -> Result<bool> {
        let body = from_json(table.def, row)?;
        if let Some(number) = number(table.def, &body).filter(|number| *number <= FARTHEST) {
            let greatest = self.counted.entry(table.def.name).or_default();
            *greatest = number.max(*greatest);
        }
        if self.done < self.resumed {
            self.done += 1;
            return Ok(false);
        }
        let full = self.pending.len() >= BATCH || self.pending.first().is_some_and(|(other, _)| other.id != table.id);
        if full {
            self.write().await?;
        }
        self.pending.push((table.clone(), body));
        Ok(full)
    }

    async fn write(&mut self) -> Result<()> {
        let Some((table, _)) = self.pending.first() else { return Ok(()) };
        let table = table.clone();
        let bodies: Vec<Bytes> = self.pending.drain(..).map(|(_, body)| body).collect();
        let writes = bodies.iter().map(|body| Write::Upsert(body.to_vec())).collect();
        let shared = &self.db.shared;
        if let Err(error) = statement::write_once(shared, &table, writes).await {
            return Err(clash::told(shared, &table, &bodies, self.done, error).await);
        }
        self.done += bodies.len() as u64;
        set_mark(&self.db.shared, Some((self.digest, self.done))).await
    }

    /// Sees to it that counted keys go on after the greatest one.
    async fn skip_numbers(&self, catalog: &Document) -> Result<()> {
        for doc in catalog.tables.iter().filter(|doc| doc.keys.as_deref() == Some("counter")) {
            let (Some(greatest), Ok(table)) = (self.counted.get(doc.name.as_str()), self.db.stored_table(&doc.name))
            else {
                continue;
            };
            self.db.shared.committer.raise(SequenceId::Keys(table.id), greatest.saturating_add(1)).await?;
        }
        Ok(())
    }
}

/// The key of a row, if it is one integer that a counter can give.
fn number(table: &'static Table, body: &[u8]) -> Option<u64> {
    let [key] = table.key.as_slice() else { return None };
    let mut reader = RowReader::new(body);
    for (at, column) in (0_u16..).zip(&table.columns) {
        let value = read_column(&mut reader, column.ty, column.nullable).ok()?;
        if at == *key {
            return match value {
                ValueRef::Int(number) => u64::try_from(number).ok(),
                _ => None,
            };
        }
    }
    None
}
