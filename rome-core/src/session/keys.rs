//! Counter keys, taken from the store in blocks.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::commit::Committer;
use crate::error::Result;
use crate::store::{SequenceId, TableId};

/// How many numbers are reserved at once, at least.
const BLOCK: u32 = 64;

/// Numbers that are reserved and not given out.
#[derive(Debug, Default)]
pub(crate) struct CounterKeys {
    blocks: Mutex<HashMap<TableId, std::ops::Range<u64>>>,
}

impl CounterKeys {
    /// Takes `n` numbers. Costs a round trip when the block is used up. Numbers rise, and leave gaps where a program
    /// ended or a transaction rolled back.
    pub async fn take(&self, committer: &Committer, table: TableId, n: usize) -> Result<Vec<u64>> {
        let mut taken = Vec::with_capacity(n);
        self.drain(table, n, &mut taken);
        while taken.len() < n {
            let missing = u32::try_from(n - taken.len()).unwrap_or(u32::MAX).max(BLOCK);
            let first = committer.reserve(SequenceId::Keys(table), missing).await?;
            let block = first..first + u64::from(missing);
            let used = block.end.min(first + (n - taken.len()) as u64);
            taken.extend(first..used);
            let mut blocks = self.lock();
            let free = blocks.entry(table).or_insert(0..0);
            if free.is_empty() {
                *free = used..block.end;
            }
        }
        Ok(taken)
    }

    fn drain(&self, table: TableId, n: usize, taken: &mut Vec<u64>) {
        if let Some(free) = self.lock().get_mut(&table) {
            taken.extend(free.take(n - taken.len()));
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<TableId, std::ops::Range<u64>>> {
        self.blocks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
