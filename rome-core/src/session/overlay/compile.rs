//! Turns buffered writes into the checks and effects of a commit.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use bytes::Bytes;

use super::{Overlay, Pending};
use crate::catalog::{Catalog, StoredTable};
use crate::error::{Error, Kind, Result};
use crate::index;
use crate::placement::Placement;
use crate::row;
use crate::schema::ForeignKey;
use crate::session::referenced;
use crate::store::{Check, Effect, Partition, Space, TableId};

/// What a check of a commit means when it fails.
#[derive(Debug)]
pub(crate) enum Meaning {
    DuplicateKey {
        table: Arc<StoredTable>,
        key: Bytes,
    },
    /// A counted key is in use.
    CountedKey {
        table: Arc<StoredTable>,
    },
    Unique {
        table: Arc<StoredTable>,
        index: usize,
        claim: Bytes,
    },
    Reference {
        table: Arc<StoredTable>,
        foreign_key: &'static ForeignKey,
        key: Bytes,
    },
}

impl Meaning {
    pub fn into_error(self) -> Error {
        match self {
            Self::DuplicateKey { table, key } => {
                Kind::DuplicateKey { table: table.def.name, key: row::show_key(&key) }.into()
            }
            Self::CountedKey { table } => {
                let what = format!("the next number for a key of `{}`, which was given by hand", table.def.name);
                Kind::Conflict { attempts: 0, what }.into()
            }
            Self::Unique { table, index, claim } => unique_violation(&table, index, &claim),
            Self::Reference { table, foreign_key, key } => referenced::missing(&table, foreign_key, &key),
        }
    }
}

pub(crate) fn unique_violation(table: &StoredTable, index: usize, claim: &[u8]) -> Error {
    let index = table.index(index);
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
    /// Turns the writes into checks and effects of each partition. Checks come in the order in which a session tests
    /// constraints: keys, foreign keys, unique values, each in the order of the writes; effects with removals first, in the order
    /// of the keys.
    pub fn compile(&self, catalog: &Catalog, placement: Placement) -> Result<Vec<(Partition, Compiled)>> {
        let mut parts = Parts { overlay: self, catalog, placement, by_partition: BTreeMap::new() };
        let rows = self.rows.iter().flat_map(|(table, rows)| rows.iter().map(|(key, pending)| (*table, key, pending)));
        let mut rows: Vec<(TableId, &Bytes, &Box<Pending>)> = rows.collect();
        rows.sort_unstable_by_key(|(.., pending)| pending.nth);
        for (table, key, pending) in rows {
            parts.add(table, key, pending)?;
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
    keys: Vec<(Check, Meaning)>,
    references: Vec<(Check, Meaning)>,
    removed: Vec<(Space, Bytes)>,
    put: Vec<(Space, Bytes, Bytes)>,
    given_up: HashSet<(Space, Bytes)>,
    claimed: BTreeMap<(Space, Bytes), Claimed>,
    /// What is added to counters.
    added: BTreeMap<(Space, Bytes), i128>,
}

/// A unique value that a row takes.
struct Claimed {
    /// Its place among those of the partition, in the order of the writes.
    nth: usize,
    table: Arc<StoredTable>,
    index: usize,
    key: Bytes,
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
            let table = pending.table.clone();
            let meaning = match pending.counted {
                true => Meaning::CountedKey { table },
                false => Meaning::DuplicateKey { table, key: key.clone() },
            };
            part.keys.push((Check::Version { space: rows, key: key.clone(), expect: None }, meaning));
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
            let parents = referenced::new_references(self.catalog, self.overlay, stored, key, before, after)?;
            for (foreign_key, parent_table, parent) in parents {
                let part = self.at(placement.of_row(&parent_table, &parent));
                let check = Check::Count { span: referenced::one_row(&parent_table, &parent), n: 1 };
                part.references
                    .push((check, Meaning::Reference { table: pending.table.clone(), foreign_key, key: parent }));
            }
        }
        for (at, claim) in before.claims.iter().filter(|claim| !after.claims.contains(claim)) {
            let index = stored.index(*at);
            if self.overlay.spared.contains(&(table, *at, claim.clone(), key.clone())) {
                continue;
            }
            let part = self.at(placement.of_claim(stored, index, claim));
            part.given_up.insert((index.space(), claim.clone()));
        }
        for (at, claim) in pending.new_claims() {
            let index = stored.index(*at);
            let part = self.at(placement.of_claim(stored, index, claim));
            let nth = part.claimed.len();
            let claimed = Claimed { nth, table: pending.table.clone(), index: *at, key: key.clone() };
            if part.claimed.insert((index.space(), claim.clone()), claimed).is_some() {
                return Err(unique_violation(stored, *at, claim));
            }
        }
        Ok(())
    }
}

impl Part {
    fn finish(mut self) -> Compiled {
        let mut tested = self.keys;
        tested.append(&mut self.references);
        let mut claimed: Vec<((Space, Bytes), Claimed)> = self.claimed.into_iter().collect();
        claimed.sort_unstable_by_key(|(_, claimed)| claimed.nth);
        for ((space, claim), Claimed { table, index, key, .. }) in claimed {
            // A value that another row of this commit gives up is free: that row's own check covers its claim.
            if !self.given_up.remove(&(space, claim.clone())) {
                let check = Check::Version { space, key: claim.clone(), expect: None };
                tested.push((check, Meaning::Unique { table, index, claim: claim.clone() }));
            }
            self.put.push((space, claim, key));
        }
        let (checks, meanings) = tested.into_iter().unzip();
        self.removed.extend(self.given_up);
        self.removed.sort_unstable();
        self.put.sort_unstable();
        let removed = self.removed.into_iter().map(|(space, key)| Effect::Delete { space, key });
        let put = self.put.into_iter().map(|(space, key, value)| Effect::Put { space, key, value });
        let added = self.added.into_iter().filter(|(_, delta)| *delta != 0);
        let added = added.map(|((space, key), delta)| Effect::Add { space, key, delta });
        Compiled { checks, meanings, effects: removed.chain(put).chain(added).collect() }
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
