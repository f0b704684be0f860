//! The buffered writes of a session.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use bytes::Bytes;

use super::references;
use crate::catalog::{Catalog, StoredTable};
use crate::change::Built;
use crate::error::{Error, Kind, Result};
use crate::index::{self, Entries};
use crate::place::Placement;
use crate::row;
use crate::schema::ForeignKey;
use crate::store::{Check, Effect, IndexId, Partition, Space, TableId};

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
        Ok(Self { table: table.clone(), before, after, unread, entries_before, entries_after })
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
    /// Which buffered rows will have each unique value that buffered writes touch: nobody where it is given up, and more
    /// than one only in the middle of a statement.
    holders: HashMap<(TableId, usize, Bytes), Vec<Bytes>>,
    /// How far builds of aggregate indexes were, by index and partition, when the session wrote rows there.
    builds: HashMap<(IndexId, Partition), Built>,
    /// Claims that are not those of the rows with these values, by index, claim and row.
    spared: HashSet<(TableId, usize, Bytes, Bytes)>,
}

/// What a check of a commit means when it fails.
#[derive(Debug)]
pub(crate) enum Meaning {
    DuplicateKey { table: Arc<StoredTable>, key: Bytes },
    Unique { table: Arc<StoredTable>, index: usize, claim: Bytes },
    Reference { table: Arc<StoredTable>, foreign_key: &'static ForeignKey, key: Bytes },
}

impl Meaning {
    pub fn into_error(self) -> Error {
        match self {
            Self::DuplicateKey { table, key } => {
                Kind::DuplicateKey { table: table.def.name, key: row::show_key(&key) }.into()
            }
            Self::Unique { table, index, claim } => unique_violation(&table, index, &claim),
            Self::Reference { table, foreign_key, key } => references::missing(&table, foreign_key, &key),
        }
    }
}

pub(crate) fn unique_violation(table: &StoredTable, index: usize, claim: &[u8]) -> Error {
    let Some(index) = table.indexes.get(index) else { return Error::invalid("a unique constraint is violated") };
    let (columns, value) = index::describe_claim(table, index, claim);
    Kind::Unique { table: table.def.name, index: index.def.name.clone(), columns, value }.into()
}

/// The checks and effects that carry out the buffered writes in one partition.
#[derive(Debug, Default)]
pub(crate) struct Compiled {
    pub checks: Vec<Check>,
    pub meanings: Vec<Meaning>,
    pub effects: Vec<Effect>,
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
    pub fn note_build(&mut self, index: IndexId, partition: Partition, built: Built) {
        self.builds.insert((index, partition), built);
    }

    /// Whether it is known how far the build of an aggregate index is in a partition.
    pub fn knows_build(&self, index: IndexId, partition: Partition) -> bool {
        self.builds.contains_key(&(index, partition))
    }

    /// Whether an aggregate index counts the row under `key`, which lies in `home`: its build will do so if it has not come
    /// there yet.
    fn is_counted(&self, table: &StoredTable, at: usize, home: Partition, key: &[u8]) -> bool {
        let aggregate = table.aggregates.get(at);
        let built = aggregate.and_then(|aggregate| self.builds.get(&(aggregate.id, home)));
        built.is_none_or(|built| built.has(key))
    }

    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The buffered writes of a table, by key.
    pub fn of_table(&self, table: TableId) -> impl Iterator<Item = (&Bytes, &Pending)> {
        self.rows.get(&table).into_iter().flatten().map(|(key, pending)| (key, &**pending))
    }

    pub fn get(&self, table: TableId, key: &[u8]) -> Option<&Pending> {
        self.rows.get(&table)?.get(key).map(|pending| &**pending)
    }

    /// Buffers a write, and gives the earlier one of the same row. What was stored before the session's first write of
    /// the row stays known.
    pub fn put(&mut self, key: Bytes, write: Pending) -> Option<Box<Pending>> {
        let table = write.table.id;
        let rows = self.rows.entry(table).or_default();
        let given_up = match rows.get(&key) {
            Some(earlier) => &earlier.entries_after.claims,
            None => &write.entries_before.claims,
        };
        for (index, claim) in given_up {
            self.holders.entry((table, *index, claim.clone())).or_default().retain(|holder| *holder != key);
        }
        for (index, claim) in &write.entries_after.claims {
            self.holders.entry((table, *index, claim.clone())).or_default().push(key.clone());
        }
        match rows.get_mut(&key) {
            Some(pending) => {
                let earlier = pending.clone();
                pending.after = write.after;
                pending.entries_after = write.entries_after;
                Some(earlier)
            }
            None => {
                rows.insert(key, Box::new(write));
                None
            }
        }
    }

    /// Takes back the writes of a statement that failed: for each, in order, what it had replaced.
    pub fn undo(&mut self, replaced: Vec<Replaced>) {
        let mut tables = BTreeSet::new();
        for (table, key, earlier) in replaced.into_iter().rev() {
            tables.insert(table.id);
            let rows = self.rows.entry(table.id).or_default();
            match earlier {
                Some(earlier) => rows.insert(key, earlier),
                None => rows.remove(&key),
            };
        }
        tables.into_iter().for_each(|table| self.find_holders(table));
    }

    /// Finds out anew who has the unique values of a table.
    fn find_holders(&mut self, table: TableId) {
        let Some(rows) = self.rows.get(&table) else { return };
        self.holders.retain(|(held, ..), _| *held != table);
        for (key, pending) in rows.iter() {
            for (index, claim) in &pending.entries_before.claims {
                self.holders.entry((table, *index, claim.clone())).or_default();
            }
            for (index, claim) in &pending.entries_after.claims {
                self.holders.entry((table, *index, claim.clone())).or_default().push(key.clone());
            }
        }
        if rows.is_empty() {
            self.rows.remove(&table);
        }
    }

    /// Which buffered rows have a unique value after the buffered writes: nobody if its holder gives it up; none if the
    /// buffered writes do not touch it, so that the store has to say.
    pub fn holders(&self, table: TableId, index: usize, claim: &Bytes) -> Option<&[Bytes]> {
        self.holders.get(&(table, index, claim.clone())).map(Vec::as_slice)
    }

    /// Turns the writes into checks and effects of each partition: removals first, each part in the order of the keys.
    pub fn compile(&self, catalog: &Catalog, placement: Placement) -> Result<Vec<(Partition, Compiled)>> {
        let mut parts = Parts { overlay: self, catalog, placement, by_partition: BTreeMap::new() };
        for (table, rows) in &self.rows {
            for (key, pending) in rows {
                parts.add(*table, key, pending)?;
            }
        }
        Ok(parts.by_partition.into_iter().map(|(partition, part)| (partition, part.finish())).collect())
    }
}

struct Parts<'a> {
    overlay: &'a Overlay,
    catalog: &'a Catalog,
    placement: Placement,
    by_partition: BTreeMap<Partition, Box<Part>>,
}

/// What happens in one partition.
#[derive(Default)]
struct Part {
    checks: Vec<Check>,
    meanings: Vec<Meaning>,
    removed: Vec<(Space, Bytes)>,
    put: Vec<(Space, Bytes, Bytes)>,
    given_up: HashSet<(Space, Bytes)>,
    claimed: BTreeMap<(Space, Bytes), (Arc<StoredTable>, usize, Bytes)>,
    /// What is added to counters.
    added: BTreeMap<(Space, Bytes), i128>,
}

impl Parts<'_> {
    fn at(&mut self, partition: Partition) -> &mut Part {
        self.by_partition.entry(partition).or_default()
    }

    fn add(&mut self, table: TableId, key: &Bytes, pending: &Pending) -> Result<()> {
        let rows = Space::Rows(table);
        let stored = &*pending.table;
        let placement = self.placement;
        let (before, after) = (&pending.entries_before, &pending.entries_after);
        let home = placement.of_row(stored, key);
        let part = self.at(home);
        if pending.unread {
            part.checks.push(Check::Version { space: rows, key: key.clone(), expect: None });
            part.meanings.push(Meaning::DuplicateKey { table: pending.table.clone(), key: key.clone() });
        }
        match (&pending.before, &pending.after) {
            (_, Some(body)) => {
                let wrapped = row::wrap(stored, body).map_err(|source| row::unreadable(stored.def, key, source))?;
                part.put.push((rows, key.clone(), wrapped));
            }
            (Some(_), None) => part.removed.push((rows, key.clone())),
            (None, None) => {}
        }
        let entry_at = |space: Space, entry: &[u8]| {
            let global = stored.indexes.iter().find(|index| index.def.global && index.space() == space);
            global.map_or(home, |index| placement.of_global(index, entry))
        };
        for (space, entry) in missing_from(&after.entries, &before.entries) {
            self.at(entry_at(space, &entry)).removed.push((space, entry));
        }
        for (space, entry) in missing_from(&before.entries, &after.entries) {
            self.at(entry_at(space, &entry)).put.push((space, entry, Bytes::new()));
        }
        for (entries, times) in [(before, -1), (after, 1)] {
            let counted = entries.shares.iter().filter(|share| self.overlay.is_counted(stored, share.at, home, key));
            let added = index::aggregate::additions(stored, counted, times);
            let part = self.by_partition.entry(home).or_default();
            added.for_each(|(counter, n)| *part.added.entry(counter).or_default() += n);
        }
        if !stored.def.foreign_keys.is_empty() {
            let (before, after) = (pending.before.as_ref(), pending.after.as_ref());
            let parents = references::new_references(self.catalog, self.overlay, stored, key, before, after)?;
            for (foreign_key, parent_table, parent) in parents {
                let part = self.at(placement.of_row(&parent_table, &parent));
                part.checks.push(Check::Count { span: references::one_row(&parent_table, &parent), n: 1 });
                part.meanings.push(Meaning::Reference { table: pending.table.clone(), foreign_key, key: parent });
            }
        }
        for (at, claim) in before.claims.iter().filter(|claim| !after.claims.contains(claim)) {
            let Some(index) = stored.indexes.get(*at) else { continue };
            if self.overlay.spared.contains(&(table, *at, claim.clone(), key.clone())) {
                continue;
            }
            let part = self.at(placement.of_claim(stored, index, claim));
            part.given_up.insert((index.space(), claim.clone()));
        }
        for (at, claim) in pending.new_claims() {
            let Some(index) = stored.indexes.get(*at) else { continue };
            let part = self.at(placement.of_claim(stored, index, claim));
            let claimed = (pending.table.clone(), *at, key.clone());
            if part.claimed.insert((index.space(), claim.clone()), claimed).is_some() {
                return Err(unique_violation(stored, *at, claim));
            }
        }
        Ok(())
    }
}

impl Part {
    fn finish(mut self) -> Compiled {
        for ((space, claim), (table, index, key)) in self.claimed {
            // A value that another row of this commit gives up is free: that row's own check covers its claim.
            if !self.given_up.remove(&(space, claim.clone())) {
                self.checks.push(Check::Version { space, key: claim.clone(), expect: None });
                self.meanings.push(Meaning::Unique { table, index, claim: claim.clone() });
            }
            self.put.push((space, claim, key));
        }
        self.removed.extend(self.given_up);
        self.removed.sort_unstable();
        self.put.sort_unstable();
        let removed = self.removed.into_iter().map(|(space, key)| Effect::Delete { space, key });
        let put = self.put.into_iter().map(|(space, key, value)| Effect::Put { space, key, value });
        let added = self.added.into_iter().filter(|(_, delta)| *delta != 0);
        let added = added.map(|((space, key), delta)| Effect::Add { space, key, delta });
        Compiled { checks: self.checks, meanings: self.meanings, effects: removed.chain(put).chain(added).collect() }
    }
}

/// Those of `entries` that are not in `others`. A row can have very many entries, by a list that is indexed.
fn missing_from<'a>(
    others: &'a [(Space, Bytes)],
    entries: &'a [(Space, Bytes)],
) -> impl Iterator<Item = (Space, Bytes)> + 'a {
    const FEW: usize = 16;
    let set: Option<HashSet<&(Space, Bytes)>> = (others.len() > FEW).then(|| others.iter().collect());
    let is_there = move |entry: &&(Space, Bytes)| match &set {
        Some(set) => set.contains(entry),
        None => others.contains(entry),
    };
    entries.iter().filter(move |entry| !is_there(entry)).cloned()
}
