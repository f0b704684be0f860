//! Tries new indexes on the rows that are stored, before anything is changed for anybody.
//!
//! Rows are read while others write, so what is found is confirmed at the end: both rows are read twice, and if neither was written
//! in between, both had the value at one time. What others write after the trial is met by the build.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fmt;
use std::ops::Bound;

use bytes::Bytes;
use xxhash_rust::xxh3::Xxh3;

use crate::catalog::{Catalog, StoredIndex, StoredTable};
use crate::commit::{Committer, ReplyExt, only_reply};
use crate::error::{Error, Kind, Result};
use crate::index;
use crate::placement::{Placement, Routed};
use crate::row;
use crate::schema::Table;
use crate::store::{IndexId, Partition, Read, Reply, Span, TxId};

/// How many rows are read at once.
const CHUNK: u32 = 500;
/// How many values are remembered at once, by 16 bytes of each; with more of them the rows are read several times.
const AT_ONCE: u64 = 1 << 20;
/// How many duplicates of an index are listed.
pub(crate) const MOST_DUPLICATES: usize = 100;

/// Two rows that have the same values in a unique index that is being built.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Duplicate {
    /// The table.
    pub table: String,
    /// The index.
    pub index: String,
    /// The values, as text.
    pub values: String,
    /// The key of the row that cannot have them, as text.
    pub key: String,
    /// The key of the row that has them.
    pub held_by: String,
}

impl fmt::Display for Duplicate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { table, index, values, key, held_by } = self;
        write!(f, "rows {held_by} and {key} of `{table}` both have {values}, which `{index}` does not allow")
    }
}

/// A value of a unique index: the place of the index in its table, and the claim.
type Value = (usize, Bytes);

/// Rows by their keys, with their versions and the values that they have.
type Rows = BTreeMap<Bytes, (TxId, Vec<Value>)>;

/// Tries these new indexes of tables on what is stored; gives the rows that stand in the way of unique ones, at most 100. Costs
/// a round trip for each table, and one for each 500 rows of each partition.
///
/// # Errors
/// When a row cannot be in one of the indexes, or cannot be read; those of the store.
pub(super) async fn duplicates(
    committer: &Committer,
    placement: Placement,
    catalog: &Catalog,
    tried: &[(&'static Table, IndexId)],
) -> Result<Vec<Duplicate>> {
    let mut found = Vec::new();
    for table in catalog.tables() {
        let ids: Vec<IndexId> = tried.iter().filter(|(of, _)| table.is(of)).map(|(_, id)| *id).collect();
        if ids.is_empty() {
            continue;
        }
        let unique = |index: &StoredIndex| index.def.unique && ids.contains(&index.id);
        let unique = table.indexes.iter().enumerate().filter(|(_, index)| unique(index)).map(|(at, _)| at);
        let trial = Trial { committer, placement, table, unique: unique.collect() };
        found.extend(trial.run().await?);
    }
    found.truncate(MOST_DUPLICATES);
    Ok(found)
}

struct Trial<'a> {
    committer: &'a Committer,
    placement: Placement,
    table: &'a StoredTable,
    /// The places of the unique indexes that are tried.
    unique: Vec<usize>,
}

impl Trial<'_> {
    async fn run(&self) -> Result<Vec<Duplicate>> {
        let rows = self.count().await?;
        if rows == 0 {
            return Ok(Vec::new());
        }
        let passes = 1 + u128::from(rows.saturating_mul(self.unique.len() as u64) / AT_ONCE);
        let mut suspects: BTreeSet<Value> = BTreeSet::new();
        for pass in 0..passes {
            let mut seen: HashSet<u128> = HashSet::new();
            self.scan(|_, values| {
                for value in values {
                    let hash = hash(&value);
                    if hash % passes == pass && !seen.insert(hash) && suspects.len() < MOST_DUPLICATES {
                        suspects.insert(value);
                    }
                }
            })
            .await?;
        }
        if suspects.is_empty() { Ok(Vec::new()) } else { self.confirm(&suspects).await }
    }

    /// The rows that have one of these values together.
    async fn confirm(&self, suspects: &BTreeSet<Value>) -> Result<Vec<Duplicate>> {
        let mut holders: HashMap<Value, Vec<Bytes>> = HashMap::new();
        self.scan(|key, values| {
            for value in values.into_iter().filter(|value| suspects.contains(value)) {
                let keys = holders.entry(value).or_default();
                if keys.len() <= MOST_DUPLICATES {
                    keys.push(key.clone());
                }
            }
        })
        .await?;
        holders.values_mut().for_each(|keys| keys.sort_unstable());
        let keys: BTreeSet<&Bytes> = holders.values().flatten().collect();
        let (first, then) = (self.rows(&keys).await?, self.rows(&keys).await?);
        let mut found = Vec::new();
        for value in suspects {
            let has = |key: &&Bytes| {
                let (before, after) = (first.get(*key), then.get(*key));
                before.is_some_and(|row| row.1.contains(value)) && before == after
            };
            // The same is listed on each store, however its rows are spread.
            let mut keys = holders.get(value).into_iter().flatten().filter(has);
            let (Some(index), Some(held_by)) = (self.table.indexes.get(value.0), keys.next()) else { continue };
            let (columns, shown) = index::describe_claim(self.table, index, &value.1);
            found.extend(keys.map(|key| Duplicate {
                table: self.table.def.name.to_owned(),
                index: index.def.name.clone(),
                values: format!("{columns} = {shown}"),
                key: row::show_key(key),
                held_by: row::show_key(held_by),
            }));
        }
        found.truncate(MOST_DUPLICATES);
        Ok(found)
    }

    async fn count(&self) -> Result<u64> {
        let count = || vec![Read::count(Span::all(self.table.rows()))];
        let batch: Vec<_> = self.placement.all().map(|partition| (partition, count())).collect();
        let replies = self.committer.read(&batch).await?.into_iter().flat_map(|reply| reply.replies);
        replies.map(Reply::into_count).sum()
    }

    /// Shows the key of each row, and what it has in the unique indexes.
    async fn scan(&self, mut show: impl FnMut(&Bytes, Vec<Value>) + Send) -> Result<()> {
        for partition in self.placement.all() {
            let mut after = Bound::Unbounded;
            loop {
                let span = Span::between(self.table.rows(), after, Bound::Unbounded).limited(Some(CHUNK));
                let scan = Read::Scan { span, filter: None, want: None, track: false };
                let rows = only_reply(self.committer.read(&[(partition, vec![scan])]).await?)?.into_scanned()?;
                for at in 0..rows.len() {
                    let (Some(key), Some(stored)) = (rows.shared_key(at), rows.shared_value(at)) else { continue };
                    show(&key, self.values(&key, &stored)?);
                }
                match rows.stopped_at {
                    Some(last) => after = Bound::Excluded(last),
                    None => break,
                }
            }
        }
        Ok(())
    }

    /// The values of a row in the unique indexes; an error if it cannot be in one of the indexes.
    fn values(&self, key: &[u8], stored: &[u8]) -> Result<Vec<Value>> {
        if row::is_unknown(self.table, stored) {
            // Another program has changed the catalog meanwhile: then this change is not made, and planned anew.
            return Ok(Vec::new());
        }
        let body = row::unwrap(self.table, stored).map_err(|source| row::unreadable(self.table.def, key, source))?;
        let claims = index::entries_of(self.table, key, &body)?.claims;
        Ok(claims.into_iter().filter(|(at, _)| self.unique.contains(at)).collect())
    }

    async fn rows(&self, keys: &BTreeSet<&Bytes>) -> Result<Rows> {
        let mut reads = Routed::with_capacity(keys.len());
        for key in keys {
            let read = Read::Get { space: self.table.rows(), key: (*key).clone() };
            reads.push(self.placement.of_row(self.table, key), read);
        }
        let (batch, order): (Vec<(Partition, Vec<Read>)>, _) = reads.into_batch();
        let replies = order.merge(self.committer.read(&batch).await?);
        let mut rows = Rows::new();
        for (key, reply) in keys.iter().zip(replies) {
            if let Reply::Record(Some((version, stored))) = reply {
                rows.insert((*key).clone(), (version, self.values(key, &stored)?));
            }
        }
        Ok(rows)
    }
}

fn hash((at, claim): &Value) -> u128 {
    let mut hasher = Xxh3::new();
    hasher.update(&(*at as u64).to_le_bytes());
    hasher.update(claim);
    hasher.digest128()
}

/// The error of an opening whose unique index stored rows stand in the way of; `after` says what became of the index.
#[cold]
pub(crate) fn not_unique(duplicates: &[Duplicate], after: &str) -> Error {
    const SHOWN: usize = 10;
    let mut lines: Vec<String> = duplicates.iter().take(SHOWN).map(|duplicate| format!("  - {duplicate}")).collect();
    if duplicates.len() > SHOWN {
        lines.push(format!("  - and {} more", duplicates.len() - SHOWN));
    }
    Kind::Schema(format!(
        "a unique index cannot be built, because stored rows have the same values:\n{}\n{after}",
        lines.join("\n")
    ))
    .into()
}

/// What to do about duplicates.
pub(crate) const MEND_FIRST: &str = "nothing was changed: change or delete these rows and open again; or open with \
                                     `SchemaPolicy::Defer`, which tests new values from then on, and call `build_indexes` when \
                                     the rows are mended";
/// The same where rows were written while the index was built.
pub(crate) const TAKEN_BACK: &str = "rows that were written while it was built have them, and the index was taken back: change or \
                                     delete them and open again";
/// The same of an index that was there before.
pub(crate) const STAYS_UNBUILT: &str = "the index was added by another program or by an opening that was interrupted, stays unbuilt, \
                                        and tests new values: change or delete these rows, and open again; or take it away with \
                                        `drop_index`, or with `SchemaPolicy::ApplyAndDrop` where it is not declared";
