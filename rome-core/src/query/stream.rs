//! Streams.

use futures::Stream;
use futures::stream::try_unfold;

use super::Query;
use super::page::ordered;
use crate::error::Result;
use crate::exec::{self, Hit, Want};
use crate::model::Entity;
use crate::plan::{self, Spec};
use crate::value::Value;

/// How many rows are read at once.
const CHUNK: u64 = 256;

/// Where a stream stands.
struct Position {
    /// Rows that are read and not given yet, the next one last.
    ready: Vec<Hit>,
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
        let begin =
            Position { ready: Vec::new(), after: None, left: self.spec.limit.unwrap_or(u64::MAX), ended: false };
        try_unfold((self, spec, begin), |(query, spec, mut position)| async move {
            if position.ready.is_empty() && !position.ended {
                query.read_chunk(&spec, &mut position).await?;
            }
            let Some(hit) = position.ready.pop() else { return Ok(None) };
            let row = query.output.read(spec.table, &hit.key, &hit.body, &mut Vec::new())?;
            Ok(Some((row, (query, spec, position))))
        })
    }

    /// Reads all rows at once: asking other tables again for each chunk would mix moments.
    async fn read_whole(&self, spec: &Spec, position: &mut Position) -> Result<()> {
        let mut hits = self.fetch(spec, Want::Rows).await?;
        hits.reverse();
        (position.ready, position.ended) = (hits, true);
        Ok(())
    }

    async fn read_chunk(&self, spec: &Spec, position: &mut Position) -> Result<()> {
        self.refuse_distinct("a stream")?;
        let table = self.target.shared().table(spec.table)?;
        if exec::has_subquery(spec) {
            return self.read_whole(spec, position).await;
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
        let mut hits = exec::fetch(self.target, table, &chunk, &plan, Want::Rows).await?;
        position.left = position.left.saturating_sub(hits.len() as u64);
        position.ended = chunk.limit.is_none_or(|limit| (hits.len() as u64) < limit) || position.left == 0;
        if let Some(last) = hits.last() {
            position.after = Some(exec::values_of_order(spec.table, &spec.full_order(), last)?);
        }
        hits.reverse();
        position.ready = hits;
        Ok(())
    }
}
