//! Streams of joined rows.

use std::collections::VecDeque;

use futures::future::BoxFuture;
use futures::stream::try_unfold;

use super::Joined;
use super::join_asking::{AskingJoin, FoundJoin};
use super::parts::Parts;
use super::row_stream::RowStream;
use super::rows::values_of;
use super::watch::Watch;
use crate::ask::{JoinSpec, Window};
use crate::error::{Error, Result};
use crate::exec::{JoinChunks, RowOfJoin};
use crate::metrics;
use crate::value::Value;

/// Where the rows of a stream come from.
enum Source {
    NotBegun,
    /// All that is left to give has been read.
    Read,
    Chunks(Box<JoinChunks>),
}

/// A row that was found.
enum Streamed {
    Row(RowOfJoin),
    /// The columns that are given.
    Values(Vec<Value>),
}

/// The state of a stream.
struct Position {
    source: Source,
    ready: VecDeque<Streamed>,
    /// How many rows are to be left out yet.
    skip: u64,
    /// How many rows may still be given.
    left: u64,
}

impl<'a, Q: Parts, R: Send + 'a> Joined<'a, Q, R> {
    /// The rows one by one, read in chunks as they are taken, so that a join of any size passes through little memory. Costs a round
    /// trip for each entity for each chunk, which has about 256 joined rows or those of one row of the entity that the order begins
    /// with, whichever is more.
    ///
    /// That entity is walked in the order, and for each chunk the others are looked up. All rows are read at once, as
    /// [`all`](Self::all) does, where no index gives the order, where a column that an entity is joined by is in no index of
    /// it, for cross joins and for conditions with subqueries.
    ///
    /// Outside of a session each joined row is of one moment, that of its chunk, and each row of the entity that is walked is given with its
    /// partners at most once; see [`Query::stream`](super::Query::stream), also for what a session sees.
    ///
    /// Gives the errors of [`all`](Self::all); a stream of distinct rows is [`is_invalid`](Error::is_invalid).
    pub fn stream(self) -> RowStream<'a, R> {
        let position = Position::new(&self.spec);
        RowStream::new(try_unfold((self, position), |(query, mut position)| async move {
            if position.has_to_read() {
                query.asking().read_stream(&mut position).await?;
            }
            match position.ready.pop_front() {
                Some(row) => Ok(Some((query.read_streamed(row)?, (query, position)))),
                None => Ok(None),
            }
        }))
    }

    fn read_streamed(&self, row: Streamed) -> Result<R> {
        match row {
            Streamed::Row(row) => self.output.read_row(row.row()),
            Streamed::Values(values) => self.output.read_values(&self.spec, values),
        }
    }
}

impl Position {
    fn new(spec: &JoinSpec) -> Self {
        let Window { limit, offset } = spec.window;
        Self { source: Source::NotBegun, ready: VecDeque::new(), skip: offset, left: limit.unwrap_or(u64::MAX) }
    }

    fn has_to_read(&self) -> bool {
        self.ready.is_empty() && self.left > 0 && !matches!(self.source, Source::Read)
    }
}

impl<'q> AskingJoin<'q> {
    /// Reads until there is something to give, or nothing more to read.
    fn read_stream<'s>(self, position: &'s mut Position) -> BoxFuture<'s, Result<()>>
    where
        'q: 's,
    {
        Box::pin(async move {
            while position.has_to_read() {
                let watch = Watch::begin(self.target);
                self.read_chunk(position).await?;
                watch.end(|values| format!("stream of {}", self.spec.text(values)));
                metrics::returned(position.ready.len());
            }
            Ok(())
        })
    }

    async fn read_chunk(self, position: &mut Position) -> Result<()> {
        let Self { target, spec, columns } = self;
        if matches!(position.source, Source::NotBegun) {
            if spec.distinct && columns.is_some() {
                return Err(Error::invalid("distinct rows of a selection cannot be read in a stream: use `all`"));
            }
            match JoinChunks::begin(target, spec, columns.unwrap_or_default()).await? {
                Some(chunks) => position.source = Source::Chunks(Box::new(chunks)),
                None => {
                    position.ready = match self.rows(None).await? {
                        FoundJoin::Rows(rows) => rows.into_rows().map(Streamed::Row).collect(),
                        FoundJoin::Values(values) => values.into_iter().map(Streamed::Values).collect(),
                    };
                    position.source = Source::Read;
                    return Ok(());
                }
            }
        }
        let Source::Chunks(chunks) = &mut position.source else { return Ok(()) };
        let mut next = chunks.next();
        while next.is_empty() && !chunks.is_ended() {
            let asked = chunks.ask(position.skip.saturating_add(position.left));
            let piece = chunks.chunk().read(target, asked).await?;
            chunks.take(piece)?;
            next = chunks.next();
        }
        if next.is_empty() {
            position.source = Source::Read;
        }
        let skipped = position.skip.min(next.len() as u64);
        position.skip -= skipped;
        let skipped = usize::try_from(skipped).unwrap_or(usize::MAX);
        let most = usize::try_from(position.left).unwrap_or(usize::MAX);
        for row in next.into_iter().skip(skipped).take(most) {
            position.ready.push_back(match columns {
                None => Streamed::Row(row),
                Some(columns) => Streamed::Values(values_of(spec, &row.row(), columns)?),
            });
        }
        position.left -= position.ready.len() as u64;
        Ok(())
    }
}
