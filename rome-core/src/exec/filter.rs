//! Tests conditions on stored rows, inside a store's scan where the store is local.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::catalog::StoredTable;
use crate::error::Error;
use crate::expr::eval;
use crate::expr::node::Node;
use crate::row::{self, RowView};
use crate::store::RowFilter;
use crate::value::ValueError;

thread_local! {
    /// Column offsets of the row that is being tested; kept to save an allocation for each row.
    static OFFSETS: RefCell<Vec<u32>> = const { RefCell::new(Vec::new()) };
}

/// Whether a condition is true for these columns.
pub(crate) fn passes(table: &StoredTable, condition: &Node, last: u16, body: &[u8]) -> Result<bool, ValueError> {
    OFFSETS.with_borrow_mut(|offsets| {
        RowView::locate(table.def, body, last, offsets)?;
        Ok(eval::test(condition, &RowView::new(table.def, body, offsets))? == Some(true))
    })
}

/// A condition as a [`RowFilter`].
pub(crate) struct RowCondition {
    table: Arc<StoredTable>,
    condition: Node,
    last: u16,
    /// Whether rows are only counted, and none returned.
    count_only: bool,
    tested: AtomicU64,
    counted: AtomicU64,
    failed: AtomicBool,
}

impl RowCondition {
    pub fn new(table: &Arc<StoredTable>, condition: &Node, count_only: bool) -> Self {
        Self {
            table: table.clone(),
            condition: condition.clone(),
            last: condition.last_column().unwrap_or(0),
            count_only,
            tested: AtomicU64::new(0),
            counted: AtomicU64::new(0),
            failed: AtomicBool::new(false),
        }
    }

    /// How many rows passed in the one read that this was made for, which visited so many; none if the read was
    /// repeated, and rows were counted more than once.
    pub fn counted(&self, visited: u32) -> Option<u64> {
        let once = self.tested.load(Ordering::Relaxed) == u64::from(visited);
        once.then(|| self.counted.load(Ordering::Relaxed))
    }

    /// Whether a row could not be decoded; it was then returned.
    pub fn failed(&self) -> bool {
        self.failed.load(Ordering::Relaxed)
    }

    /// Says of which stored row an error of [`test`](Self::test) is.
    #[cold]
    pub fn damaged(&self, key: &[u8], stored: &[u8], source: ValueError) -> Error {
        match row::unwrap(&self.table, stored) {
            Ok(body) => row::damaged(self.table.def, key, &body, source),
            Err(_) => row::unreadable(self.table.def, key, source),
        }
    }

    /// Whether these stored bytes pass, in the row's present layout.
    pub fn test(&self, stored: &[u8]) -> Result<bool, ValueError> {
        let body = row::unwrap(&self.table, stored)?;
        passes(&self.table, &self.condition, self.last, &body)
    }
}

impl RowFilter for RowCondition {
    fn keep(&self, _key: &[u8], value: &[u8]) -> bool {
        if self.count_only {
            self.tested.fetch_add(1, Ordering::Relaxed);
        }
        match self.test(value) {
            Ok(passed) => {
                if passed && self.count_only {
                    self.counted.fetch_add(1, Ordering::Relaxed);
                }
                passed && !self.count_only
            }
            Err(_) => {
                self.failed.store(true, Ordering::Relaxed);
                true
            }
        }
    }
}
