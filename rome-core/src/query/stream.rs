//! Streams.

use std::collections::{HashSet, VecDeque};

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::stream::try_unfold;
use xxhash_rust::xxh3::xxh3_128;

use super::Query;
use super::asking::Asking;
use super::loading::{Decoding, Rows, load};
use super::page::ordered;
use super::row_stream::RowStream;
use super::watch::Watch;
use crate::ask::{Spec, Window};
use crate::error::{Error, Result};
use crate::exec::{self, Answer, Asked, Batch, Got, Hit, Runs, Want};
use crate::metrics;
use crate::model::Entity;
use crate::plan;
use crate::session::{Reader, Session, in_session};

/// How many rows are read at once.
const CHUNK: u64 = 256;
/// About how many bytes of rows are read at once.
const CHUNK_BYTES: u64 = 1 << 20;

/// A row of a stream.
enum Streamed {
    Stored(Hit),
    /// With its relations.
    Loaded(Rows),
}

/// Where the rows of a stream come from.
enum Source {
    NotBegun,
    /// All that is left to give has been read.
    Read,
    Runs(Box<Cursor>),
}

/// A stream that is being read.
struct Cursor {
    runs: Runs<Streamed>,
    /// What the session had written to when the stream began. These rows are given as they were then.
    own: HashSet<Bytes>,
    /// The rows that were read, by the hashes of their keys, where a change may move a row to where it would be read again.
    seen: Option<HashSet<u128>>,
    /// Whether the ends of the runs are not known yet.
    endless: bool,
}

/// The state of a stream.
struct Position {
    spec: Spec,
    source: Source,
    ready: VecDeque<Streamed>,
    /// How many rows are to be left out yet.
    skip: u64,
    /// How many rows may still be given.
    left: u64,
    /// Where the columns of a row begin, once it is read.
    offsets: Vec<u32>,
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
    pub fn stream(self) -> RowStream<'a, R> {
        let position = Position::new(&self.spec);
        RowStream::new(try_unfold((self, position), |(query, mut position)| async move {
            if position.has_to_read() {
                query.asking().read_stream(&mut position, query.decoding()).await?;
            }
            match position.ready.pop_front() {
                Some(row) => Ok(Some((query.read_streamed(row, &mut position.offsets)?, (query, position)))),
                None => Ok(None),
            }
        }))
    }

    fn read_streamed(&self, row: Streamed, offsets: &mut Vec<u32>) -> Result<R> {
        match row {
            Streamed::Stored(hit) => self.output.read(self.spec.table, &hit.key, &hit.body, offsets),
            Streamed::Loaded(row) => match self.take(row)?.pop() {
                Some(row) => Ok(row),
                None => Err(Error::internal("a row of a stream was read twice")),
            },
        }
    }
}

impl Position {
    fn new(spec: &Spec) -> Self {
        Self {
            spec: ordered(spec),
            source: Source::NotBegun,
            ready: VecDeque::new(),
            skip: spec.window.offset,
            left: spec.window.limit.unwrap_or(u64::MAX),
            offsets: Vec::new(),
        }
    }

    fn has_to_read(&self) -> bool {
        self.ready.is_empty() && self.left > 0 && !matches!(self.source, Source::Read)
    }
}

impl<'q> Asking<'q> {
    /// Reads until there is something to give, or nothing more to read.
    fn read_stream<'s>(
        self,
        position: &'s mut Position,
        decoding: Option<Box<dyn Decoding + 's>>,
    ) -> BoxFuture<'s, Result<()>>
    where
        'q: 's,
    {
        Box::pin(async move {
            while position.has_to_read() {
                let watch = Watch::begin(self.target);
                self.read_chunk(position, decoding.as_deref()).await?;
                watch.end(|values| format!("stream of {}", position.spec.text(values)));
                metrics::returned(position.ready.len());
            }
            Ok(())
        })
    }

    async fn read_chunk(self, position: &mut Position, decoding: Option<&dyn Decoding>) -> Result<()> {
        let Position { spec, source, ready, skip, left, .. } = position;
        if matches!(source, Source::NotBegun) {
            self.refuse_distinct("a stream")?;
            match self.begin_stream(spec, decoding).await? {
                Some(cursor) => *source = Source::Runs(Box::new(cursor)),
                None => {
                    *ready = self.read_whole(spec, decoding).await?.into();
                    (*skip, *source) = (0, Source::Read);
                    return Ok(());
                }
            }
        }
        let Source::Runs(cursor) = source else { return Ok(()) };
        let mut next = cursor.runs.next();
        while next.is_empty() && !cursor.runs.is_ended() {
            let rows = skip.saturating_add(*left).min(CHUNK);
            let batch = Batch { rows, bytes: Some(CHUNK_BYTES), visits: None, in_steps: true };
            let asked = cursor.runs.ask(batch, cursor.endless);
            let (got, rows) = self.read_runs(asked, decoding).await?;
            cursor.take(got, rows);
            next = cursor.runs.next();
        }
        if next.is_empty() {
            *source = Source::Read;
        }
        let skipped = (*skip).min(next.len() as u64);
        *skip -= skipped;
        let skipped = usize::try_from(skipped).unwrap_or(usize::MAX);
        let most = usize::try_from(*left).unwrap_or(usize::MAX);
        *ready = next.into_iter().skip(skipped).take(most).collect();
        *left -= ready.len() as u64;
        Ok(())
    }

    /// Plans the stream; `None` if its rows are not read in its order.
    async fn begin_stream(self, spec: &Spec, decoding: Option<&dyn Decoding>) -> Result<Option<Cursor>> {
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
            let rows = self.streamed(own.rows, decoding).await?;
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
    async fn read_runs(self, asked: Asked, decoding: Option<&dyn Decoding>) -> Result<(Got, Vec<Streamed>)> {
        match self.target {
            Reader::Database(shared) if decoding.is_some() || asked.is_apart() => {
                // A row and what is loaded with it are of one moment.
                let body = async |session: &Session| self.at(session).read_runs_here(asked.clone(), decoding).await;
                in_session(shared, body).await
            }
            _ => self.read_runs_here(asked, decoding).await,
        }
    }

    async fn read_runs_here(self, asked: Asked, decoding: Option<&dyn Decoding>) -> Result<(Got, Vec<Streamed>)> {
        let got = asked.read(self.target).await?;
        let rows = self.streamed(got.hits().cloned().collect(), decoding).await?;
        Ok((got, rows))
    }

    /// All rows at once, where no index gives their order.
    async fn read_whole(self, spec: &Spec, decoding: Option<&dyn Decoding>) -> Result<Vec<Streamed>> {
        match self.target {
            Reader::Database(shared) if decoding.is_some() || exec::has_subquery(spec) => {
                let body = async |session: &Session| self.at(session).read_whole_here(spec, decoding).await;
                in_session(shared, body).await
            }
            _ => self.read_whole_here(spec, decoding).await,
        }
    }

    async fn read_whole_here(self, spec: &Spec, decoding: Option<&dyn Decoding>) -> Result<Vec<Streamed>> {
        let hits = self.hits(spec, Want::Rows).await?;
        self.streamed(hits, decoding).await
    }

    /// The rows, with their relations if those are to be loaded.
    async fn streamed(self, hits: Vec<Hit>, decoding: Option<&dyn Decoding>) -> Result<Vec<Streamed>> {
        let Some(decoding) = decoding else { return Ok(hits.into_iter().map(Streamed::Stored).collect()) };
        let mut rows = decoding.read(self.spec.table, &Answer::Hits(hits))?;
        load(self.target, &mut *decoding.node(&mut rows)?, self.spec.policy).await?;
        let mut streamed = Vec::with_capacity(rows.len);
        while let Some(row) = decoding.pop(&mut rows)? {
            streamed.push(Streamed::Loaded(row));
        }
        streamed.reverse();
        Ok(streamed)
    }
}

impl Cursor {
    /// Takes what was read, but for rows that were read before and those that the session has written itself.
    fn take(&mut self, got: Got, rows: Vec<Streamed>) {
        self.endless = false;
        let Self { runs, own, seen, .. } = self;
        let is_new: Vec<bool> = got
            .hits()
            .map(|hit| !own.contains(&hit.key) && seen.as_mut().is_none_or(|seen| seen.insert(xxh3_128(&hit.key))))
            .collect();
        runs.take(got, rows.into_iter().zip(is_new).map(|(row, is_new)| is_new.then_some(row)));
    }
}
