//! The catalog as records of the store: read, written, and made into tables.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::described::{described, undeclared};
use super::document::{Document, FORMAT, FormerDoc, IndexState, OLDEST_FORMAT, TableDoc};
use super::stored::{aggregate_of, index_of, tables_of};
use super::{Catalog, Layouts, StoredAggregate, StoredIndex, StoredTable};
use crate::commit::{Committer, Outcome, Part};
use crate::error::{Error, Kind, Result};
use crate::schema::{Lookup, Table};
use crate::store::{Check, Durability, Effect, IndexId, Partition, Read, Reply, Space, TableId, TxId};

pub(crate) const CATALOG: &[u8] = b"catalog";
pub(crate) const SECRET: &[u8] = b"secret";
/// How long to wait for another program that is changing the catalog.
pub(crate) const PAUSE: Duration = Duration::from_millis(2);

/// An opened catalog.
pub(crate) struct Opened {
    pub catalog: Catalog,
    /// The version of the schema, which every apply carries.
    pub version: u32,
    /// The indexes that were added, and are still to be built.
    pub added: Vec<IndexId>,
    /// The key that cursors are signed with; the same for all programs that open this database.
    pub secret: [u8; 16],
}

/// Puts a catalog where there is none, with the tables of another database. Its indexes are readable, since no table has
/// rows yet. Unique ones that are not built there are left out: duplicates may be why, and then the rows could not be written.
pub(crate) async fn create_document(committer: &Arc<Committer>, mut document: Document) -> Result<()> {
    document.former.clear();
    for table in &mut document.tables {
        table.indexes.retain(|index| !index.unique || index.state == IndexState::Readable);
    }
    for index in document.tables.iter_mut().flat_map(|table| &mut table.indexes) {
        index.state = IndexState::Readable;
    }
    for aggregate in document.tables.iter_mut().flat_map(|table| &mut table.aggregates) {
        aggregate.state = IndexState::Readable;
    }
    let mut part = Part::default();
    part.checks.push(unchanged(CATALOG, None));
    part.effects.push(put(CATALOG, written(&document)?));
    part.effects.push(put(SECRET, uuid::Uuid::new_v4().as_bytes().to_vec()));
    match committer.commit(u32::MAX, vec![part], committer.durability.max(Durability::Local)).await? {
        Outcome::Committed => Ok(()),
        _ => Err(Error::invalid("another program made a database in this store at the same time")),
    }
}

/// Takes the tables as they are stored, without their foreign keys if these are not to be looked at. Costs one round trip.
pub(crate) async fn open_stored(committer: &Committer, references: bool) -> Result<Opened> {
    let (stored, secret) = read(committer).await?;
    let (Some((_, bytes)), Some(secret)) = (stored, secret) else { return Err(no_catalog()) };
    let mut document = parse(&bytes)?;
    if !references {
        document.tables.iter_mut().for_each(|table| table.foreign_keys.clear());
    }
    finish(&document, &tables_of(&document)?, secret)
}

#[cold]
fn no_catalog() -> Error {
    Kind::Schema("the store has no catalog: no database was ever opened in it".to_owned()).into()
}

/// Refuses clients of older versions in all partitions, and reads of these spaces. The first part has to be in the first one.
pub(crate) fn raise_gate(parts: &mut Vec<Part>, committer: &Committer, oldest: u32, retired: &[Space]) {
    parts.extend(other_partitions(committer));
    for part in parts {
        part.effects.push(Effect::RaiseGate { oldest });
        part.effects.extend(retired.iter().map(|space| Effect::Retire { space: *space }));
    }
}

/// An empty part for each partition but the first one.
fn other_partitions(committer: &Committer) -> impl Iterator<Item = Part> + use<> {
    let partitions = committer.store.capabilities().partitions;
    (1..partitions).map(|partition| Part { partition: Partition(partition), ..Part::default() })
}

/// The spaces of the indexes that a change drops: programs that have them open must not read by them any more.
pub(crate) fn newly_former(before: &Document, after: &Document) -> Vec<Space> {
    let is_new = |former: &&FormerDoc| !before.former.iter().any(|known| known.id == former.id);
    after.former.iter().filter(is_new).map(FormerDoc::space).collect()
}

/// The stored catalog; none in a store without one. Costs one round trip.
pub(crate) async fn read_document(committer: &Committer) -> Result<Option<Document>> {
    let (stored, _) = read(committer).await?;
    stored.map(|(_, bytes)| parse(&bytes)).transpose()
}

/// Changes the stored catalog, whatever other programs do to it meanwhile. `change` gives none if there is nothing to
/// change, and is called again if another program was faster.
///
/// `close` refuses handles that do not know the new version; `clear` removes these records of the catalog's space in all
/// partitions.
pub(crate) async fn update_document(
    committer: &Arc<Committer>,
    close: bool,
    clear: &[Bytes],
    mut change: impl FnMut(&mut Document) -> Result<bool> + Send,
) -> Result<()> {
    loop {
        let (stored, _) = read(committer).await?;
        let Some((version, bytes)) = stored else { return Err(no_catalog()) };
        let before = parse(&bytes)?;
        let mut document = before.clone();
        if !change(&mut document)? {
            return Ok(());
        }
        let retired = newly_former(&before, &document);
        document.format = FORMAT;
        document.version += 1;
        let mut parts = vec![Part::default()];
        if let Some(part) = parts.first_mut() {
            part.checks.push(unchanged(CATALOG, Some(version)));
            part.effects.push(put(CATALOG, written(&document)?));
        }
        if close || !retired.is_empty() {
            raise_gate(&mut parts, committer, document.version, &retired);
        } else if !clear.is_empty() {
            parts.extend(other_partitions(committer));
        }
        for part in &mut parts {
            part.effects.extend(clear.iter().map(|key| Effect::Delete { space: Space::Meta, key: key.clone() }));
        }
        match committer.commit(u32::MAX, parts, committer.durability.max(Durability::Local)).await? {
            Outcome::Committed => return Ok(()),
            _ => tokio::time::sleep(PAUSE).await,
        }
    }
}

pub(crate) fn written(document: &Document) -> Result<Vec<u8>> {
    serde_json::to_vec(document).map_err(|error| Error::internal(format!("the catalog cannot be written: {error}")))
}

/// The catalog with its version, and the key of cursors.
type Stored = (Option<(TxId, Bytes)>, Option<[u8; 16]>);

pub(crate) async fn read(committer: &Committer) -> Result<Stored> {
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

pub(crate) fn parse(bytes: &[u8]) -> Result<Document> {
    let document: Document = serde_json::from_slice(bytes)
        .map_err(|error| Kind::Schema(format!("the stored catalog cannot be read: {error}")))?;
    if (OLDEST_FORMAT..=FORMAT).contains(&document.format) {
        return Ok(document);
    }
    Err(Kind::Schema(format!(
        "the stored catalog has format {}, this build reads {OLDEST_FORMAT} to {FORMAT}; use the build that wrote it, or a newer \
         one",
        document.format
    ))
    .into())
}

pub(crate) fn unchanged(key: &'static [u8], expect: Option<TxId>) -> Check {
    Check::Version { space: Space::Meta, key: Bytes::from_static(key), expect }
}

pub(crate) fn put(key: &'static [u8], value: Vec<u8>) -> Effect {
    Effect::Put { space: Space::Meta, key: Bytes::from_static(key), value: value.into() }
}

pub(crate) fn finish(document: &Document, entities: &[&'static Table], secret: [u8; 16]) -> Result<Opened> {
    let target = |name: &str| match entities.iter().find(|entity| entity.name == name) {
        Some(entity) => Ok(*entity),
        None => tables_of(document)?.into_iter().find(|table| table.name == name).ok_or_else(|| no_table(name)),
    };
    let mut tables = Vec::with_capacity(entities.len());
    let mut others: Vec<Arc<StoredTable>> = Vec::new();
    for entity in entities {
        let Some(doc) = document.tables.iter().find(|doc| doc.name == entity.name) else { continue };
        tables.push(Arc::new(stored_table(entity, described(entity, doc, target)?, doc)?));
        for key in undeclared(entity, doc) {
            let table = target(&key.references)?;
            let known = entities.iter().any(|entity| std::ptr::eq(*entity, table))
                || others.iter().any(|other| other.is(table));
            if let (false, Some(doc)) = (known, document.tables.iter().find(|doc| doc.name == table.name)) {
                others.push(Arc::new(stored_table(table, table, doc)?));
            }
        }
    }
    let catalog = Catalog::new(tables, others, document);
    Ok(Opened { catalog, version: document.version, added: Vec::new(), secret })
}

#[cold]
fn no_table(name: &str) -> Error {
    Kind::Schema(format!(
        "the stored catalog is damaged: a foreign key leads to a table `{name}` that it does not have"
    ))
    .into()
}

/// A stored table of an entity, described so.
fn stored_table(entity: &'static Table, table: &'static Table, doc: &TableDoc) -> Result<StoredTable> {
    let declared = entity.indexes.iter().filter_map(|def| {
        let stored = doc.indexes.iter().find(|stored| stored.name == def.name)?;
        Some(StoredIndex::new(def, IndexId(stored.id), true, stored.state))
    });
    // After the declared ones, whose places are those in the entity's description.
    let only_stored = doc.indexes.iter().filter(|stored| !entity.indexes.iter().any(|def| def.name == stored.name));
    let only_stored = only_stored
        .filter_map(|stored| Some(StoredIndex::new(index_of(stored, table)?, IndexId(stored.id), false, stored.state)));
    let mut indexes: Vec<StoredIndex> = declared.chain(only_stored).collect();
    for foreign_key in table.foreign_keys.iter().skip(entity.foreign_keys.len()) {
        if let Lookup::ByIndex(at) = foreign_key.lookup
            && let Some(index) = indexes.get_mut(at)
        {
            index.serves = true;
        }
    }
    let aggregates = doc.aggregates.iter().filter_map(|stored| {
        let declared = entity.aggregates.iter().find(|def| def.name == stored.name);
        let def = declared.map_or_else(|| aggregate_of(stored, table), Some)?;
        Some(StoredAggregate::new(def, IndexId(stored.id), declared.is_some(), stored.state))
    });
    let aggregates = aggregates.collect();
    let layouts = Layouts::new(doc, table, entity).map_err(|error| {
        Error::from(Kind::Schema(format!("the stored catalog's table `{}` cannot be read: {error}", doc.name)))
    })?;
    Ok(StoredTable { def: table, entity, id: TableId(doc.id), indexes, aggregates, layouts })
}
