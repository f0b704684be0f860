//! Opens the catalog of a store, and brings it up to date.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::compare::{Comparison, compare};
use super::document::{Document, FORMAT, TableDoc};
use super::{Catalog, Layout, StoredIndex, StoredTable, references};
use crate::commit::{Committer, Outcome, Part};
use crate::error::{Error, Kind, Result};
use crate::place::Placement;
use crate::schema::Table;
use crate::store::{Check, CheckRef, Durability, Effect, IndexId, Partition, Read, Reply, Space, Span, TableId, TxId};

const CATALOG: &[u8] = b"catalog";
const SECRET: &[u8] = b"secret";
/// How long to wait for another program that is changing the catalog.
const PAUSE: Duration = Duration::from_millis(2);

/// An opened catalog.
pub(crate) struct Opened {
    pub catalog: Catalog,
    /// The version of the schema, which every apply carries.
    pub version: u32,
    /// The key that cursors are signed with; the same for all programs that open this database.
    pub secret: [u8; 16],
}

/// Reads the catalog, compares it with the entities, and adds what is new. Costs one round trip if nothing is new, two
/// or three otherwise.
pub(crate) async fn open(
    committer: &Arc<Committer>,
    placement: Placement,
    tables: &[&'static Table],
) -> Result<Opened> {
    check_names(tables)?;
    references::check(tables)?;
    loop {
        let (stored, found) = read(committer).await?;
        let document = match &stored {
            Some((_, bytes)) => parse(bytes)?,
            None => Document::default(),
        };
        let Comparison { document: wanted, must_be_empty, closes_to_older, refused } = compare(&document, tables);
        if !refused.is_empty() {
            return Err(refuse(&refused));
        }
        if let (true, Some(secret)) = (wanted == document && stored.is_some(), found) {
            return finish(&wanted, tables, secret);
        }
        let secret = found.unwrap_or_else(|| *uuid::Uuid::new_v4().as_bytes());
        let mut change = Part::default();
        change.checks.push(unchanged(CATALOG, stored.map(|(version, _)| version)));
        if found.is_none() {
            change.checks.push(unchanged(SECRET, None));
            change.effects.push(put(SECRET, secret.to_vec()));
        }
        change
            .effects
            .push(put(CATALOG, serde_json::to_vec(&wanted).map_err(|error| Error::invalid(error.to_string()))?));
        let own_checks = change.checks.len();
        let mut parts = vec![change];
        if closes_to_older {
            let gate = Effect::RaiseGate { oldest: wanted.version };
            let spans = must_be_empty.iter().map(|(table, _)| Span::all(Space::Rows(*table)).limited(Some(1)));
            let empty: Vec<Check> = spans.map(|span| Check::Count { span, n: 0 }).collect();
            parts.extend(placement.all().skip(1).map(|partition| Part { partition, ..Part::default() }));
            for part in &mut parts {
                part.checks.extend(empty.iter().cloned());
                part.effects.push(gate.clone());
            }
        }
        match committer.commit(u32::MAX, parts, Durability::Local).await? {
            Outcome::Committed => return finish(&wanted, tables, secret),
            Outcome::Conflict { part, check: CheckRef::Check(at) } if part > 0 || at >= own_checks => {
                let what: Vec<String> = must_be_empty
                    .into_iter()
                    .map(|(_, what)| format!("{what} is new, and the table has rows"))
                    .collect();
                return Err(refuse(&what));
            }
            // Another program changed the catalog, or is about to.
            _ => tokio::time::sleep(PAUSE).await,
        }
    }
}

fn check_names(tables: &[&'static Table]) -> Result<()> {
    for (at, table) in tables.iter().enumerate() {
        if let Some(other) = tables.iter().take(at).find(|other| other.name == table.name) {
            return Err(Kind::Schema(format!(
                "the entities `{}` and `{}` are both stored in the table `{}`",
                other.entity, table.entity, table.name
            ))
            .into());
        }
    }
    Ok(())
}

type Stored = (Option<(TxId, Bytes)>, Option<[u8; 16]>);

async fn read(committer: &Committer) -> Result<Stored> {
    let get = |key: &'static [u8]| Read::Get { space: Space::Meta, key: Bytes::from_static(key) };
    let replies = committer.read(&[(Partition(0), vec![get(CATALOG), get(SECRET)])]).await?;
    let mut records = replies.into_iter().flat_map(|reply| reply.replies).map(|reply| match reply {
        Reply::Record(record) => record,
        _ => None,
    });
    let catalog = records.next().flatten();
    let secret = match records.next().flatten() {
        None => None,
        Some((_, bytes)) => Some(<[u8; 16]>::try_from(bytes.as_ref()).map_err(|_| {
            Kind::Schema("the stored key of cursors is damaged; restore the database from a backup".to_owned())
        })?),
    };
    Ok((catalog, secret))
}

fn parse(bytes: &[u8]) -> Result<Document> {
    let document: Document = serde_json::from_slice(bytes)
        .map_err(|error| Kind::Schema(format!("the stored catalog cannot be read: {error}")))?;
    if document.format == FORMAT {
        return Ok(document);
    }
    Err(Kind::Schema(format!(
        "the stored catalog has format {}, this build reads {FORMAT}; use the build that wrote it",
        document.format
    ))
    .into())
}

fn refuse(lines: &[String]) -> Error {
    Kind::Schema(format!("the entities do not fit the stored tables:\n  - {}", lines.join("\n  - "))).into()
}

fn unchanged(key: &'static [u8], expect: Option<TxId>) -> Check {
    Check::Version { space: Space::Meta, key: Bytes::from_static(key), expect }
}

fn put(key: &'static [u8], value: Vec<u8>) -> Effect {
    Effect::Put { space: Space::Meta, key: Bytes::from_static(key), value: value.into() }
}

fn finish(document: &Document, tables: &[&'static Table], secret: [u8; 16]) -> Result<Opened> {
    let tables = tables
        .iter()
        .filter_map(|table| document.tables.iter().find(|doc| doc.name == table.name).map(|doc| (*table, doc)))
        .map(|(table, doc)| stored_table(table, doc).map(Arc::new))
        .collect::<Result<_>>()?;
    Ok(Opened { catalog: Catalog::new(tables), version: document.version, secret })
}

fn stored_table(table: &'static Table, doc: &TableDoc) -> Result<StoredTable> {
    let indexes = table
        .indexes
        .iter()
        .filter_map(|def| {
            let stored = doc.indexes.iter().find(|stored| stored.name == def.name)?;
            Some(StoredIndex { def, id: IndexId(stored.id) })
        })
        .collect();
    let (current, earlier) = doc.layouts.split_last().ok_or_else(|| {
        Error::from(Kind::Schema(format!("the stored catalog has no layout for table `{}`", doc.name)))
    })?;
    let earlier = earlier
        .iter()
        .map(|layout| {
            Layout::new(layout, table).map(|known| (layout.number, known)).map_err(|error| {
                Kind::Schema(format!("the stored catalog's table `{}` cannot be read: {error}", doc.name)).into()
            })
        })
        .collect::<Result<_>>()?;
    Ok(StoredTable { def: table, id: TableId(doc.id), indexes, layout: current.number, earlier })
}
