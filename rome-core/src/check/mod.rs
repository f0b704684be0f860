//! Checks a whole database: whether rows, index entries, claims, counters and foreign keys agree, and whether a client that is gone
//! has left something prepared.
//!
//! Everything is read in chunks while others go on writing, so what looks wrong is looked at once more by itself before
//! it is reported: a row with its entry, in one moment of their partitions as far as the commit of a repair can tell.

mod aggregates;
mod entries;
mod prepared;
mod rows;

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

use crate::catalog::StoredTable;
use crate::commit::{Outcome, Part};
use crate::database::Admin;
use crate::error::Result;
use crate::row;
use crate::session::Shared;
use crate::store::{Check, Effect, Partition, TxId};

/// How many records are read at once.
const CHUNK: u32 = 500;

/// What a check found wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// What it is.
    pub kind: FindingKind,
    /// The table, if it is about one.
    pub table: Option<&'static str>,
    /// The index or aggregate index, if it is about one.
    pub index: Option<String>,
    /// The key of the row, the values of the group, or the id of the transaction.
    pub key: String,
    /// Whether it was mended.
    pub mended: bool,
}

/// What can be wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FindingKind {
    /// A row has no entry in an index, so queries by the index do not find it. Mended by adding it.
    MissingEntry,
    /// An index entry leads to no row, or to one that has other values. Mended by removing it.
    DanglingEntry,
    /// A row's unique value is not claimed, so another row could take it. Mended by claiming it, unless another row has it.
    MissingClaim,
    /// A unique value is claimed by no row, or by one that has another value. Mended by letting it go.
    DanglingClaim,
    /// The counters of a group in an aggregate index are not what its rows add up to. Mended by setting them.
    WrongAggregate,
    /// A row references a row that is not there. Not mended: delete the row or insert the other.
    Orphan,
    /// A stored row cannot be read. Not mended.
    Unreadable,
    /// A transaction is prepared and not decided, and its client had its time. Decided by whoever
    /// meets it, also by a check.
    Abandoned,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.kind {
            FindingKind::MissingEntry => "has no entry in",
            FindingKind::DanglingEntry => "is not what an entry says in",
            FindingKind::MissingClaim => "has a unique value that is not claimed in",
            FindingKind::DanglingClaim => "does not have what is claimed for it in",
            FindingKind::WrongAggregate => {
                let (table, index) = (self.table.unwrap_or("?"), self.index.as_deref().unwrap_or("?"));
                let mended = mended(self);
                let key = &self.key;
                return write!(
                    f,
                    "aggregate index `{index}` of table `{table}` is not what the rows of group {key} add up to{mended}"
                );
            }
            FindingKind::Orphan => "references a row that is not there",
            FindingKind::Unreadable => "cannot be read",
            FindingKind::Abandoned => return write!(f, "transaction {} was left undecided{}", self.key, mended(self)),
        };
        write!(f, "the row {} of table `{}` {what}", self.key, self.table.unwrap_or("?"))?;
        if let Some(index) = &self.index {
            write!(f, " index `{index}`")?;
        }
        f.write_str(mended(self))
    }
}

const fn mended(finding: &Finding) -> &'static str {
    if finding.mended { " (mended)" } else { "" }
}

/// What a check looked at and what it found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Report {
    /// What is wrong, in the order of tables.
    pub findings: Vec<Finding>,
    /// How many rows it read.
    pub rows: u64,
    /// How many index entries, claims and counters it read.
    pub entries: u64,
}

impl Report {
    /// Whether nothing is wrong, or all of it was mended.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.findings.iter().all(|finding| finding.mended)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for finding in &self.findings {
            writeln!(f, "{finding}")?;
        }
        let n = self.findings.len();
        write!(f, "{} rows and {} entries were read; {n} things are wrong", self.rows, self.entries)
    }
}

impl Admin<'_> {
    /// Reads the whole database and says what is wrong in it; changes nothing but transactions that were left
    /// undecided, which it decides. Others may go on meanwhile. Costs a few
    /// round trips for each 500 rows and each 500 entries, in each partition.
    /// Keeps what the rows of each group of an aggregate index add up to in memory.
    ///
    /// ```
    /// # use rome_orm::prelude::*;
    /// # #[derive(Entity, Clone, Debug, Default, PartialEq)]
    /// # struct Dog { #[rome(key, auto)] id: Id<Dog>, #[rome(unique)] name: String, #[rome(index)] age: Option<u32> }
    /// # fn dog(name: &str, age: u32) -> Dog { Dog { name: name.into(), age: Some(age), ..Default::default() } }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> rome_orm::Result<()> {
    /// # let db = Database::builder().entity::<Dog>().open("memory:").await?;
    /// db.insert_many([dog("Rex", 3), dog("Ida", 5)]).await?;
    /// let report = db.admin().check().await?;
    /// assert!(report.is_clean() && report.rows == 2, "{report}");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Those of the store. What is wrong with the data is no error but in the report.
    pub async fn check(self) -> Result<Report> {
        Checker::new(&self.0.shared, false).run().await
    }

    /// As [`check`](Self::check), and mends what can be mended without losing anything that a row says.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn repair(self) -> Result<Report> {
        Checker::new(&self.0.shared, true).run().await
    }
}

/// A check that is going on.
struct Checker<'a> {
    shared: &'a Arc<Shared>,
    repair: bool,
    report: Report,
}

impl<'a> Checker<'a> {
    fn new(shared: &'a Arc<Shared>, repair: bool) -> Self {
        Self { shared, repair, report: Report::default() }
    }

    async fn run(mut self) -> Result<Report> {
        self.prepared().await?;
        for table in self.shared.catalog.tables() {
            let tallies = self.rows(table).await?;
            for at in 0..table.indexes.len() {
                self.entries(table, at).await?;
            }
            self.aggregates(table, tallies).await?;
        }
        Ok(self.report)
    }

    fn find(&mut self, kind: FindingKind, table: &StoredTable, index: Option<usize>, key: &[u8], mended: bool) {
        self.report.findings.push(Finding {
            kind,
            table: Some(table.def.name),
            index: index.and_then(|at| table.indexes.get(at)).map(|index| index.def.name.clone()),
            key: row::show_key(key),
            mended,
        });
    }

    /// Applies a repair if the row is as it was read; says whether it was applied.
    async fn mend(&self, row: (&StoredTable, &Bytes, Option<TxId>), at: Partition, what: Mend) -> Result<bool> {
        if !self.repair {
            return Ok(false);
        }
        let (table, key, expect) = row;
        let home = self.shared.placement.of_row(table, key);
        let mut parts = vec![Part { partition: home, ..Part::default() }];
        if let Some(part) = parts.first_mut() {
            part.checks.push(Check::Version { space: table.rows(), key: key.clone(), expect });
        }
        if at != home {
            parts.push(Part { partition: at, ..Part::default() });
        }
        if let Some(part) = parts.last_mut() {
            part.checks.extend(what.check);
            part.effects.push(what.effect);
        }
        let outcome = self.shared.committer.commit(self.shared.schema, parts, self.shared.durability).await?;
        Ok(outcome == Outcome::Committed)
    }
}

/// A change that mends something, and what has to hold besides the row.
struct Mend {
    check: Option<Check>,
    effect: Effect,
}
