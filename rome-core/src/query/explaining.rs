//! Explanations of queries, and what running them takes.

use std::fmt;
use std::time::Duration;

use futures::future::BoxFuture;
use tokio::time::Instant;

use crate::error::Result;
use crate::metrics::{Cost, Visits, measured_by_space};
use crate::plan::Explain;
use crate::session::Reader;
use crate::store::Space;

/// How a query would be carried out. When it is awaited the query is planned; [`analyze`](Self::analyze) also runs it.
#[must_use = "an explanation is made when it is awaited"]
pub struct Explaining<'q> {
    target: Reader<'q>,
    /// The query as text, without its values: under it the planner remembers which way was done first.
    shape: String,
    plan: BoxFuture<'q, Result<Explain>>,
    run: BoxFuture<'q, Result<()>>,
}

impl<'q> Explaining<'q> {
    pub(super) fn new(
        target: Reader<'q>,
        shape: String,
        plan: BoxFuture<'q, Result<Explain>>,
        run: BoxFuture<'q, Result<()>>,
    ) -> Self {
        Self { target, shape, plan, run }
    }

    /// Runs the query, gives its rows up, and tells what that took beside how it was planned. Costs as the query and its explanation.
    /// What the planner had to learn about the query is among it the first time.
    ///
    /// Printed, it is a line of totals and the tree of the plan. Behind an operator stands what was visited of the table or the index that
    /// it alone reads, how much of that the store gave, and in how many batches; what several operators read stands below the tree. The way that
    /// was done first is marked.
    ///
    /// ```
    /// # use rome_orm::prelude::*;
    /// # #[derive(Entity, Clone, Debug, Default, PartialEq)]
    /// # struct Dog { #[rome(key, auto)] id: Id<Dog>, #[rome(unique)] name: String, #[rome(index)] age: Option<u32> }
    /// # fn dog(name: &str, age: u32) -> Dog { Dog { name: name.into(), age: Some(age), ..Default::default() } }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> rome_orm::Result<()> {
    /// # let db = Database::builder().entity::<Dog>().open("memory:").await?;
    /// db.insert_many([dog("Rex", 3), dog("Ida", 5), dog("Max", 1)]).await?;
    /// let ran = db.query::<Dog>().filter(Dog::AGE.ge(2)).explain().analyze().await?;
    /// assert_eq!(ran.plan.index(), Some("by_age"));
    /// assert_eq!((ran.statistics.entries_read, ran.statistics.rows_returned), (2, 2));
    /// println!("{ran}");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As running the query.
    pub async fn analyze(self) -> Result<Analysis> {
        let Self { target, shape, plan, run } = self;
        let begun = Instant::now();
        let (result, statistics, by_space) = measured_by_space(run).await;
        let elapsed = begun.elapsed();
        result?;
        let shared = target.shared();
        let winner = shared.statistics.winner(&shape).map(|winner| winner.name);
        let read = |(space, visits)| Read { space, name: shared.committer.name_of(space), visits };
        Ok(Analysis { plan: plan.await?, statistics, elapsed, winner, reads: by_space.into_iter().map(read).collect() })
    }
}

impl<'q> IntoFuture for Explaining<'q> {
    type Output = Result<Explain>;
    type IntoFuture = BoxFuture<'q, Result<Explain>>;

    fn into_future(self) -> Self::IntoFuture {
        self.plan
    }
}

impl fmt::Debug for Explaining<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Explaining").field("shape", &self.shape).finish_non_exhaustive()
    }
}

/// How a query was carried out and what that took, as [`Explaining::analyze`] tells.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Analysis {
    /// How it is planned.
    pub plan: Explain,
    /// What was read: calls of the store, which are its batches, rows and entries that were visited, and rows that it gave.
    pub statistics: Cost,
    /// How long it took.
    pub elapsed: Duration,
    /// Which of the ways that compete was done first, the last time that a query of this shape had several.
    pub winner: Option<&'static str>,
    /// What was read of each table and index.
    reads: Vec<Read>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Read {
    space: Space,
    name: String,
    visits: Visits,
}

impl fmt::Display for Read {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Visits { reads, visited, given } = self.visits;
        let batches = if reads == 1 { "batch" } else { "batches" };
        write!(f, "visited {visited}, gave {given} in {reads} {batches}")
    }
}

/// A line of totals, and the tree of the plan with what its operators took.
impl fmt::Display for Analysis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { plan, statistics, elapsed, winner, reads } = self;
        writeln!(f, "took {elapsed:?}: {statistics}")?;
        plan.write(f, &|f, noted| {
            let alone = |read: &&Read| noted.reads == Some(read.space) && plan.tree().readers(read.space) == 1;
            if let Some(read) = reads.iter().find(alone) {
                write!(f, " [{read}]")?;
            }
            match noted.way {
                Some(way) if Some(way) == *winner => f.write_str(" [done first]"),
                _ => Ok(()),
            }
        })?;
        let several = reads.iter().filter(|read| plan.tree().readers(read.space) != 1);
        several.into_iter().try_for_each(|read| write!(f, "\n{}: {read}", read.name))?;
        match winner {
            Some(winner) => write!(f, "\ndone first: {winner}"),
            None => Ok(()),
        }
    }
}
