//! Counts the rows of a table for one of its aggregate indexes, a batch at a time, while others go on writing.
//!
//! Rows are counted in the order of their keys. A batch adds what its rows add, and writes down its last key, in one step
//! that is done only if the same rows are there in the same versions, none more and none fewer, and nobody else has
//! counted meanwhile. A write counts its row itself if it is not above that key, and is done only if the key is still the
//! same. So each row is counted once, by whoever comes second: its last writer or the build.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use bytes::Bytes;

use super::options::{BuildOptions, BuildProgress};
use super::pace::Pace;
use crate::catalog::{StoredAggregate, StoredTable};
use crate::commit::{Outcome, Part, ReplyExt, only_reply};
use crate::error::Result;
use crate::index::{self, BuildMark, aggregate::additions, mark_of};
use crate::row;
use crate::session::{Shared, stale};
use crate::store::{Check, Effect, Partition, Read, Reply, Scanned, Space, Span, TxId};

/// A build of one aggregate index.
pub(super) struct Recount<'a> {
    shared: &'a Arc<Shared>,
    table: &'a Arc<StoredTable>,
    at: usize,
    aggregate: &'a StoredAggregate,
    options: &'a BuildOptions,
    progress: BuildProgress,
}

impl<'a> Recount<'a> {
    pub fn new(
        shared: &'a Arc<Shared>,
        table: &'a Arc<StoredTable>,
        (at, aggregate): (usize, &'a StoredAggregate),
        options: &'a BuildOptions,
    ) -> Self {
        let (of_table, index) = (table.def.name.to_owned(), aggregate.def.name.clone());
        let progress = BuildProgress { table: of_table, index, rows: 0, of: 0 };
        Self { shared, table, at, aggregate, options, progress }
    }

    /// Counts all rows.
    pub async fn run(mut self) -> Result<()> {
        for partition in self.shared.placement.all() {
            let (_, built) = self.built(partition).await?;
            let Some(rest) = self.rest(&built) else { continue };
            self.progress.of += self.read(partition, Read::count(rest)).await?.into_count()?;
        }
        for partition in self.shared.placement.all() {
            self.partition(partition).await?;
        }
        Ok(())
    }

    async fn partition(&mut self, partition: Partition) -> Result<()> {
        let mut pace = Pace::new(self.options);
        loop {
            let (version, built) = self.built(partition).await?;
            let Some(span) = self.rest(&built) else { return Ok(()) };
            let read =
                Read::Scan { span: span.clone().limited(Some(pace.size())), filter: None, want: None, track: true };
            let rows = self.read(partition, read).await?.into_scanned()?;
            if !self.count(partition, version, span, &rows).await? {
                pace.after_conflict(&self.shared.committer).await;
                continue;
            }
            pace.after_batch(rows.len(), &mut self.progress).await;
        }
    }

    /// Adds what the rows add and says how far that is; says whether all was as it was read.
    async fn count(&self, partition: Partition, version: Option<TxId>, span: Span, rows: &Scanned) -> Result<bool> {
        let mut added: BTreeMap<(Space, Bytes), i128> = BTreeMap::new();
        for record in rows.iter() {
            let unreadable = |source| row::unreadable(self.table.def, record.key, source);
            let body = row::unwrap(self.table, record.value).map_err(unreadable)?;
            let shares = index::entries_of(self.table, record.key, &body)?.shares;
            let shares = shares.iter().filter(|share| share.at == self.at);
            additions(self.table, shares, 1).for_each(|(counter, n)| *added.entry(counter).or_default() += n);
        }
        let (span, built) = match &rows.stopped_at {
            Some(last) => (span.cut_at(last), BuildMark::UpTo(last.clone())),
            None => (span, BuildMark::All),
        };
        let (space, key) = (Space::Meta, mark_of(self.aggregate.id));
        let mut part = Part { partition, ..Part::default() };
        part.checks.push(Check::Version { space, key: key.clone(), expect: version });
        part.checks.push(Check::Same { span, rows: None, n: rows.visited, digest: rows.digest.clone() });
        let added = added.into_iter().filter(|(_, delta)| *delta != 0);
        part.effects.extend(added.map(|((space, key), delta)| Effect::Add { space, key, delta }));
        part.effects.push(Effect::Put { space, key, value: built.mark() });
        let (schema, durability) = (self.shared.schema, self.shared.durability);
        match self.shared.committer.commit(schema, vec![part], durability).await? {
            Outcome::Committed => Ok(true),
            Outcome::Conflict { .. } | Outcome::Blocked => Ok(false),
            Outcome::Stale { oldest } => Err(stale(schema, oldest)),
        }
    }

    /// How far the build is in a partition, and the version of the mark that says so.
    async fn built(&self, partition: Partition) -> Result<(Option<TxId>, BuildMark)> {
        let read = Read::Get { space: Space::Meta, key: mark_of(self.aggregate.id) };
        let mark = self.read(partition, read).await?.into_record()?;
        Ok((mark.as_ref().map(|(version, _)| *version), BuildMark::of_mark(mark.map(|(_, mark)| mark))))
    }

    /// The rows that are still to be counted; none if there are none.
    fn rest(&self, built: &BuildMark) -> Option<Span> {
        let lo = match built {
            BuildMark::Nothing => Bound::Unbounded,
            BuildMark::UpTo(last) => Bound::Excluded(last.clone()),
            BuildMark::All => return None,
        };
        Some(Span::between(self.table.rows(), lo, Bound::Unbounded))
    }

    async fn read(&self, partition: Partition, read: Read) -> Result<Reply> {
        only_reply(self.shared.read(&[(partition, vec![read])]).await?)
    }
}
