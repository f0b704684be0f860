//! The buffered writes of a session.

mod compile;

pub(crate) use compile::{Compiled, Meaning, unique_violation};

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ops::Bound;
use std::sync::Arc;

use bytes::Bytes;

use super::keys;
use super::touched::Touched;
use crate::catalog::StoredTable;
use crate::error::Result;
use crate::index::{self, BuildMark, Entries};
use crate::store::{IndexId, Partition, Range, Space, TableId, with_prefix};

/// A buffered write of one row.
#[derive(Debug, Clone)]
pub(crate) struct Pending {
    pub table: Arc<StoredTable>,
    /// The columns that are stored, if there is a row.
    pub before: Option<Bytes>,
    /// The columns that will be stored; none deletes the row.
    pub after: Option<Bytes>,
    /// Whether the store was not asked, and the commit has to check that there is no row.
    pub unread: bool,
    /// Its place among the rows of the session, in the order in which they were first written.
    nth: usize,
    /// Whether its key was counted, so that it is nobody's fault if it is taken.
    pub counted: bool,
    /// What `before` has in the indexes.
    entries_before: Entries,
    /// What `after` will have in the indexes.
    entries_after: Entries,
}

impl Pending {
    /// A write of the row under `key`.
    pub fn new(
        table: &Arc<StoredTable>,
        key: &[u8],
        before: Option<Bytes>,
        after: Option<Bytes>,
        unread: bool,
    ) -> Result<Self> {
        let entries_before = before.as_ref().map(|body| index::entries_as_stored(table, key, body));
        let entries_after = after.as_ref().map(|body| index::entries_of(table, key, body));
        let (entries_before, entries_after) =
            (entries_before.transpose()?.unwrap_or_default(), entries_after.transpose()?.unwrap_or_default());
        Ok(Self { table: table.clone(), before, after, unread, counted: false, nth: 0, entries_before, entries_after })
    }

    const fn is_change(&self) -> bool {
        self.before.is_some() || self.after.is_some()
    }

    /// Calls `visit` for each place that the row has, or had, in indexes and aggregate indexes; some are visited twice.
    pub fn for_each_place(&self, visit: &mut dyn FnMut(Space, &Bytes)) {
        for entries in [&self.entries_before, &self.entries_after] {
            entries.entries.iter().for_each(|(space, entry)| visit(*space, entry));
            for (at, claim) in &entries.claims {
                visit(self.table.index(*at).space(), claim);
            }
            for share in &entries.shares {
                visit(self.table.aggregate(share.at).space(), &share.group);
            }
        }
    }

    /// The unique values that the row takes and is not stored with: the place of the index in the table, and the value.
    fn new_claims(&self) -> impl Iterator<Item = &(usize, Bytes)> {
        self.entries_after.claims.iter().filter(|claim| !self.entries_before.claims.contains(claim))
    }

    /// The unique values that the row takes and did not have in the session: neither stored nor by an earlier write.
    pub fn taken_claims<'a>(&'a self, earlier: Option<&'a Self>) -> impl Iterator<Item = &'a (usize, Bytes)> {
        let had = earlier.map_or(&self.entries_before.claims, |earlier| &earlier.entries_after.claims);
        self.entries_after.claims.iter().filter(move |claim| !had.contains(claim))
    }
}

/// A row, and the earlier buffered write of it that another replaced.
pub(crate) type Replaced = (Arc<StoredTable>, Bytes, Option<Box<Pending>>);

/// Buffered writes by key. They lie apart: a node of the tree has room for eleven, and most sessions write one row.
type Rows = BTreeMap<Bytes, Box<Pending>>;

/// The buffered writes of a session, by table and key.
#[derive(Debug, Default)]
pub(crate) struct Overlay {
    rows: BTreeMap<TableId, Rows>,
    /// How many rows were written, with those that were taken back.
    written: usize,
    /// How many of them are not as they are stored: neither stored nor going to be is no change.
    changed: usize,
    /// The rows by what they have in indexes, from the first query by an index on.
    touched: Option<Touched>,
    /// Which buffered rows will have each unique value that buffered writes touch: nobody where it is given up, and more
    /// than one only in the middle of a statement.
    holders: HashMap<(TableId, usize, Bytes), Holders>,
    /// How far builds of aggregate indexes were, by index and partition, when the session wrote rows there.
    builds: HashMap<(IndexId, Partition), BuildMark>,
    /// The keys of new rows that were given by hand, as numbers, by table.
    given: HashMap<TableId, BTreeSet<u64>>,
    /// Claims that are not those of the rows with these values, by index, claim and row.
    spared: HashSet<(TableId, usize, Bytes, Bytes)>,
}

/// Who has a unique value that buffered writes touch.
#[derive(Debug, Default)]
struct Holders {
    /// The buffered rows that will have it.
    keys: Vec<Bytes>,
    /// How many buffered rows are stored with it.
    stored: usize,
}

/// The key of a new row that was given by hand, as a number.
fn given(key: &[u8], pending: &Pending) -> Option<u64> {
    let is_new = pending.before.is_none() && pending.after.is_some() && !pending.counted;
    if is_new { keys::number(&pending.table, key) } else { None }
}

impl Overlay {
    /// The unique values that a row gives up: the place of the index in the table, and the value.
    pub fn given_up(&self, table: TableId, key: &[u8]) -> impl Iterator<Item = &(usize, Bytes)> {
        let pending = self.get(table, key);
        pending.into_iter().flat_map(|pending| {
            pending.entries_before.claims.iter().filter(|claim| !pending.entries_after.claims.contains(claim))
        })
    }

    /// Leaves a claim alone that a row gives up: it is another row's, or nobody's.
    pub fn spare(&mut self, table: TableId, index: usize, claim: Bytes, key: Bytes) {
        self.spared.insert((table, index, claim, key));
    }

    /// Notes how far the build of an aggregate index is in a partition.
    pub fn note_build(&mut self, index: IndexId, partition: Partition, built: BuildMark) {
        self.builds.insert((index, partition), built);
    }

    /// Whether it is known how far the build of an aggregate index is in a partition.
    pub fn knows_build(&self, index: IndexId, partition: Partition) -> bool {
        self.builds.contains_key(&(index, partition))
    }

    /// Whether an aggregate index counts the row under `key`, which lies in `home`: its build will do so if it has not come
    /// there yet.
    fn is_counted(&self, table: &StoredTable, at: usize, home: Partition, key: &[u8]) -> bool {
        let built = self.builds.get(&(table.aggregate(at).id, home));
        built.is_none_or(|built| built.has(key))
    }

    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// How many rows the buffered writes change.
    pub const fn len(&self) -> usize {
        self.changed
    }

    /// How many rows of a table are buffered.
    pub fn len_of(&self, table: TableId) -> usize {
        self.rows.get(&table).map_or(0, BTreeMap::len)
    }

    /// The table with the most buffered rows, and their number.
    pub fn most_changed(&self) -> Option<(&'static str, usize)> {
        let named = |rows: &Rows| Some((rows.values().next()?.table.def.name, rows.len()));
        self.rows.values().filter_map(named).max_by_key(|(_, rows)| *rows)
    }

    /// Whether there are buffered writes of a table.
    pub fn has_written(&self, table: TableId) -> bool {
        self.rows.contains_key(&table)
    }

    /// The buffered writes of a table, by key.
    pub fn of_table(&self, table: TableId) -> impl Iterator<Item = (&Bytes, &Pending)> {
        self.rows.get(&table).into_iter().flatten().map(|(key, pending)| (key, &**pending))
    }

    pub fn get(&self, table: TableId, key: &[u8]) -> Option<&Pending> {
        self.rows.get(&table)?.get(key).map(|pending| &**pending)
    }

    /// Those of these keys whose rows are buffered.
    pub fn find_keys(&self, table: TableId, keys: &[Bytes], found: &mut BTreeSet<Bytes>) {
        let rows = self.rows.get(&table);
        found.extend(keys.iter().filter(|key| rows.is_some_and(|rows| rows.contains_key(*key))).cloned());
    }

    /// The keys of buffered rows in a range.
    pub fn find_rows(&self, table: TableId, range: &Range, found: &mut BTreeSet<Bytes>) {
        if !is_empty(range) {
            let rows = self.rows.get(&table);
            found.extend(rows.into_iter().flat_map(|rows| rows.range(range.clone())).map(|(key, _)| key.clone()));
        }
    }

    /// The keys of buffered rows that have, or had, something in a range of the space of an index.
    pub fn find_entries(&mut self, space: Space, range: &Range, found: &mut BTreeSet<Bytes>) {
        self.touched().within(space, range, found);
    }

    /// The keys of buffered rows that have, or had, a unique value.
    pub fn find_claims(&mut self, space: Space, claim: &Bytes, found: &mut BTreeSet<Bytes>) {
        self.touched().at(space, claim, found);
    }

    /// The buffered writes of the rows with these keys, in the order of the keys.
    pub fn of_keys(&self, table: TableId, keys: BTreeSet<Bytes>) -> Vec<(&Bytes, &Pending)> {
        let rows = self.rows.get(&table);
        let row = |key: Bytes| rows?.get_key_value(&key).map(|(key, pending)| (key, &**pending));
        keys.into_iter().filter_map(row).collect()
    }

    /// The buffered writes of a table that are counted in groups of an aggregate index that begin with these bytes.
    pub fn of_groups(
        &mut self,
        table: &StoredTable,
        aggregate: Space,
        prefixes: &[Vec<u8>],
    ) -> Vec<(&Bytes, &Pending)> {
        let mut found = BTreeSet::new();
        if self.rows.contains_key(&table.id) {
            let touched = self.touched();
            for prefix in prefixes {
                touched.within(aggregate, &with_prefix(prefix.clone()), &mut found);
            }
        }
        self.of_keys(table.id, found)
    }

    fn touched(&mut self) -> &Touched {
        self.touched.get_or_insert_with(|| {
            let mut touched = Touched::default();
            for (key, pending) in self.rows.values().flatten() {
                touched.add(key, pending);
            }
            touched
        })
    }

    /// Buffers a write, and gives the earlier one of the same row. What was stored before the session's first write of
    /// the row stays known.
    pub fn put(&mut self, key: Bytes, write: Pending) -> Option<Box<Pending>> {
        let table = write.table.id;
        let earlier = self.take(table, &key);
        let write = match &earlier {
            Some(earlier) => {
                Pending { after: write.after, entries_after: write.entries_after, ..Pending::clone(earlier) }
            }
            None => {
                self.written += 1;
                Pending { nth: self.written, ..write }
            }
        };
        self.add(table, key, Box::new(write));
        earlier
    }

    /// Takes back the writes of a statement that failed: for each, in order, what it had replaced.
    pub fn undo(&mut self, replaced: Vec<Replaced>) {
        for (table, key, earlier) in replaced.into_iter().rev() {
            self.take(table.id, &key);
            if let Some(earlier) = earlier {
                self.add(table.id, key, earlier);
            }
        }
    }

    /// The greatest key of new rows of a table that was given by hand; 0 if there is none.
    pub fn given(&self, table: TableId) -> u64 {
        self.given.get(&table).and_then(|keys| keys.last()).copied().unwrap_or(0)
    }

    /// The same of all tables.
    pub fn all_given(&self) -> impl Iterator<Item = (TableId, u64)> {
        self.given.iter().filter_map(|(table, keys)| Some((*table, *keys.last()?)))
    }

    /// Adds a row that is not buffered.
    fn add(&mut self, table: TableId, key: Bytes, pending: Box<Pending>) {
        for (index, claim) in &pending.entries_before.claims {
            self.holders.entry((table, *index, claim.clone())).or_default().stored += 1;
        }
        for (index, claim) in &pending.entries_after.claims {
            self.holders.entry((table, *index, claim.clone())).or_default().keys.push(key.clone());
        }
        if let Some(touched) = &mut self.touched {
            touched.add(&key, &pending);
        }
        if let Some(number) = given(&key, &pending) {
            self.given.entry(table).or_default().insert(number);
        }
        self.changed += usize::from(pending.is_change());
        self.rows.entry(table).or_default().insert(key, pending);
    }

    /// Takes a row out, if it is buffered.
    fn take(&mut self, table: TableId, key: &Bytes) -> Option<Box<Pending>> {
        let rows = self.rows.get_mut(&table)?;
        let pending = rows.remove(key)?;
        if rows.is_empty() {
            self.rows.remove(&table);
        }
        if let Some(number) = given(key, &pending)
            && let Some(numbers) = self.given.get_mut(&table)
        {
            numbers.remove(&number);
        }
        self.changed -= usize::from(pending.is_change());
        if let Some(touched) = &mut self.touched {
            touched.remove(key, &pending);
        }
        let mut leave = |index: usize, claim: &Bytes, leave: &dyn Fn(&mut Holders)| {
            let place = (table, index, claim.clone());
            let Some(holders) = self.holders.get_mut(&place) else { return };
            leave(holders);
            if holders.keys.is_empty() && holders.stored == 0 {
                self.holders.remove(&place);
            }
        };
        for (index, claim) in &pending.entries_before.claims {
            leave(*index, claim, &|holders| holders.stored = holders.stored.saturating_sub(1));
        }
        for (index, claim) in &pending.entries_after.claims {
            leave(*index, claim, &|holders| holders.keys.retain(|holder| holder != key));
        }
        Some(pending)
    }

    /// Which buffered rows have a unique value after the buffered writes: nobody if its holder gives it up; none if the
    /// buffered writes do not touch it, so that the store has to say.
    pub fn holders(&self, table: TableId, index: usize, claim: &Bytes) -> Option<&[Bytes]> {
        self.holders.get(&(table, index, claim.clone())).map(|holders| holders.keys.as_slice())
    }
}

/// Whether nothing lies in a range; a tree refuses those.
fn is_empty((lo, hi): &Range) -> bool {
    use Bound::{Excluded, Included, Unbounded};
    match (lo, hi) {
        (Unbounded, _) | (_, Unbounded) => false,
        (Included(lo), Included(hi)) => lo > hi,
        (Included(lo) | Excluded(lo), Included(hi) | Excluded(hi)) => lo >= hi,
    }
}
