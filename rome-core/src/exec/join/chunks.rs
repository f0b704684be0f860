//! A join for a stream: chunks of the rows of one table, each with what is attached to them, read in the order of the joined
//! rows.
//!
//! A row and its partners are read in one session, so each joined row is of one moment, and nothing of a chunk is kept for later ones. What
//! the walk reads ahead of its order waits with its partners, as a group.

use std::collections::HashSet;
use std::sync::Arc;

use bytes::Bytes;
use futures::FutureExt as _;
use xxhash_rust::xxh3::xxh3_128;

use super::attach::Join;
use super::last_columns;
use super::rows::{Fetched, Joined, RowOf};
use crate::ask::{JoinSpec, OrderPart, TotalOrder};
use crate::error::Result;
use crate::exec::fetch::own_rows;
use crate::exec::hit::Hit;
use crate::exec::runs::{Asked, Batch, Got, Runs};
use crate::exec::sort::sort_key_of;
use crate::exec::subquery::has_subquery;
use crate::expr::node::Node;
use crate::plan;
use crate::session::{Reader, Session, in_session};

/// About how many joined rows one chunk has.
const CHUNK: u64 = 256;
/// How many rows of the table the first chunk has, before it is known how many partners they have.
const FIRST_CHUNK: u64 = 64;
/// About how many bytes of the table's rows one chunk has at most.
const CHUNK_BYTES: u64 = 1 << 20;

/// What is read for each chunk.
pub(crate) struct Chunk {
    spec: JoinSpec,
    last: Vec<u16>,
    order: TotalOrder,
    /// The table that is walked, and its part of the order; empty if any order will do.
    place: u8,
    leading: Vec<OrderPart>,
}

/// The joined rows of a row of the table, with their places in the order.
struct Group {
    place: Vec<u8>,
    rows: Vec<(Vec<u8>, RowOf)>,
}

/// A join that is being streamed.
pub(crate) struct Chunks {
    chunk: Arc<Chunk>,
    runs: Runs<Group>,
    /// What the session had written to in the table when the stream began. These rows are given as they were then.
    own: HashSet<Bytes>,
    /// The rows of the table that were read, by the hashes of their keys, where a change may move a row to where it would be read again.
    seen: Option<HashSet<u128>>,
    /// Whether the ends of the runs are not known yet.
    endless: bool,
    /// Whether several rows of the table may be at one place in the order, and the joined rows of the last such place.
    shares_places: bool,
    held: Group,
    walked: u64,
    given: u64,
}

/// What one read of a chunk found.
pub(crate) struct Piece {
    got: Got,
    joined: Joined,
    hits: Vec<Hit>,
}

impl Chunks {
    /// Begins; `None` if the rows are not read in their order, or not without reading a whole table for each chunk.
    pub async fn begin(target: Reader<'_>, spec: &JoinSpec, columns: &[Node]) -> Result<Option<Self>> {
        let asks = spec.filter.iter().any(Node::has_subquery) || spec.parts.iter().any(|part| has_subquery(&part.spec));
        if asks {
            return Ok(None);
        }
        spec.check_size()?;
        let order = TotalOrder::of(spec);
        let spec = spec.clone().pushed();
        let Some(way) = plan::chunks_of_join(target, &spec, &order, CHUNK).await? else { return Ok(None) };
        let (place, walked) = (way.place, way.spec);
        let table = target.shared().table(walked.table)?;
        let Some(runs) = Runs::of(target, table, &walked, &way.plan) else { return Ok(None) };
        plan::check_policy(target, &walked, &way.plan)?;
        let leading = if order.is_any() { Vec::new() } else { order.leading() };
        let has_key = walked.table.key.iter().all(|key| walked.order.iter().any(|part| part.column == *key));
        let by_key = walked.order.iter().all(|part| walked.table.key.contains(&part.column));
        let own = own_rows(target, table, &walked)?;
        let last = last_columns(&spec, columns);
        let mut chunks = Self {
            chunk: Arc::new(Chunk { spec, last, order, place, leading }),
            runs,
            own: own.keys,
            seen: (!by_key).then(HashSet::new),
            // In a session what others insert is a conflict, and what it inserts itself does not show.
            endless: matches!(target, Reader::Database(_)),
            shares_places: !has_key,
            held: Group { place: Vec::new(), rows: Vec::new() },
            walked: 0,
            given: 0,
        };
        if !own.rows.is_empty() {
            let places = own.rows.iter().map(|hit| chunks.runs.place_in_order(hit)).collect::<Result<Vec<_>>>()?;
            let joined = chunks.chunk.attach(target, own.rows.clone()).await?;
            let groups = chunks.chunk.groups(joined, &own.rows)?;
            chunks.runs.add(places.into_iter().zip(groups));
        }
        Ok(Some(chunks))
    }

    /// What is read for each chunk.
    pub fn chunk(&self) -> Arc<Chunk> {
        self.chunk.clone()
    }

    /// What to read next, for at most so many joined rows.
    pub fn ask(&self, most: u64) -> Asked {
        let rows = match self.walked {
            0 => FIRST_CHUNK,
            walked => CHUNK.saturating_mul(walked) / self.given.max(1),
        };
        let batch = Batch {
            rows: rows.clamp(1, CHUNK).min(most.max(1)),
            bytes: Some(CHUNK_BYTES),
            visits: None,
            in_steps: true,
        };
        self.runs.ask(batch, self.endless)
    }

    /// Takes what was read, but for rows of the table that were read before and those that the session has written itself.
    pub fn take(&mut self, piece: Piece) -> Result<()> {
        self.endless = false;
        let Piece { got, joined, hits } = piece;
        self.walked += hits.len() as u64;
        self.given += joined.len() as u64;
        let groups = self.chunk.groups(joined, &hits)?;
        let Self { own, seen, .. } = self;
        let mut is_new =
            |hit: &Hit| !own.contains(&hit.key) && seen.as_mut().is_none_or(|seen| seen.insert(xxh3_128(&hit.key)));
        let groups: Vec<Option<Group>> =
            groups.into_iter().zip(&hits).map(|(group, hit)| is_new(hit).then_some(group)).collect();
        self.runs.take(got, groups);
        Ok(())
    }

    /// The joined rows that come next, as far as that is known.
    pub fn next(&mut self) -> Vec<RowOf> {
        let mut next = Vec::new();
        for group in self.runs.next() {
            if !self.shares_places {
                next.extend(group.rows);
                continue;
            }
            if group.place != self.held.place {
                next.append(&mut self.held.rows);
                self.held.place = group.place;
            }
            self.held.rows.extend(group.rows);
            self.held.rows.sort_by(|a, b| a.0.cmp(&b.0));
        }
        if self.runs.is_ended() {
            next.append(&mut self.held.rows);
        }
        next.into_iter().map(|(_, row)| row).collect()
    }

    /// Whether all rows of the table were read; some joined rows may not have been given yet.
    pub fn is_ended(&self) -> bool {
        self.runs.is_ended()
    }
}

impl Chunk {
    /// Reads what was asked, and attaches the other tables.
    pub async fn read(&self, target: Reader<'_>, asked: Asked) -> Result<Piece> {
        match target {
            Reader::Session(_) => self.read_here(target, asked).await,
            Reader::Database(shared) => {
                let read = async |session: &Session| self.read_here(Reader::Session(session), asked.clone()).await;
                Box::pin(in_session(shared, read)).await
            }
        }
    }

    async fn read_here(&self, target: Reader<'_>, asked: Asked) -> Result<Piece> {
        let got = asked.read(target).await?;
        let hits: Vec<Hit> = got.hits().cloned().collect();
        let joined = self.attach(target, hits.clone()).await?;
        Ok(Piece { got, joined, hits })
    }

    /// The joined rows of these rows of the table. Has to run in a session.
    async fn attach(&self, target: Reader<'_>, hits: Vec<Hit>) -> Result<Joined> {
        let mut join = Join::new(target, &self.spec, &self.last, None);
        if !hits.is_empty() {
            let last = self.last.get(usize::from(self.place)).copied().unwrap_or(0);
            let fetched = Fetched::new(self.spec.part(self.place).spec.table, hits, last)?;
            join.attach_all(self.place, fetched).boxed().await?;
        }
        Ok(join.rows)
    }

    /// The joined rows of each of the table's rows, in order.
    fn groups(&self, joined: Joined, hits: &[Hit]) -> Result<Vec<Group>> {
        let mut groups = Vec::with_capacity(hits.len());
        let table = self.spec.part(self.place).spec.table;
        for hit in hits {
            let place = match self.leading.as_slice() {
                [] => Vec::new(),
                leading => sort_key_of(table, leading, &hit.key, &hit.body)?,
            };
            groups.push(Group { place, rows: Vec::new() });
        }
        for row_of in joined.into_rows() {
            let row = row_of.row();
            if let Some(group) = row.place_in(self.place).and_then(|at| groups.get_mut(at)) {
                group.rows.push((self.order.place_of(&self.spec, &row)?, row_of));
            }
        }
        groups.iter_mut().for_each(|group| group.rows.sort_by(|a, b| a.0.cmp(&b.0)));
        Ok(groups)
    }
}
