//! What one call costs, told to its caller.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::{Add, AddAssign};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::sealed::Sealed;
use crate::store::Space;

/// What was done on behalf of a future, as [`Measure::measured`] tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Cost {
    /// Calls that read the store: round trips.
    pub reads: u64,
    /// Calls that wrote, or took a step of a commit.
    pub applies: u64,
    /// Calls that took numbers of a sequence, for keys and for ids of transactions; one serves many.
    pub reserves: u64,
    /// Rows that the store read to answer: those that it visited, whether or not they passed the filter, and those that it
    /// [read ahead](Self::read_ahead). A remote store transfers all of them, one in the same process only those that pass.
    pub rows_read: u64,
    /// The same of entries of indexes, unique values and counters. A row that is found by an index is read, and its entry too. What is
    /// [counted](Self::counted) is not among them.
    pub entries_read: u64,
    /// Rows and entries of those that were read and not visited: a remote store reads in batches, and a limit may be reached within one.
    pub read_ahead: u64,
    /// Members of scans that were visited and not given, because they did not pass the filter. A count with a condition holds back all
    /// that it visits: the store gives none of them.
    pub filtered_out: u64,
    /// Rows and entries that the store counted where they lie, to answer a count, or to tell which way to the rows visits least.
    pub counted: u64,
    /// Rows that the caller was given: entities, loaded relations among them, tuples, keys and groups.
    pub rows_returned: u64,
}

impl Cost {
    /// All calls of the store.
    #[must_use]
    pub const fn calls(&self) -> u64 {
        self.reads + self.applies + self.reserves
    }

    /// Rows and entries that the store went through: what it read, except ahead, and what it counted.
    #[must_use]
    pub const fn visited(&self) -> u64 {
        (self.rows_read + self.entries_read + self.counted).saturating_sub(self.read_ahead)
    }
}

impl Add for Cost {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            reads: self.reads + other.reads,
            applies: self.applies + other.applies,
            reserves: self.reserves + other.reserves,
            rows_read: self.rows_read + other.rows_read,
            entries_read: self.entries_read + other.entries_read,
            read_ahead: self.read_ahead + other.read_ahead,
            filtered_out: self.filtered_out + other.filtered_out,
            counted: self.counted + other.counted,
            rows_returned: self.rows_returned + other.rows_returned,
        }
    }
}

impl AddAssign for Cost {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

/// One line for people to read.
impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { reads, applies, reserves, rows_read, entries_read, rows_returned, .. } = self;
        write!(
            f,
            "{} store calls ({reads} reads, {applies} applies, {reserves} reserves), {rows_read} rows and {entries_read} \
             index entries read",
            self.calls()
        )?;
        for (n, what) in
            [(self.read_ahead, "of them ahead"), (self.filtered_out, "filtered out"), (self.counted, "counted")]
        {
            if n > 0 {
                write!(f, ", {n} {what}")?;
            }
        }
        write!(f, ", {rows_returned} rows returned")
    }
}

/// Tells what a future costs: a query, any other verb, a whole transaction, or several of them one after the other.
///
/// What runs in tasks that the future spawns is not counted, and neither is what a commit of several partitions finishes in the
/// background. A future that is measured inside of another counts for both. Where nothing is measured this costs nothing but a look
/// at a thread-local variable for each call of the store.
///
/// ```
/// # use rome_orm::prelude::*;
/// # #[derive(Entity, Clone, Debug, Default, PartialEq)]
/// # struct Dog { #[rome(key, auto)] id: Id<Dog>, #[rome(unique)] name: String, #[rome(index)] age: Option<u32> }
/// # fn dog(name: &str, age: u32) -> Dog { Dog { name: name.into(), age: Some(age), ..Default::default() } }
/// use rome_orm::metrics::Measure;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> rome_orm::Result<()> {
/// # let db = Database::builder().entity::<Dog>().open("memory:").await?;
/// db.insert_many([dog("Rex", 3), dog("Ida", 5), dog("Max", 1)]).await?;
/// let (old, cost) = db.query::<Dog>().filter(Dog::AGE.ge(3)).all().measured().await;
/// assert_eq!(old?.len(), 2);
/// assert_eq!((cost.calls(), cost.entries_read, cost.rows_read, cost.rows_returned), (1, 2, 2, 2));
///
/// let (count, cost) = db.query::<Dog>().filter(Dog::AGE.ge(3)).count().measured().await;
/// assert_eq!((count?, cost.calls(), cost.rows_read, cost.counted), (2, 1, 0, 2));
/// # Ok(())
/// # }
/// ```
pub trait Measure: Future + Sized {
    #[doc(hidden)]
    const SEALED: Sealed;

    /// The future's output, and what it cost.
    fn measured(self) -> impl Future<Output = (Self::Output, Cost)> + Send
    where
        Self: Send,
    {
        let totals = Totals::begin(None);
        async move {
            let output = CURRENT.scope(totals.clone(), self).await;
            (output, totals.read())
        }
    }
}

/// The same, and what was visited of each table and index.
pub(crate) async fn measured_by_space<F: Future>(future: F) -> (F::Output, Cost, BTreeMap<Space, Visits>) {
    let totals = Totals::begin(Some(Mutex::default()));
    let output = CURRENT.scope(totals.clone(), future).await;
    let by_space = totals.by_space.as_ref().map(|all| all.lock().unwrap_or_else(PoisonError::into_inner).clone());
    (output, totals.read(), by_space.unwrap_or_default())
}

/// What was visited of a table or an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Visits {
    /// In how many calls.
    pub reads: u64,
    /// How many of its members.
    pub visited: u64,
    /// How many of them, or of the rows that they lead to, the store gave.
    pub given: u64,
}

impl<F: Future> Measure for F {
    const SEALED: Sealed = Sealed;
}

tokio::task_local! {
    /// What the running task is measured by.
    static CURRENT: Arc<Totals>;
}

#[derive(Default)]
struct Totals {
    outer: Option<Arc<Self>>,
    /// By table and index, where that is asked for.
    by_space: Option<Mutex<BTreeMap<Space, Visits>>>,
    reads: AtomicU64,
    applies: AtomicU64,
    reserves: AtomicU64,
    rows_read: AtomicU64,
    entries_read: AtomicU64,
    read_ahead: AtomicU64,
    filtered_out: AtomicU64,
    counted: AtomicU64,
    rows_returned: AtomicU64,
}

impl Totals {
    /// Nothing yet. What measures around it counts too.
    fn begin(by_space: Option<Mutex<BTreeMap<Space, Visits>>>) -> Arc<Self> {
        Arc::new(Self { outer: CURRENT.try_with(Arc::clone).ok(), by_space, ..Self::default() })
    }

    fn add_visits(&self, more: &BTreeMap<Space, Visits>) {
        if let Some(by_space) = &self.by_space {
            let mut by_space = by_space.lock().unwrap_or_else(PoisonError::into_inner);
            for (space, more) in more {
                let visits = by_space.entry(*space).or_default();
                visits.reads += more.reads;
                visits.visited += more.visited;
                visits.given += more.given;
            }
        }
        if let Some(outer) = &self.outer {
            outer.add_visits(more);
        }
    }

    fn add(&self, more: &Cost) {
        let add = |total: &AtomicU64, n: u64| {
            if n > 0 {
                total.fetch_add(n, Ordering::Relaxed);
            }
        };
        add(&self.reads, more.reads);
        add(&self.applies, more.applies);
        add(&self.reserves, more.reserves);
        add(&self.rows_read, more.rows_read);
        add(&self.entries_read, more.entries_read);
        add(&self.read_ahead, more.read_ahead);
        add(&self.filtered_out, more.filtered_out);
        add(&self.counted, more.counted);
        add(&self.rows_returned, more.rows_returned);
        if let Some(outer) = &self.outer {
            outer.add(more);
        }
    }

    fn read(&self) -> Cost {
        let read = |total: &AtomicU64| total.load(Ordering::Relaxed);
        Cost {
            reads: read(&self.reads),
            applies: read(&self.applies),
            reserves: read(&self.reserves),
            rows_read: read(&self.rows_read),
            entries_read: read(&self.entries_read),
            read_ahead: read(&self.read_ahead),
            filtered_out: read(&self.filtered_out),
            counted: read(&self.counted),
            rows_returned: read(&self.rows_returned),
        }
    }
}

/// Whether what runs is measured.
pub(crate) fn is_measured() -> bool {
    CURRENT.try_with(|_| ()).is_ok()
}

/// Adds to what the running task has cost; nothing if it is not measured.
pub(crate) fn count(more: impl FnOnce() -> Cost) {
    // An error says that nobody measures.
    let _ = CURRENT.try_with(|totals| totals.add(&more()));
}

/// Adds to what the running task has visited of tables and indexes.
pub(crate) fn count_visits(more: &BTreeMap<Space, Visits>) {
    let _ = CURRENT.try_with(|totals| totals.add_visits(more));
}

/// Counts rows that a caller is given.
pub(crate) fn returned(rows: usize) {
    count(|| Cost { rows_returned: rows as u64, ..Cost::default() });
}
