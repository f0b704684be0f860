//! From rows to what they should have: entries, claims, and the rows that they reference.

use std::sync::Arc;

use bytes::Bytes;

use super::aggregates::Tallies;
use super::{Checker, FindingKind, Mend};
use crate::catalog::StoredTable;
use crate::error::Result;
use crate::index::{self, Entries};
use crate::placement::Routed;
use crate::row;
use crate::row::reference::columns_of;
use crate::session::Record;
use crate::store::{Check, Effect, Partition, Read, Space};

/// Something that a row should have.
struct Due {
    partition: Partition,
    space: Space,
    key: Bytes,
    index: Option<usize>,
    /// The record's value: the row's key in a claim. None for the row of another table.
    value: Option<Bytes>,
}

impl Checker<'_> {
    /// Checks the rows of a table; gives what they add up to in its aggregate indexes.
    pub(super) async fn rows(&mut self, table: &Arc<StoredTable>) -> Result<Tallies> {
        let mut tallies = Tallies::default();
        for partition in self.shared.placement.all() {
            let mut after = None;
            loop {
                let records = self.shared.scan_chunk(partition, table.rows(), after, super::CHUNK).await?;
                let Some(last) = records.last() else { break };
                after = Some(last.key.clone());
                self.report.rows += records.len() as u64;
                let mut asked = Vec::new();
                for record in &records {
                    if !self.is_readable(table, record) {
                        self.find(FindingKind::Unreadable, table, None, &record.key, false);
                    }
                    // What even its columns do not say cannot be asked for: such a row was found unreadable.
                    if let Ok((entries, due)) = self.due(table, record) {
                        tallies.add(partition, &entries);
                        asked.extend(due.into_iter().map(|due| (record, due)));
                    }
                }
                let mut reads = Routed::with_capacity(asked.len());
                for (_, due) in &asked {
                    reads.push(due.partition, Read::Get { space: due.space, key: due.key.clone() });
                }
                let found = if reads.is_empty() { Vec::new() } else { self.shared.get_many(reads).await? };
                for ((record, due), found) in asked.into_iter().zip(found) {
                    let holds = match (&due.value, &found) {
                        (_, None) => false,
                        (None, Some(_)) => true,
                        (Some(value), Some((_, stored))) => value == stored,
                    };
                    if !holds {
                        self.look_again(table, record, due).await?;
                    }
                }
            }
        }
        Ok(tallies)
    }

    /// Whether the row lies under its own key, has a value in each column, and can be read by its entity.
    fn is_readable(&self, table: &StoredTable, record: &Record) -> bool {
        row::unwrap(table, &record.value).is_ok_and(|body| {
            row::key_of(table.def, &body).is_ok_and(|key| key == record.key)
                && row::is_whole(table.def, &body)
                && self.shared.readers.reads(table.def, &body)
        })
    }

    fn due(&self, table: &Arc<StoredTable>, record: &Record) -> Result<(Entries, Vec<Due>)> {
        let placement = self.shared.placement;
        let unreadable = |source| row::unreadable(table.def, &record.key, source);
        let body = row::unwrap(table, &record.value).map_err(unreadable)?;
        let has = index::entries_of(table, &record.key, &body)?;
        let mut due = Vec::with_capacity(has.entries.len() + has.claims.len());
        for (space, entry) in has.entries.iter().cloned() {
            let Some(at) = table.indexes.iter().position(|index| index.space() == space) else { continue };
            // One that is not built to its end lacks what its build will add.
            let Some(index) = table.indexes.get(at).filter(|index| index.is_complete()) else { continue };
            let partition = placement.of_entry(table, index, &record.key, &entry);
            due.push(Due { partition, space, key: entry, index: Some(at), value: Some(Bytes::new()) });
        }
        for (at, claim) in has.claims.iter().cloned() {
            let Some(index) = table.indexes.get(at).filter(|index| index.is_complete()) else { continue };
            let partition = placement.of_claim(table, index, &claim);
            let value = Some(record.key.clone());
            due.push(Due { partition, space: index.space(), key: claim, index: Some(at), value });
        }
        for foreign_key in &table.def.foreign_keys {
            let parent = columns_of(table.def, &body, &foreign_key.columns).map_err(unreadable)?;
            let target = self.shared.catalog.find(foreign_key.target());
            if let (Some(key), Some(target)) = (parent, target) {
                let partition = placement.of_row(target, &key);
                due.push(Due { partition, space: target.rows(), key, index: None, value: None });
            }
        }
        Ok((has, due))
    }

    /// Reports what is missing, if the row is still there as it was and the other is still missing.
    async fn look_again(&mut self, table: &Arc<StoredTable>, record: &Record, due: Due) -> Result<()> {
        let home = self.shared.placement.of_row(table, &record.key);
        let mut reads = Routed::with_capacity(3);
        let row = || Read::Get { space: table.rows(), key: record.key.clone() };
        reads.push(home, row());
        reads.push(due.partition, Read::Get { space: due.space, key: due.key.clone() });
        let found = self.shared.get_many(reads).await?;
        let [row_now, due_now] = found.as_slice() else { return Ok(()) };
        let is_same = row_now.as_ref().is_some_and(|(version, _)| *version == record.version);
        let holds = due_now.as_ref().is_some_and(|(_, stored)| due.value.as_ref().is_none_or(|value| value == stored));
        if !is_same || holds {
            return Ok(());
        }
        let (kind, mend) = match (due.space, due.value) {
            (space @ Space::Unique(_), Some(value)) => {
                let free = Check::Version { space, key: due.key.clone(), expect: None };
                let effect = Effect::Put { space, key: due.key, value };
                // If another row has the value, its owner has to say which of the two keeps it.
                let mend = due_now.is_none().then_some(Mend { check: Some(free), effect });
                (FindingKind::MissingClaim, mend)
            }
            (space, Some(value)) => {
                let effect = Effect::Put { space, key: due.key, value };
                (FindingKind::MissingEntry, Some(Mend { check: None, effect }))
            }
            (_, None) => (FindingKind::Orphan, None),
        };
        let mended = match mend {
            Some(mend) => self.mend((table, &record.key, Some(record.version)), due.partition, mend).await?,
            None => false,
        };
        self.find(kind, table, due.index, &record.key, mended);
        Ok(())
    }
}
