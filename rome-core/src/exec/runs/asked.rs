//! What one step reads of the runs, and what it found.

use std::sync::Arc;

use bytes::Bytes;

use crate::ask::OrderPart;
use crate::catalog::StoredTable;
use crate::error::{Error, Result};
use crate::exec::fetch::{add_hit, key_of_entry};
use crate::exec::filter::RowCondition;
use crate::exec::hit::Hit;
use crate::exec::routing::Through;
use crate::exec::sort::sort_key_of;
use crate::placement::Routed;
use crate::session::{Pace, Reader};
use crate::store::{Claimed, Partition, Read, Reply, Scanned};

/// How rows are put in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Merging {
    /// One run after the other: they have no rows in common, and any order will do.
    Append,
    /// The same, where a row may be found in several runs.
    Distinct,
    /// By their places in the order.
    Ordered,
}

/// How rows are read and put in order.
#[derive(Clone)]
pub(super) struct How {
    pub table: Arc<StoredTable>,
    /// The total order; empty if any order will do.
    pub order: Vec<OrderPart>,
    /// In how many of its first parts each run is in order; rows that are equal there are in any order. All of them, mostly.
    pub leading: usize,
    /// The place behind which rows are wanted, where a run does not begin there.
    pub behind: Option<Vec<u8>>,
    pub condition: Option<Arc<RowCondition>>,
    /// Whether rows are read one after the other with the entries that lead to them.
    pub apart: bool,
    /// Whether only the keys of the rows are wanted.
    pub keys_only: bool,
    pub merging: Merging,
    /// How long the runs have been read since other tasks could run.
    pub pace: Arc<Pace>,
}

/// What to read of the runs.
#[derive(Clone)]
pub(crate) struct Asked {
    pub(super) how: Arc<How>,
    pub(super) reads: Vec<AskedOf>,
    /// Whether the ends of the runs are asked for too; `None` for a run that has none.
    pub(super) ends: Vec<Option<(Partition, Read)>>,
}

/// What is read of one run.
#[derive(Clone)]
pub(super) struct AskedOf {
    pub run: usize,
    pub through: Through,
    pub reads: Vec<(Partition, Read)>,
}

/// What was read of the runs.
pub(crate) struct Got {
    pub(super) pieces: Vec<Piece>,
    /// The last member of each run, if that was asked for.
    pub(super) ends: Option<Vec<End>>,
}

/// Where a run ends.
pub(super) enum End {
    /// At this member.
    At(Bytes),
    /// It has no member.
    Empty,
    /// It was not asked for.
    Unknown,
}

pub(super) struct Piece {
    pub run: usize,
    pub rows: Vec<(Vec<u8>, Hit)>,
    /// How far the run has come: the place of its last row, in the parts in which it is in order.
    pub frontier: Option<Vec<u8>>,
    pub visited: u64,
    pub stopped_at: Option<Bytes>,
}

impl Got {
    /// The rows, as they are to be given to [`Runs::take`](super::Runs::take).
    pub fn hits(&self) -> impl Iterator<Item = &Hit> {
        self.pieces.iter().flat_map(|piece| &piece.rows).map(|(_, hit)| hit)
    }

    /// The same, without copying them.
    pub fn take_hits(&mut self) -> Vec<Hit> {
        let take =
            |(_, hit): &mut (Vec<u8>, Hit)| std::mem::replace(hit, Hit { key: Bytes::new(), body: Bytes::new() });
        self.pieces.iter_mut().flat_map(|piece| &mut piece.rows).map(take).collect()
    }
}

/// What was read of one run, before its rows have their places.
struct Raw {
    run: usize,
    rows: Vec<Hit>,
    visited: u64,
    stopped_at: Option<Bytes>,
    /// Whether the rows are known by their keys alone, and are still to be read.
    apart: bool,
}

impl Asked {
    /// Whether a row and what leads to it are read one after the other, so that only a session sees both in one state.
    pub fn is_apart(&self) -> bool {
        self.how.apart
    }

    /// Reads what was asked. Costs one round trip, two where rows lie apart from their entries.
    pub async fn read(self, target: Reader<'_>) -> Result<Got> {
        let Self { how, reads: asked, ends } = self;
        let mut reads = Routed::with_capacity(asked.len() + ends.len());
        let mut runs = Vec::with_capacity(asked.len());
        for AskedOf { run, through, reads: of_run } in asked {
            let keys: Vec<Option<Bytes>> = of_run.iter().map(|(_, read)| key_of_get(read)).collect();
            of_run.into_iter().for_each(|(partition, read)| reads.push(partition, read));
            runs.push((run, through, keys));
        }
        let has_end: Vec<bool> = ends.iter().map(Option::is_some).collect();
        ends.into_iter().flatten().for_each(|(partition, read)| reads.push(partition, read));
        let mut replies = target.read(reads).await?.into_iter();
        let mut raw = Vec::with_capacity(runs.len());
        for (run, through, keys) in runs {
            raw.push(how.gather(run, through, keys, &mut replies)?);
        }
        let mut found = Vec::with_capacity(has_end.len());
        for has_end in &has_end {
            found.push(if *has_end {
                scanned(replies.next())?.shared_key(0).map_or(End::Empty, End::At)
            } else {
                End::Unknown
            });
        }
        if how.apart && !how.keys_only {
            how.read_apart(target, &mut raw).await?;
        }
        let mut pieces = Vec::with_capacity(raw.len());
        for Raw { run, rows, visited, stopped_at, .. } in raw {
            let frontier = rows.last().filter(|_| how.is_in_part()).map(|last| how.place_in_part(last)).transpose()?;
            let place = |hit: Hit| Ok((how.place_of(&hit)?, hit));
            let rows = rows.into_iter().map(place).collect::<Result<_>>()?;
            pieces.push(Piece { run, rows, frontier, visited, stopped_at });
        }
        how.pace.passed(pieces.iter().map(|piece| piece.rows.len().max(piece.visited as usize)).sum()).await;
        Ok(Got { pieces, ends: (!found.is_empty()).then_some(found) })
    }
}

impl How {
    /// What the store answered to the reads of one run: a scan, or lookups of these keys and of claims.
    fn gather(
        &self,
        run: usize,
        through: Through,
        keys: Vec<Option<Bytes>>,
        replies: &mut impl Iterator<Item = Reply>,
    ) -> Result<Raw> {
        let mut rows = Vec::new();
        if through == Through::Lookups {
            let visited = keys.len() as u64;
            for key in keys {
                match (replies.next(), key) {
                    (Some(Reply::Record(record)), Some(key)) => {
                        if let Some((_, stored)) = record {
                            add_hit(&self.table, self.condition.as_deref(), key, stored, &mut rows)?;
                        }
                    }
                    (Some(Reply::Claimed(claimed)), None) => {
                        if let Some(Claimed { key, row, .. }) = claimed {
                            add_hit(&self.table, self.condition.as_deref(), key, row, &mut rows)?;
                        }
                    }
                    _ => return Err(Error::internal("the store answered a lookup with something else")),
                }
            }
            return Ok(Raw { run, rows, visited, stopped_at: None, apart: false });
        }
        let scanned = scanned(replies.next())?;
        let apart = through == Through::EntriesApart;
        let of_entries = apart || (self.keys_only && through == Through::Entries);
        let retest = self.condition.as_deref().filter(|condition| condition.failed());
        rows.reserve(scanned.len());
        for at in 0..scanned.len() {
            let (Some(key), Some(stored)) = (scanned.shared_key(at), scanned.shared_value(at)) else { continue };
            if of_entries {
                rows.push(Hit { key: key_of_entry(key).unwrap_or_default(), body: Bytes::new() });
            } else {
                add_hit(&self.table, retest, key, stored, &mut rows)?;
            }
        }
        Ok(Raw { run, rows, visited: scanned.visited.into(), stopped_at: scanned.stopped_at, apart })
    }

    /// Reads the rows of keys that were found, and keeps those that pass.
    async fn read_apart(&self, target: Reader<'_>, pieces: &mut [Raw]) -> Result<()> {
        let placement = target.shared().placement;
        let mut reads = Routed::default();
        for hit in pieces.iter().filter(|raw| raw.apart).flat_map(|raw| &raw.rows) {
            let read = Read::Get { space: self.table.rows(), key: hit.key.clone() };
            reads.push(placement.of_row(&self.table, &hit.key), read);
        }
        if reads.is_empty() {
            return Ok(());
        }
        let mut replies = target.read(reads).await?.into_iter();
        for raw in pieces.iter_mut().filter(|raw| raw.apart) {
            let mut found = Vec::with_capacity(raw.rows.len());
            for hit in raw.rows.drain(..) {
                if let Some(Reply::Record(Some((_, stored)))) = replies.next() {
                    add_hit(&self.table, self.condition.as_deref(), hit.key, stored, &mut found)?;
                }
            }
            raw.rows = found;
        }
        Ok(())
    }

    /// The place of a row among those of all runs; nothing where none is compared.
    fn place_of(&self, hit: &Hit) -> Result<Vec<u8>> {
        match self.merging {
            Merging::Append => Ok(Vec::new()),
            Merging::Distinct => Ok(hit.key.to_vec()),
            Merging::Ordered => self.place_in_order(hit),
        }
    }

    /// Whether each run is in order in the first parts only.
    pub fn is_in_part(&self) -> bool {
        self.leading < self.order.len()
    }

    /// The place of a row in the parts in which each run is in order.
    fn place_in_part(&self, hit: &Hit) -> Result<Vec<u8>> {
        sort_key_of(self.table.def, self.order.get(..self.leading).unwrap_or_default(), &hit.key, &hit.body)
    }

    /// The place of a row in the order; its key where any order will do.
    pub fn place_in_order(&self, hit: &Hit) -> Result<Vec<u8>> {
        if self.order.is_empty() {
            return Ok(hit.key.to_vec());
        }
        sort_key_of(self.table.def, &self.order, &hit.key, &hit.body)
    }
}

fn key_of_get(read: &Read) -> Option<Bytes> {
    match read {
        Read::Get { key, .. } => Some(key.clone()),
        _ => None,
    }
}

fn scanned(reply: Option<Reply>) -> Result<Scanned> {
    match reply {
        Some(Reply::Scanned(scanned)) => Ok(scanned),
        _ => Err(Error::internal("the store answered a scan with something else")),
    }
}
