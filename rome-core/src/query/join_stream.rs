//! Streams of joined rows.

use std::collections::VecDeque;

use futures::Stream;
use futures::stream::try_unfold;

use super::Joined;
use super::join::JoinOutput;
use super::parts::Parts;
use super::watch::Watch;
use crate::error::{Error, Result};
use crate::exec::{JoinChunks, JoinedRow};
use crate::metrics;

/// Where the rows of a stream come from.
enum Source<R> {
    NotBegun,
    /// All that is left to give has been read.
    Read,
    Chunks(Box<JoinChunks<R>>),
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
    pub fn stream(self) -> impl Stream<Item = Result<R>> + Send + 'a {
        let position = Position {
            source: Source::NotBegun,
            ready: VecDeque::new(),
            skip: self.spec.window.offset,
            left: self.spec.window.limit.unwrap_or(u64::MAX),
        };
        try_unfold((self, position), |(query, mut position)| async move {
            while position.ready.is_empty() && position.left > 0 && !matches!(position.source, Source::Read) {
                let watch = Watch::begin(query.target);
                query.read_chunk(&mut position).await?;
                watch.end(|values| format!("stream of {}", query.spec.text(values)));
                metrics::returned(position.ready.len());
            }
            let Some(row) = position.ready.pop_front() else { return Ok(None) };
            Ok(Some((row, (query, position))))
        })
    }

    /// Reads until there is something to give, or nothing more to read.
    async fn read_chunk(&self, position: &mut Position<R>) -> Result<()> {
        let read = |row: JoinedRow<'_>| self.read_row(row);
        if matches!(position.source, Source::NotBegun) {
            if self.spec.distinct && matches!(self.output, JoinOutput::Columns(..)) {
                return Err(Error::invalid("distinct rows of a selection cannot be read in a stream: use `all`"));
            }
            match JoinChunks::begin(self.target, &self.spec, self.columns(), &read).await? {
                Some(chunks) => position.source = Source::Chunks(Box::new(chunks)),
                None => {
                    position.ready = self.read(&self.spec).await?.into();
                    position.source = Source::Read;
                    return Ok(());
                }
            }
        }
        let Source::Chunks(chunks) = &mut position.source else { return Ok(()) };
        let mut next = chunks.next();
        while next.is_empty() && !chunks.is_ended() {
            let asked = chunks.ask(position.skip.saturating_add(position.left));
            let piece = chunks.chunk().read(self.target, asked).await?;
            chunks.take(piece, &read)?;
            next = chunks.next();
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
}
