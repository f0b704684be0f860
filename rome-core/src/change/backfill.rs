//! Enters the rows of a table into one of its indexes, a batch at a time.
//!
//! A batch is committed only if each of its rows is still the one that was read, so an entry is never put for what a row no
//! longer holds. How far it is in a partition is written with the batch, so a build that is killed goes on there.

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;
use std::sync::Arc;

use bytes::Bytes;

use super::options::{BuildOptions, BuildProgress};
use super::pace::Pace;
use super::trial::{Duplicate, MOST_DUPLICATES};
use crate::catalog::{StoredIndex, StoredTable};
use crate::commit::{Outcome, Part, ReplyExt, only_reply};
use crate::error::Result;
use crate::index::{self, BuildMark, mark_of};
use crate::placement::Routed;
use crate::row;
use crate::session::{Record, Shared, stale};
use crate::store::{Check, Effect, Partition, Read, Reply, Space, Span, TxId};

/// A build of one index.
pub(super) struct Backfill<'a> {
    shared: &'a Arc<Shared>,
    table: &'a Arc<StoredTable>,
    at: usize,
    options: &'a BuildOptions,
    duplicates: Vec<Duplicate>,
    progress: BuildProgress,
}

/// What rows of a batch lack.
#[derive(Default)]
struct Batch {
    parts: BTreeMap<Partition, Part>,
    /// Rows whose value another row claims: the place in the batch, and the claim.
    suspects: Vec<(usize, Bytes)>,
}

impl<'a> Backfill<'a> {
    pub fn new(shared: &'a Arc<Shared>, table: &'a Arc<StoredTable>, at: usize, options: &'a BuildOptions) -> Self {
        let index = table.indexes.get(at).map_or_else(String::new, |index| index.def.name.clone());
        let progress = BuildProgress { table: table.def.name.to_owned(), index, rows: 0, of: 0 };
        Self { shared, table, at, options, duplicates: Vec::new(), progress }
    }

    /// Enters all rows; gives those that cannot be entered.
    pub async fn run(mut self) -> Result<Vec<Duplicate>> {
        let index = self.table.index(self.at);
        let index = index.clone();
        let mut todo = Vec::new();
        for partition in self.shared.placement.all() {
            let mark = Read::Get { space: Space::Meta, key: mark_of(index.id) };
            let mark = self.read(partition, mark).await?.into_record()?.map(|(_, mark)| mark);
            let after = match BuildMark::of_mark(mark) {
                BuildMark::All => continue,
                BuildMark::UpTo(key) => Some(key),
                BuildMark::Nothing => None,
            };
            let lo = after.clone().map_or(Bound::Unbounded, Bound::Excluded);
            let rest = Read::count(Span::between(self.table.rows(), lo, Bound::Unbounded));
            self.progress.of += self.read(partition, rest).await?.into_count()?;
            todo.push((partition, after));
        }
        for (partition, after) in todo {
            self.partition(&index, partition, after).await?;
        }
        Ok(self.duplicates)
    }

    async fn partition(&mut self, index: &StoredIndex, partition: Partition, mut after: Option<Bytes>) -> Result<()> {
        let mut pace = Pace::new(self.options);
        loop {
            let rows = self.shared.scan_chunk(partition, self.table.rows(), after.clone(), pace.size()).await?;
            let Some(last) = rows.last().map(|row| row.key.clone()) else {
                let done = self.batch(index, partition, &rows, &BuildMark::All).await?;
                self.commit(done).await?;
                return Ok(());
            };
            let batch = self.batch(index, partition, &rows, &BuildMark::UpTo(last.clone())).await?;
            let suspects = batch.suspects.clone();
            // A part may be left of it if some are suspects; what is certain is entered.
            if !self.commit(batch).await? || !self.are_duplicates(index, &rows, &suspects).await? {
                pace.after_conflict(&self.shared.committer).await;
                continue;
            }
            pace.after_batch(rows.len(), &mut self.progress).await;
            after = Some(last);
        }
    }

    /// What the rows lack in the index, with the checks that they are as they were read.
    async fn batch(
        &self,
        index: &StoredIndex,
        partition: Partition,
        rows: &[Record],
        built: &BuildMark,
    ) -> Result<Batch> {
        let placement = self.shared.placement;
        let mut batch = Batch::default();
        let mut wanted = Vec::new();
        for (at, stored) in rows.iter().enumerate() {
            let unreadable = |source| row::unreadable(self.table.def, &stored.key, source);
            let body = row::unwrap(self.table, &stored.value).map_err(unreadable)?;
            let all = index::entries_of(self.table, &stored.key, &body)?;
            let check =
                Check::Version { space: self.table.rows(), key: stored.key.clone(), expect: Some(stored.version) };
            batch.at(partition).checks.push(check);
            for (space, key) in all.entries.into_iter().filter(|(space, _)| *space == index.space()) {
                let part = batch.at(placement.of_entry(self.table, index, &stored.key, &key));
                part.effects.push(Effect::Put { space, key, value: Bytes::new() });
            }
            wanted.extend(all.claims.into_iter().filter(|(of, _)| *of == self.at).map(|(_, claim)| (at, claim)));
        }
        self.claim(index, rows, wanted, &mut batch).await?;
        // Where there are duplicates, the next build has to see them again, so it starts before them.
        if self.duplicates.is_empty() && batch.suspects.is_empty() {
            let value = built.mark();
            batch.at(partition).effects.push(Effect::Put { space: Space::Meta, key: mark_of(index.id), value });
        }
        Ok(batch)
    }

    /// Adds the claims that are free.
    async fn claim(
        &self,
        index: &StoredIndex,
        rows: &[Record],
        wanted: Vec<(usize, Bytes)>,
        batch: &mut Batch,
    ) -> Result<()> {
        let found = self.claims(index, wanted.iter().map(|(_, claim)| claim)).await?;
        let mut taken: HashMap<Bytes, usize> = HashMap::new();
        for ((at, claim), found) in wanted.into_iter().zip(found) {
            let Some(key) = rows.get(at).map(|row| row.key.clone()) else { continue };
            match found {
                Some((_, holder)) if holder == key => {}
                None if !taken.contains_key(&claim) => {
                    taken.insert(claim.clone(), at);
                    let part = batch.at(self.shared.placement.of_claim(self.table, index, &claim));
                    let space = index.space();
                    part.checks.push(Check::Version { space, key: claim.clone(), expect: None });
                    part.effects.push(Effect::Put { space, key: claim, value: key });
                }
                _ => batch.suspects.push((at, claim)),
            }
        }
        Ok(())
    }

    /// Whether each suspect really has the value of another row, and lists those. The claim is read after the row was, and
    /// the row once more after the claim: if it is the same row, both had the value at that time.
    async fn are_duplicates(
        &mut self,
        index: &StoredIndex,
        rows: &[Record],
        suspects: &[(usize, Bytes)],
    ) -> Result<bool> {
        if suspects.is_empty() {
            return Ok(true);
        }
        let holders = self.claims(index, suspects.iter().map(|(_, claim)| claim)).await?;
        let suspects: Vec<(&Record, &Bytes)> =
            suspects.iter().filter_map(|(at, claim)| Some((rows.get(*at)?, claim))).collect();
        let mut reads = Routed::with_capacity(suspects.len());
        for (row, _) in &suspects {
            let home = self.shared.placement.of_row(self.table, &row.key);
            reads.push(home, Read::Get { space: self.table.rows(), key: row.key.clone() });
        }
        let now = self.shared.get_many(reads).await?;
        let mut found = Vec::new();
        for (((row, claim), holder), now) in suspects.into_iter().zip(holders).zip(now) {
            let is_same = now.is_some_and(|(version, _)| version == row.version);
            let Some((_, holder)) = holder.filter(|(_, holder)| is_same && *holder != row.key) else {
                return Ok(false);
            };
            let (columns, value) = index::describe_claim(self.table, index, claim);
            found.push(Duplicate {
                table: self.table.def.name.to_owned(),
                index: index.def.name.clone(),
                values: format!("{columns} = {value}"),
                key: row::show_key(&row.key),
                held_by: row::show_key(&holder),
            });
        }
        found.truncate(MOST_DUPLICATES.saturating_sub(self.duplicates.len()));
        self.duplicates.extend(found);
        Ok(true)
    }

    /// Commits what a batch has; says whether it did, and all was as it was read.
    async fn commit(&self, batch: Batch) -> Result<bool> {
        let (schema, durability) = (self.shared.schema, self.shared.durability);
        let parts = batch.parts.into_values().collect();
        match self.shared.committer.commit(schema, parts, durability).await? {
            Outcome::Committed => Ok(true),
            Outcome::Conflict { .. } | Outcome::Blocked => Ok(false),
            Outcome::Stale { oldest } => Err(stale(schema, oldest)),
        }
    }

    async fn claims(
        &self,
        index: &StoredIndex,
        claims: impl Iterator<Item = &Bytes>,
    ) -> Result<Vec<Option<(TxId, Bytes)>>> {
        let mut reads = Routed::default();
        for claim in claims {
            let read = Read::Get { space: index.space(), key: claim.clone() };
            reads.push(self.shared.placement.of_claim(self.table, index, claim), read);
        }
        self.shared.get_many(reads).await
    }

    async fn read(&self, partition: Partition, read: Read) -> Result<Reply> {
        only_reply(self.shared.read(&[(partition, vec![read])]).await?)
    }
}

impl Batch {
    fn at(&mut self, partition: Partition) -> &mut Part {
        self.parts.entry(partition).or_insert_with(|| Part { partition, ..Part::default() })
    }
}
