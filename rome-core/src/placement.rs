//! Placement: in which partition rows, index entries and claims lie, and reads that are sent there.
//!
//! The rule is part of the stored format: `docs/design/several-partitions.md`.

use std::ops::Bound;

use xxhash_rust::xxh3::xxh3_64;

use crate::catalog::{StoredIndex, StoredTable};
use crate::schema::{IndexPart, Table};
use crate::store::{FilterRef, Partition, Range, Read, ReadReply, Reply, successor};
use crate::value::{Value, key};

/// How many partitions there are, and so where everything lies.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Placement {
    partitions: u32,
}

impl Placement {
    pub const fn new(partitions: u32) -> Self {
        Self { partitions }
    }

    pub const fn is_one(self) -> bool {
        self.partitions <= 1
    }

    pub fn all(self) -> impl Iterator<Item = Partition> {
        (0..self.partitions).map(Partition)
    }

    /// Where a row and its entries of local indexes lie.
    pub fn of_row(self, table: &StoredTable, key: &[u8]) -> Partition {
        if self.is_one() || table.def.partition_by == table.def.key {
            return self.of_bytes(key);
        }
        let ascending = |column: &u16| IndexPart::asc(*column);
        self.of_columns(table.def, &table.def.key.iter().map(ascending).collect::<Vec<_>>(), key)
    }

    /// Where a unique value is claimed: beside its row, if the value says where that is.
    pub fn of_claim(self, table: &StoredTable, index: &StoredIndex, columns: &[u8]) -> Partition {
        let says = |group: &u16| index.def.parts.iter().any(|part| part.column == *group);
        if self.is_one() || !table.def.partition_by.iter().all(says) {
            return self.of_bytes(columns);
        }
        self.of_columns(table.def, &index.def.parts, columns)
    }

    /// Where an index entry lies, of the row under `key`.
    pub fn of_entry(self, table: &StoredTable, index: &StoredIndex, key: &[u8], entry: &[u8]) -> Partition {
        if index.def.global { self.of_global(index, entry) } else { self.of_row(table, key) }
    }

    /// Where the entries of a global index lie that begin with these bytes, which hold at least its first column.
    pub fn of_global(self, index: &StoredIndex, prefix: &[u8]) -> Partition {
        let descending = index.def.parts.first().is_some_and(|part| part.descending);
        let first = key::decode(prefix, descending).ok().and_then(|(_, used)| prefix.get(..used));
        self.of_bytes(first.unwrap_or(prefix))
    }

    /// Where the rows with keys in this range lie, if it fixes their group; none if they may lie in several partitions.
    pub fn of_keys(self, table: &StoredTable, range: &Range) -> Option<Partition> {
        self.of_range(table.def, table.def.key.iter().map(|column| IndexPart::asc(*column)), range)
    }

    /// The same of the rows that the entries in a range of a local index lead to, and of these entries.
    pub fn of_entries(self, table: &StoredTable, index: &StoredIndex, range: &Range) -> Option<Partition> {
        self.of_range(table.def, index.def.parts.iter().copied(), range)
    }

    fn of_range(self, table: &Table, parts: impl Iterator<Item = IndexPart>, (lo, hi): &Range) -> Option<Partition> {
        let (Bound::Included(lo), Bound::Excluded(hi)) = (lo, hi) else { return None };
        let mut fixed = Vec::with_capacity(table.partition_by.len());
        let mut end = 0;
        for part in parts {
            if let Some(found) = self.of_values(table, |column| value_of(&fixed, column)) {
                return Some(found);
            }
            let (value, used) = key::decode(lo.get(end..)?, part.descending).ok()?;
            end += used;
            if !begins_all(lo.get(..end)?, hi) {
                return None;
            }
            fixed.push((part.column, value));
        }
        self.of_values(table, |column| value_of(&fixed, column))
    }

    /// Where the rows lie whose group has these values; none if one of them is not given.
    pub fn of_values<'a>(self, table: &Table, value: impl Fn(u16) -> Option<&'a Value>) -> Option<Partition> {
        let mut group = Vec::new();
        for column in &table.partition_by {
            key::encode(value(*column)?.as_ref(), false, &mut group);
        }
        Some(self.of_bytes(&group))
    }

    /// Where the rows lie whose group is among these encoded columns.
    fn of_columns(self, table: &Table, parts: &[IndexPart], mut encoded: &[u8]) -> Partition {
        let mut values = Vec::with_capacity(parts.len());
        for part in parts {
            // What cannot be decoded is not stored under any key, so it does not matter where it is looked for.
            let Ok((value, used)) = key::decode(encoded, part.descending) else { break };
            values.push((part.column, value));
            encoded = encoded.get(used..).unwrap_or_default();
        }
        self.of_values(table, |column| value_of(&values, column)).unwrap_or_default()
    }

    fn of_bytes(self, group: &[u8]) -> Partition {
        if self.is_one() {
            return Partition(0);
        }
        let place = xxh3_64(group) % u64::from(self.partitions);
        Partition(u32::try_from(place).unwrap_or_default())
    }
}

fn value_of(values: &[(u16, Value)], column: u16) -> Option<&Value> {
    values.iter().find(|(of, _)| *of == column).map(|(_, value)| value)
}

/// Whether all that is below `hi`, and not below `beginning`, begins with that.
pub(crate) fn begins_all(beginning: &[u8], hi: &[u8]) -> bool {
    successor(beginning).is_none_or(|end| hi <= end)
}

/// Reads of one step of a query, each with its partition. Their replies come in the order of the reads.
#[derive(Debug, Default)]
pub(crate) struct Routed {
    reads: Vec<Read>,
    /// The partition of the first read.
    first: Partition,
    /// The partition of each read; empty while they are all in the first one.
    at: Vec<Partition>,
}

/// Where the reply to each read is: the place of its partition in the batch.
pub(crate) struct Order(Option<Vec<usize>>);

impl Routed {
    pub fn with_capacity(n: usize) -> Self {
        Self { reads: Vec::with_capacity(n), ..Self::default() }
    }

    pub fn push(&mut self, partition: Partition, read: Read) {
        if self.reads.is_empty() {
            self.first = partition;
        }
        if !self.at.is_empty() || partition != self.first {
            self.at.resize(self.reads.len(), self.first);
            self.at.push(partition);
        }
        self.reads.push(read);
    }

    /// Adds a read of each of these partitions.
    pub fn push_all(&mut self, partitions: &[Partition], read: &Read) {
        for partition in partitions {
            self.push(*partition, read.clone());
        }
    }

    pub const fn is_empty(&self) -> bool {
        self.reads.is_empty()
    }

    /// Counts the members of spans in place of giving them.
    pub fn count_only(&mut self) {
        for read in &mut self.reads {
            if let Read::Scan { span, .. } = read {
                *read = Read::count(span.clone());
            }
        }
    }

    /// Gives each read a filter of its own.
    pub fn filter_each(&mut self, mut filter: impl FnMut() -> FilterRef) {
        for read in &mut self.reads {
            if let Read::Scan { filter: of_read, .. } | Read::ScanRows { filter: of_read, .. } = read {
                *of_read = Some(filter());
            }
        }
    }

    pub fn reads(&self) -> &[Read] {
        &self.reads
    }

    /// Whether all of it is in one partition.
    pub const fn is_in_one(&self) -> bool {
        self.at.is_empty()
    }

    /// The reads of each partition.
    pub fn into_batch(self) -> (Vec<(Partition, Vec<Read>)>, Order) {
        if self.is_in_one() {
            return (vec![(self.first, self.reads)], Order(None));
        }
        let mut batch: Vec<(Partition, Vec<Read>)> = Vec::new();
        let mut order = Vec::with_capacity(self.reads.len());
        for (partition, read) in self.at.into_iter().zip(self.reads) {
            let place = batch.iter().position(|(other, _)| *other == partition).unwrap_or_else(|| {
                batch.push((partition, Vec::new()));
                batch.len() - 1
            });
            if let Some((_, reads)) = batch.get_mut(place) {
                reads.push(read);
            }
            order.push(place);
        }
        (batch, Order(Some(order)))
    }
}

impl Order {
    /// The replies of all partitions in the order of the reads.
    pub fn merge(self, mut replies: Vec<ReadReply>) -> Vec<Reply> {
        let Some(order) = self.0 else {
            return replies.pop().map(|reply| reply.replies).unwrap_or_default();
        };
        let mut replies: Vec<_> = replies.into_iter().map(|reply| reply.replies.into_iter()).collect();
        order.into_iter().filter_map(|place| replies.get_mut(place)?.next()).collect()
    }
}
