//! Counter keys, taken from the store in blocks, behind those that are in use.
//!
//! A row may come with a key of its own. The numbers go on behind the greatest of those as far as a handle knows them: those
//! that it wrote itself, and where a counted key meets one that another program wrote, all that are stored.

use std::collections::HashMap;
use std::ops::{Bound, Range};
use std::sync::{Mutex, PoisonError};

use super::Session;
use crate::catalog::StoredTable;
use crate::commit::Committer;
use crate::error::{Error, Kind, Result};
use crate::placement::Routed;
use crate::schema::KeySource;
use crate::session::Shared;
use crate::store::{Read, Reply, SequenceId, Span, TableId};
use crate::value::{Value, ValueRef, key};

/// How many numbers are reserved at once, at least.
const BLOCK: u32 = 64;

/// The greatest key behind which numbers go on: nobody counts so far, so one beyond was given by hand, perhaps as a mark, and the
/// numbers do not come there either.
pub(crate) const FARTHEST: u64 = 1_000 * u32::MAX as u64;

/// Numbers that are reserved and not given out.
#[derive(Debug, Default)]
pub(crate) struct CounterKeys {
    blocks: Mutex<HashMap<TableId, Block>>,
}

#[derive(Debug, Default)]
struct Block {
    free: Range<u64>,
    /// The greatest key that is known to be in use.
    used: u64,
    /// Up to where the sequence has come, as far as is known.
    reserved: u64,
}

impl Block {
    /// Leaves out the numbers up to this one.
    fn skip(&mut self, used: u64) {
        self.free.start = self.free.start.max(used.saturating_add(1)).min(self.free.end);
    }
}

impl CounterKeys {
    /// Takes `n` numbers greater than `used` and than all keys that are known to be in use. Costs a round trip when the block is used up,
    /// and one more where keys were given by hand. Numbers rise, and leave gaps where a program ended or a transaction rolled back.
    ///
    /// # Errors
    /// [`is_limit_exceeded`](Error::is_limit_exceeded) if there are no more numbers; those of the store.
    pub async fn take(&self, committer: &Committer, table: &StoredTable, n: usize, used: u64) -> Result<Vec<u64>> {
        let sequence = SequenceId::Keys(table.id);
        let mut taken = Vec::with_capacity(n);
        let used = self.with(table.id, |block| {
            let used = used.max(block.used);
            block.skip(used);
            taken.extend(block.free.by_ref().take(n));
            (used > block.reserved).then_some(used)
        });
        if taken.len() < n
            && let Some(used) = used
        {
            committer.raise(sequence, used.saturating_add(1)).await.map_err(|error| used_up(table, error))?;
        }
        while taken.len() < n {
            let missing = u32::try_from(n - taken.len()).unwrap_or(u32::MAX).max(BLOCK);
            let first = committer.reserve(sequence, missing).await.map_err(|error| used_up(table, error))?;
            let block = first..first + u64::from(missing);
            let end = block.end.min(first + (n - taken.len()) as u64);
            taken.extend(first..end);
            self.with(table.id, |known| {
                if known.free.is_empty() {
                    known.free = end..block.end;
                }
                known.reserved = known.reserved.max(block.end - 1);
            });
        }
        Ok(taken)
    }

    /// Takes note that a key is in use.
    pub fn note(&self, table: TableId, used: u64) {
        self.with(table, |block| block.used = block.used.max(used));
    }

    /// The number that is given next, if it is reserved already.
    fn next(&self, table: TableId) -> Option<u64> {
        self.with(table, |block| {
            block.skip(block.used);
            block.free.clone().next()
        })
    }

    fn with<T>(&self, table: TableId, change: impl FnOnce(&mut Block) -> T) -> T {
        change(self.blocks.lock().unwrap_or_else(PoisonError::into_inner).entry(table).or_default())
    }
}

fn used_up(table: &StoredTable, error: crate::store::StoreError) -> Error {
    if error.kind() != crate::store::StoreErrorKind::Overflow {
        return error.into();
    }
    let name = table.def.name;
    Kind::Limit(format!("the counted keys of table `{name}` are used up; give rows keys of their own")).into()
}

/// The number that a key is, if a counter may give it.
pub(crate) fn number(table: &StoredTable, encoded: &[u8]) -> Option<u64> {
    if table.def.key_source != KeySource::Counter {
        return None;
    }
    match key::decode(encoded, false) {
        Ok((Value::Int(number), _)) => u64::try_from(number).ok().filter(|number| *number <= FARTHEST),
        _ => None,
    }
}

/// Goes on behind the greatest key of a table. Costs a round trip.
pub(crate) async fn skip_used(shared: &Shared, table: &StoredTable) -> Result<()> {
    let mut farthest = Vec::new();
    key::encode(ValueRef::Int(i128::from(FARTHEST)), false, &mut farthest);
    let span = Span::between(table.rows(), Bound::Unbounded, Bound::Included(farthest.into()));
    let span = span.reversed(true).limited(Some(1));
    let partitions: Vec<_> = shared.placement.all().collect();
    let mut reads = Routed::default();
    reads.push_all(&partitions, &Read::Scan { span, filter: None, want: None, track: false });
    let (batch, order) = reads.into_batch();
    for reply in order.merge(shared.committer.read(&batch).await?) {
        if let Reply::Scanned(scanned) = reply
            && let Some(used) = scanned.get(0).and_then(|record| number(table, record.key))
        {
            shared.counters.note(table.id, used);
        }
    }
    Ok(())
}

/// The number that the next row of a table gets.
pub(crate) async fn next_number(shared: &Shared, table: &StoredTable) -> Result<u64> {
    check_counted(table)?;
    match shared.counters.next(table.id) {
        Some(next) => Ok(next),
        None => {
            let used = shared.counters.with(table.id, |block| block.used);
            Ok(shared.committer.reserve(SequenceId::Keys(table.id), 0).await?.max(used + 1))
        }
    }
}

/// Goes on with `next`, or behind the greatest key if that is more; never goes back.
pub(crate) async fn set_number(shared: &Shared, table: &StoredTable, next: u64) -> Result<u64> {
    check_counted(table)?;
    skip_used(shared, table).await?;
    let least = shared.counters.with(table.id, |block| next.max(block.used + 1));
    let sequence = SequenceId::Keys(table.id);
    shared.committer.raise(sequence, least).await.map_err(|error| used_up(table, error))?;
    // What was reserved before is below it, or behind it.
    shared.counters.with(table.id, |block| {
        block.skip(least - 1);
        block.reserved = block.reserved.max(least - 1);
    });
    next_number(shared, table).await
}

fn check_counted(table: &StoredTable) -> Result<()> {
    if table.def.key_source == KeySource::Counter {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "the keys of table `{}` are not counted: its key is not `auto = counter`",
        table.def.name
    )))
}

impl Session {
    /// The greatest key that rows of the session were given by hand; 0 if there are none.
    pub(crate) fn given(&self, table: TableId) -> u64 {
        self.with_overlay(|overlay| overlay.given(table))
    }

    /// The keys that rows of the session were given by hand are in use from now on.
    pub(super) fn note_given(&self) {
        self.with_overlay(|overlay| {
            overlay.all_given().for_each(|(table, used)| self.shared.counters.note(table, used));
        });
    }
}
