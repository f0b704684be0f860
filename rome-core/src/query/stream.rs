//! Streams.

use futures::Stream;
use futures::stream::try_unfold;

use super::page::ordered;
use super::watch::Watch;
use super::{Query, load_all};
use crate::error::Result;
use crate::exec::{self, Target, Want};
use crate::metrics;
use crate::model::Entity;
use crate::plan::{self, Spec};
use crate::session::Session;
use crate::value::Value;

/// How many rows are read at once.
const CHUNK: u64 = 256;

/// Where a stream stands.
#[derive(Clone)]
struct Position {
    /// The values of the order of the last row that was read.
    after: Option<Vec<Value>>,
    /// How many rows may still be read.
    left: u64,
    ended: bool,
}

impl<'a, E: Entity, R: Send + 'a> Query<'a, E, R> {
    /// The rows one by one, read in chunks as they are taken, so that a table of any size passes through little memory.
    /// Costs a round trip for each 256 rows. Without an order they come by the key; for an
    /// order that no index gives, and for a query with subqueries, all rows are read at once.
    ///
    /// Gives the errors of [`all`](Self::all); a stream of distinct rows is [`is_invalid`](crate::Error::is_invalid).
    ///
    /// Outside of a session each chunk sees the state of its own moment; in a session all are one state or a conflict.
    pub fn stream(self) -> impl Stream<Item = Result<R>> + Send + 'a {
        let spec = ordered(&self.spec);
        let begin = Position { after: None, left: self.spec.limit.unwrap_or(u64::MAX), ended: false };
        // Rows that are read and not given yet lie with the next one last.
        try_unfold((self, spec, begin, Vec::new()), |(query, spec, mut position, mut ready)| async move {
            if ready.is_empty() && !position.ended {
                let watch = Watch::begin(query.target);
                (ready, position) = query.read_chunk(&spec, position).await?;
                watch.end(|values| format!("stream of {}", spec.text(values)));
                metrics::returned(ready.len());
            }
            let Some(row) = ready.pop() else { return Ok(None) };
            Ok(Some((row, (query, spec, position, ready))))
        })
    }

    async fn read_chunk(&self, spec: &Spec, position: Position) -> Result<(Vec<R>, Position)> {
        match self.target {
            Target::Database(shared) if !self.loads.is_empty() || exec::has_subquery(spec) => {
                exec::in_session(shared, async |session: &Session| {
                    self.at(session).read_chunk_here(spec, position.clone()).await
                })
                .await
            }
            _ => self.read_chunk_here(spec, position).await,
        }
    }

    async fn read_chunk_here(&self, spec: &Spec, mut position: Position) -> Result<(Vec<R>, Position)> {
        self.refuse_distinct("a stream")?;
        let table = self.target.shared().table(spec.table)?;
        if exec::has_subquery(spec) {
            // All at once: asking other tables again for each chunk would mix moments.
            let mut rows = self.read_all(&self.fetch(spec, Want::Rows).await?)?;
            load_all(self.target, &self.loads, &mut rows, self.spec.policy).await?;
            rows.reverse();
            position.ended = true;
            return Ok((rows, position));
        }
        let mut chunk = Spec { after: position.after.take(), limit: Some(CHUNK.min(position.left)), ..spec.clone() };
        if chunk.after.is_some() {
            chunk.offset = 0;
        }
        let plan = plan::plan(self.target, table, &chunk).await?;
        if plan.ordered {
            // Chunk by chunk the whole table is read, unless the stream itself has a limit.
            plan::check_policy(self.target, spec, &plan)?;
        } else {
            // Sorting again for each chunk would cost the square of the rows.
            chunk.limit = Some(position.left).filter(|left| *left != u64::MAX);
        }
        let hits = exec::fetch(self.target, table, &chunk, &plan, Want::Rows).await?;
        position.left = position.left.saturating_sub(hits.len() as u64);
        position.ended = chunk.limit.is_none_or(|limit| (hits.len() as u64) < limit) || position.left == 0;
        if let Some(last) = hits.last() {
            position.after = Some(exec::values_of_order(spec.table, &spec.full_order(), last)?);
        }
        let mut rows = self.read_all(&hits)?;
        load_all(self.target, &self.loads, &mut rows, self.spec.policy).await?;
        rows.reverse();
        Ok((rows, position))
    }
}
