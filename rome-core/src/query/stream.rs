//! Streams.

use std::collections::{HashSet, VecDeque};

use bytes::Bytes;
use futures::Stream;
use futures::stream::try_unfold;
use xxhash_rust::xxh3::xxh3_128;

use super::page::ordered;
use super::watch::Watch;
use super::{Query, load_all};
use crate::ask::{Spec, Window};
use crate::error::Result;
use crate::exec::{self, Asked, Batch, Got, Hit, Runs, Want};
use crate::metrics;
use crate::model::Entity;
use crate::plan;
use crate::session::{Reader, Session, in_session};

/// How many rows are read at once.
const CHUNK: u64 = 256;
/// About how many bytes of rows are read at once.
const CHUNK_BYTES: u64 = 1 << 20;

/// Where the rows of a stream come from.
enum Source<R> {
    NotBegun,
    /// All that is left to give has been read.
    Read,
    Runs(Box<Cursor<R>>),
}

/// A stream that is being read.
struct Cursor<R> {
    runs: Runs<R>,
    /// What the session had written to when the stream began. These rows are given as they were then.
    own: HashSet<Bytes>,
    /// The rows that were read, by the hashes of their keys, where a change may move a row to where it would be read again.
    seen: Option<HashSet<u128>>,
    /// Whether the ends of the runs are not known yet.
    endless: bool,
}

/// The state of a stream.
struct Position<R> {
    source: Source<R>,
    ready: VecDeque<R>,
    /// How many rows are to be left out yet.
    skip: u64,
    /// How many rows may still be given.
    left: u64,
}

impl<'a, E: Entity, R: Send + 'a> Query<'a, E, R> {
    /// The rows one by one, read in chunks as they are taken, so that a table of any size passes through little memory.
    /// Costs a round trip for each 256 rows or each megabyte of rows, whichever is less, and one look at the end of the order. Rows that
    /// were read are kept until they are taken, so none is read twice; where a filter has to be tested on the rows, a chunk visits as
    /// many as those before it had to. Without an order they come by the key. For an order that no index
    /// gives, and for a query with subqueries, all rows are read at once.
    ///
    /// A stream ends, whatever its own loop does to the rows. It begins when its first row is asked for. Outside of a session it gives each row that was there then
    /// at most once, as it was when its chunk was read; one that is changed meanwhile so that its place in the order is before the rows that were given is
    /// left out, and so are rows that are inserted behind the last one. In an order by other columns than the key it keeps 16 bytes for each
    /// row that it has given. In a session all rows are of one state or a conflict, with the session's own writes as they
    /// were when the stream began: what the loop itself writes does not show.
    ///
    /// Gives the errors of [`all`](Self::all); a stream of distinct rows is [`is_invalid`](crate::Error::is_invalid).
    pub fn stream(self) -> impl Stream<Item = Result<R>> + Send + 'a {
        let spec = ordered(&self.spec);
        let position = Position {
            source: Source::NotBegun,
            ready: VecDeque::new(),
            skip: self.spec.window.offset,
            left: self.spec.window.limit.unwrap_or(u64::MAX),
        };
        try_unfold((self, spec, position), |(query, spec, mut position)| async move {
            while position.ready.is_empty() && position.left > 0 && !matches!(position.source, Source::Read) {
                let watch = Watch::begin(query.target);
                query.read_chunk(&spec, &mut position).await?;
                watch.end(|values| format!("stream of {}", spec.text(values)));
                metrics::returned(position.ready.len());
            }
            let Some(row) = position.ready.pop_front() else { return Ok(None) };
            Ok(Some((row, (query, spec, position))))
        })
    }

    /// Reads until there is something to give, or nothing more to read.
    async fn read_chunk(&self, spec: &Spec, position: &mut Position<R>) -> Result<()> {
        if matches!(position.source, Source::NotBegun) {
            self.refuse_distinct("a stream")?;
            match self.begin(spec).await? {
                Some(cursor) => position.source = Source::Runs(Box::new(cursor)),
                None => {
                    position.ready = self.read_whole(spec).await?.into();
                    (position.skip, position.source) = (0, Source::Read);
                    return Ok(());
                }
            }
        }
        let Source::Runs(cursor) = &mut position.source else { return Ok(()) };
        let mut next = cursor.runs.next();
        while next.is_empty() && !cursor.runs.is_ended() {
            let rows = position.skip.saturating_add(position.left).min(CHUNK);
            let batch = Batch { rows, bytes: Some(CHUNK_BYTES), visits: None, in_steps: true };
            let asked = cursor.runs.ask(batch, cursor.endless);
            let (got, rows) = self.read_runs(asked).await?;
            cursor.take(got, rows);
            next = cursor.runs.next();
        }
        if next.is_empty() {
            position.source = Source::Read;
        }
        let skipped = position.skip.min(next.len() as u64);
        position.skip -= skipped;
        let skipped = usize::try_from(skipped).unwrap_or(usize::MAX);
        let most = usize::try_from(position.left).unwrap_or(usize::MAX);
        position.ready = next.into_iter().skip(skipped).take(most).collect();
        position.left -= position.ready.len() as u64;
        Ok(())
    }

    /// Plans the stream; `None` if its rows are not read in its order.
    async fn begin(&self, spec: &Spec) -> Result<Option<Cursor<R>>> {
        if exec::has_subquery(spec) {
            // All at once: asking other tables again for each chunk would mix moments.
            return Ok(None);
        }
        let table = self.target.shared().table(spec.table)?;
        let limit = Some(spec.window.reach().unwrap_or(u64::MAX).min(CHUNK));
        let plan =
            plan::plan(self.target, table, &Spec { window: Window { limit, ..spec.window }, ..spec.clone() }).await?;
        let Some(mut runs) = Runs::of(self.target, table, spec, &plan) else { return Ok(None) };
        // Chunk by chunk the whole table is read, unless the stream itself has a limit.
        plan::check_policy(self.target, spec, &plan)?;
        let own = exec::own_rows(self.target, table, spec)?;
        if !own.rows.is_empty() {
            let places = own.rows.iter().map(|hit| runs.place_in_order(hit)).collect::<Result<Vec<_>>>()?;
            let mut rows = self.read_all(&own.rows)?;
            load_all(self.target, &self.loads, &mut rows, self.spec.policy).await?;
            runs.add(places.into_iter().zip(rows));
        }
        let by_key = spec.order.iter().all(|part| spec.table.key.contains(&part.column));
        Ok(Some(Cursor {
            runs,
            own: own.keys,
            seen: (!by_key).then(HashSet::new),
            // In a session what others insert is a conflict, and what it inserts itself does not show.
            endless: matches!(self.target, Reader::Database(_)),
        }))
    }

    /// Reads what was asked of the runs, as rows.
    async fn read_runs(&self, asked: Asked) -> Result<(Got, Vec<R>)> {
        match self.target {
            Reader::Database(shared) if !self.loads.is_empty() || asked.is_apart() => {
                // A row and what is loaded with it are of one moment.
                in_session(shared, async |session: &Session| self.at(session).read_runs_here(asked.clone()).await).await
            }
            _ => self.read_runs_here(asked).await,
        }
    }

    async fn read_runs_here(&self, asked: Asked) -> Result<(Got, Vec<R>)> {
        let got = asked.read(self.target).await?;
        let mut offsets = Vec::new();
        let mut rows = Vec::with_capacity(got.len());
        for hit in got.hits() {
            rows.push(self.output.read(self.spec.table, &hit.key, &hit.body, &mut offsets)?);
        }
        load_all(self.target, &self.loads, &mut rows, self.spec.policy).await?;
        Ok((got, rows))
    }

    /// All rows at once, where no index gives their order.
    async fn read_whole(&self, spec: &Spec) -> Result<Vec<R>> {
        match self.target {
            Reader::Database(shared) if !self.loads.is_empty() || exec::has_subquery(spec) => {
                in_session(shared, async |session: &Session| self.at(session).read_whole_here(spec).await).await
            }
            _ => self.read_whole_here(spec).await,
        }
    }

    async fn read_whole_here(&self, spec: &Spec) -> Result<Vec<R>> {
        let hits: Vec<Hit> = self.fetch(spec, Want::Rows).await?;
        let mut rows = self.read_all(&hits)?;
        load_all(self.target, &self.loads, &mut rows, self.spec.policy).await?;
        Ok(rows)
    }
}

impl<R> Cursor<R> {
    /// Takes what was read, but for rows that were read before and those that the session has written itself.
    fn take(&mut self, got: Got, rows: Vec<R>) {
        self.endless = false;
        let Self { runs, own, seen, .. } = self;
        let is_new: Vec<bool> = got
            .hits()
            .map(|hit| !own.contains(&hit.key) && seen.as_mut().is_none_or(|seen| seen.insert(xxh3_128(&hit.key))))
            .collect();
        runs.take(got, rows.into_iter().zip(is_new).map(|(row, is_new)| is_new.then_some(row)));
    }
}
