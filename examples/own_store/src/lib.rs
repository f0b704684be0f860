//! A store of one's own: an ordered map in the memory of the process, opened by URLs such as `map:kennel`.
//!
//! It uses only the contract, [`rome_store`]. All that is stored is one `State`. A commit changes the state itself, or a
//! copy of it if a snapshot still shows it. All calls take turns, so everything has one order and is seen whole, and the guarantees of [`Store`] can be read off the code:
//!
//! - S1, S3, S7, S12: `State::apply` checks all that can fail before it changes anything.
//! - S4: `State::lanes` has the outcome of each lane's last transaction.
//! - S5: `State::scan` walks a `BTreeMap`.
//! - S11, S13: the gate and the retired spaces are part of the state.
//! - S14: [`Snapshots`] keeps states, and there is nothing more to it.
//! - S15: `check_known`, and the last arm of each `match`, refuse what came with a later contract.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use rome_store::{
    Applied, ApplyOptions, Capabilities, Check, CheckRef, Claimed, Consistency, Counted, Decision, Digest, Digester,
    Durability, Effect, FilterRef, MiniTx, Partition, Read, ReadOptions, ReadReply, RecordRef, Reply, Scanned, Scanner,
    Scheme, SequenceId, Snapshot, Snapshots, Space, Span, Step, Store, StoreError, StoreErrorKind, StoreFuture,
    StoreResult, TableId, TxId, row_key, url,
};

/// A handle of a map; all handles of one name are of the same map, until the last one is dropped.
#[derive(Clone)]
pub struct MapStore {
    capabilities: Capabilities,
    map: Arc<Map>,
}

#[derive(Default)]
struct Map {
    state: Mutex<Arc<State>>,
    sequences: Mutex<HashMap<SequenceId, u64>>,
    snapshots: Snapshots<Arc<State>>,
}

/// All that is stored.
#[derive(Default, Clone)]
struct State {
    spaces: BTreeMap<Space, BTreeMap<Bytes, Record>>,
    seq: u64,
    gate: u32,
    retired: BTreeSet<Space>,
    /// The last transaction of each lane, and what became of it.
    lanes: HashMap<u64, (u64, Applied)>,
}

#[derive(Clone)]
struct Record {
    version: TxId,
    value: Bytes,
}

impl MapStore {
    /// An empty map without a name.
    #[must_use]
    pub fn new() -> Self {
        let mut capabilities = Capabilities::new(1, "map", Durability::Memory, false);
        (capabilities.cheap_reverse_scans, capabilities.snapshots) = (true, true);
        Self { capabilities, map: Arc::default() }
    }

    /// The scheme of its URLs, for `DatabaseBuilder::scheme`: `map:NAME`.
    #[must_use]
    pub fn scheme() -> Scheme {
        Scheme::new("map", "map:NAME", async |url: String| Self::named(&url))
    }

    fn named(url: &str) -> StoreResult<Self> {
        static NAMED: LazyLock<Mutex<HashMap<String, std::sync::Weak<Map>>>> = LazyLock::new(Mutex::default);
        let (place, parameters) = url::parameters(url)?;
        if let Some(parameter) = parameters.first() {
            return Err(parameter.unknown(&[]));
        }
        let name = place.strip_prefix("map:").unwrap_or(place);
        if name.is_empty() || name.contains(['/', '#', '%']) {
            return Err(invalid(
                "the URL of a map has its name behind the colon, such as `map:kennel`, without `/`, `#` and `%`",
            ));
        }
        let mut named = lock(&NAMED);
        let known = named.get(name).and_then(std::sync::Weak::upgrade);
        let store = Self { map: known.unwrap_or_default(), ..Self::new() };
        named.retain(|_, map| map.strong_count() > 0);
        named.insert(name.to_owned(), Arc::downgrade(&store.map));
        Ok(store)
    }

    fn state(&self) -> Arc<State> {
        lock(&self.map.state).clone()
    }
}

impl Default for MapStore {
    fn default() -> Self {
        Self::new()
    }
}

impl Store for MapStore {
    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    fn read<'a>(
        &'a self,
        batch: &'a [(Partition, Vec<Read>)],
        options: ReadOptions,
    ) -> StoreFuture<'a, Vec<ReadReply>> {
        Box::pin(async move {
            let state = match options.consistency {
                Consistency::Linearizable => self.state(),
                Consistency::At(id) => self.map.snapshots.get(id)?,
                other => return Err(StoreError::unknown(&other)),
            };
            batch.iter().map(|(partition, reads)| state.answer_all(*partition, reads, options)).collect()
        })
    }

    fn apply(&self, batch: Vec<(Partition, MiniTx)>, options: ApplyOptions) -> StoreFuture<'_, Vec<Applied>> {
        Box::pin(async move {
            if !matches!(options.durability, Durability::Memory | Durability::Local) {
                return Err(invalid(format!("a map has no replicas, so it cannot give {:?}", options.durability)));
            }
            for (partition, tx) in &batch {
                check_partition(*partition)?;
                check(tx, &self.capabilities)?;
            }
            self.map.snapshots.give_up_old();
            let mut state = lock(&self.map.state);
            // What a snapshot shows is left as it is: then this is a copy.
            let state = Arc::make_mut(&mut state);
            let mut outcomes = Vec::with_capacity(batch.len());
            for (_, tx) in batch {
                match state.apply(tx) {
                    Ok(outcome) => outcomes.push(outcome),
                    // The outcomes of those before it get lost with this answer.
                    Err(error) if !outcomes.is_empty() => return Err(error.with_unknown_outcome()),
                    Err(error) => return Err(error),
                }
            }
            Ok(outcomes)
        })
    }

    fn snapshot(&self) -> Option<Snapshot> {
        self.map.snapshots.keep(self.state())
    }

    fn reserve(&self, sequence: SequenceId, n: u32) -> StoreFuture<'_, u64> {
        Box::pin(async move {
            let mut sequences = lock(&self.map.sequences);
            let next = sequences.entry(sequence).or_insert(1);
            let first = *next;
            let used_up = || StoreError::new(StoreErrorKind::Overflow, format!("the sequence {sequence:?} is used up"));
            *next = first.checked_add(n.into()).ok_or_else(used_up)?;
            Ok(first)
        })
    }

    fn raise(&self, sequence: SequenceId, least: u64) -> StoreFuture<'_, u64> {
        Box::pin(async move {
            let mut sequences = lock(&self.map.sequences);
            let next = sequences.entry(sequence).or_insert(1);
            *next = least.max(*next);
            Ok(*next)
        })
    }
}

impl State {
    fn answer_all(&self, partition: Partition, reads: &[Read], options: ReadOptions) -> StoreResult<ReadReply> {
        check_partition(partition)?;
        let is_retired = |space: &Space| !options.retired && self.retired.contains(space);
        if let Some(space) = reads.iter().map(Read::space).find(is_retired) {
            return Err(StoreError::retired(space));
        }
        let replies = reads.iter().map(|read| self.answer(read)).collect::<StoreResult<_>>()?;
        Ok(ReadReply::new(self.seq, replies))
    }

    fn answer(&self, read: &Read) -> StoreResult<Reply> {
        Ok(match read {
            Read::Get { space, key } => {
                Reply::Record(self.record(*space, key).map(|record| (record.version, record.value.clone())))
            }
            Read::GetClaimed { index, columns, table } => {
                let claim = self.record(Space::Unique(*index), columns);
                let claimed = claim.map(|claim| {
                    let row = self.row(*table, &claim.value)?;
                    Ok(Claimed::new(claim.version, claim.value.clone(), row.version, row.value.clone()))
                });
                Reply::Claimed(claimed.transpose()?)
            }
            Read::Scan { span, filter, want, track } => {
                let filter = filter.as_ref().filter(|_| matches!(span.space, Space::Rows(_)));
                Reply::Scanned(self.scan(span, None, filter, want.unwrap_or(u32::MAX), *track)?)
            }
            Read::ScanRows { index, table, filter, want, track } => {
                Reply::Scanned(self.scan(index, Some(*table), filter.as_ref(), want.unwrap_or(u32::MAX), *track)?)
            }
            Read::Count { span, track } => {
                let scanned = self.scan(span, None, None, u32::MAX, *track)?;
                Reply::Count(if *track { Counted::from(scanned) } else { u64::from(scanned.visited).into() })
            }
            // S15: what a later contract asks for.
            other => return Err(StoreError::unknown(other)),
        })
    }

    fn record(&self, space: Space, key: &[u8]) -> Option<&Record> {
        self.spaces.get(&space)?.get(key)
    }

    /// The row that a claim or an entry leads to.
    fn row(&self, table: TableId, key: &[u8]) -> StoreResult<&Record> {
        let lost =
            || corrupt(format!("an index leads to the row {} of {table:?}, which is not there", key.escape_ascii()));
        self.record(Space::Rows(table), key).ok_or_else(lost)
    }

    /// Visits the members of a span, up to its limit, and returns up to `want` of them. With a table, the span is of an index
    /// and the rows behind its entries are returned.
    fn scan(
        &self,
        span: &Span,
        rows: Option<TableId>,
        filter: Option<&FilterRef>,
        want: u32,
        track: bool,
    ) -> StoreResult<Scanned> {
        if rows.is_some() && !matches!(span.space, Space::Index(_)) {
            return Err(invalid(format!("rows are read through an index only, not through {:?}", span.space)));
        }
        let (mut scanner, mut digester) = (Scanner::new(), track.then(Digester::default));
        let (mut returned, mut last): (u32, Option<&Bytes>) = (0, None);
        let members = self.spaces.get(&span.space).filter(|_| span.is_possible());
        let mut members = members.map(|members| members.range((span.lo.clone(), span.hi.clone())));
        // The next one, in the direction of the span.
        let next =
            || members.as_mut().and_then(|members| if span.reverse { members.next_back() } else { members.next() });
        for (key, record) in std::iter::from_fn(next) {
            let bytes = u64::try_from(scanner.bytes()).unwrap_or(u64::MAX);
            let is_full = span.limit.is_some_and(|limit| scanner.visited() >= limit)
                || returned >= want
                || span.bytes.is_some_and(|most| returned > 0 && bytes >= most);
            if is_full {
                // Asked only where there is one more, so that it stopped exactly if something is left.
                if let Some(last) = last {
                    scanner.stop_at(last);
                }
                break;
            }
            scanner.visit();
            last = Some(key);
            let (row_key, record) = match rows {
                None => (None, record),
                Some(table) => {
                    let short = || corrupt(format!("the entry {} holds no row's key", key.escape_ascii()));
                    let row_key = row_key(key).ok_or_else(short)?;
                    let row = self.row(table, &row_key)?;
                    (Some(row_key), row)
                }
            };
            if let Some(digester) = &mut digester {
                let is_covered = rows.is_some() || span.space.is_versioned();
                digester.add(key, is_covered.then_some(record.version));
            }
            let shown = row_key.as_deref().unwrap_or(key);
            if filter.is_none_or(|filter| filter.0.keep(shown, &record.value)) {
                scanner.push(RecordRef::new(shown, record.version, &record.value));
                returned += 1;
            }
        }
        Ok(scanner.finish(digester.map_or_else(Digest::default, |digester| digester.finish())))
    }

    fn apply(&mut self, tx: MiniTx) -> StoreResult<Applied> {
        let TxId { lane, seq } = tx.id;
        match self.lanes.get(&lane) {
            // S4: a repeat gets the recorded outcome, and what its lane has gone past is aborted.
            Some((last, Applied::Done { .. })) if *last == seq => return Ok(Applied::Already(Decision::Committed)),
            Some((last, refusal)) if *last == seq => return Ok(refusal.clone()),
            Some((last, _)) if *last > seq => return Ok(Applied::Already(Decision::Aborted)),
            _ => {}
        }
        let outcome = match self.refusal(&tx)? {
            Some(refusal) => refusal,
            None => {
                let sums = self.sums(&tx.effects)?;
                self.seq += u64::from(!tx.effects.is_empty());
                self.carry_out(tx, sums);
                Applied::Done { seq: self.seq }
            }
        };
        self.lanes.insert(lane, (seq, outcome.clone()));
        Ok(outcome)
    }

    fn refusal(&self, tx: &MiniTx) -> StoreResult<Option<Applied>> {
        if tx.schema < self.gate {
            return Ok(Some(Applied::StaleSchema { oldest: self.gate }));
        }
        // Where nothing has changed since the reads, they hold.
        let reads = if tx.unchanged_since == Some(self.seq) { &[] } else { tx.reads.as_slice() };
        let reads = reads.iter().enumerate().map(|(at, check)| (CheckRef::Read(at), check));
        let checks = tx.checks.iter().enumerate().map(|(at, check)| (CheckRef::Check(at), check));
        for (at, check) in reads.chain(checks) {
            if !self.holds(check)? {
                return Ok(Some(Applied::Conflict { check: at }));
            }
        }
        Ok(None)
    }

    fn holds(&self, check: &Check) -> StoreResult<bool> {
        Ok(match check {
            Check::Version { space, key, expect } => self.record(*space, key).map(|record| record.version) == *expect,
            Check::Same { span, rows, n, digest } => {
                let now = self.scan(span, *rows, None, u32::MAX, true)?;
                now.visited == *n && now.digest == *digest
            }
            Check::Count { span, n } => u64::from(self.scan(span, None, None, u32::MAX, false)?.visited) == *n,
            other => return Err(StoreError::unknown(other)),
        })
    }

    /// What each addition comes to, in order, seen after the effects before it.
    fn sums(&self, effects: &[Effect]) -> StoreResult<Vec<i128>> {
        let mut written: HashMap<(Space, &Bytes), Option<i128>> = HashMap::new();
        let mut sums = Vec::new();
        for effect in effects {
            match effect {
                Effect::Put { space, key, value } => drop(written.insert((*space, key), counter(value))),
                Effect::Delete { space, key } => drop(written.insert((*space, key), Some(0))),
                Effect::Add { space, key, delta } => {
                    let stored = || self.record(*space, key).map_or(Some(0), |record| counter(&record.value));
                    let before = written.get(&(*space, key)).copied().unwrap_or_else(stored);
                    let before = before.ok_or_else(|| corrupt(format!("{} is not a counter", key.escape_ascii())))?;
                    let sum = before.checked_add(*delta).ok_or_else(|| {
                        let message = format!("the counter {} of {space:?} would overflow", key.escape_ascii());
                        StoreError::new(StoreErrorKind::Overflow, message)
                    })?;
                    written.insert((*space, key), Some(sum));
                    sums.push(sum);
                }
                _ => {}
            }
        }
        Ok(sums)
    }

    /// Does the effects; nothing in it can fail.
    fn carry_out(&mut self, tx: MiniTx, sums: Vec<i128>) {
        let mut sums = sums.into_iter();
        for effect in tx.effects {
            let (space, key, value) = match effect {
                Effect::Put { space, key, value } => (space, key, Some(value)),
                Effect::Add { space, key, .. } => {
                    (space, key, sums.next().map(|sum| Bytes::copy_from_slice(&sum.to_be_bytes())))
                }
                Effect::Delete { space, key } => (space, key, None),
                Effect::RaiseGate { oldest } => {
                    self.gate = self.gate.max(oldest);
                    continue;
                }
                Effect::Retire { space } => {
                    self.retired.insert(space);
                    continue;
                }
                // It was refused before.
                _ => continue,
            };
            let records = self.spaces.entry(space).or_default();
            let version = if space.is_versioned() { tx.id } else { TxId::default() };
            match value {
                Some(value) => records.insert(key, Record { version, value }),
                None => records.remove(&key),
            };
        }
    }
}

/// Whether the store takes this minitransaction at all, whatever its state (S12, S15).
fn check(tx: &MiniTx, limits: &Capabilities) -> StoreResult<()> {
    tx.check_known(limits.contract)?;
    if tx.step != Step::One {
        return Err(invalid(format!("a map has one partition, and knows no step {:?}", tx.step)));
    }
    let checks = tx.reads.iter().chain(&tx.checks);
    for check in checks {
        match check {
            Check::Version { space, .. } if !space.is_versioned() => {
                return Err(invalid(format!("records of {space:?} have no version to check")));
            }
            Check::Same { span, rows: Some(_), .. } if !matches!(span.space, Space::Index(_)) => {
                return Err(invalid(format!("rows are checked through an index only, not through {:?}", span.space)));
            }
            _ => {}
        }
    }
    within("effects", tx.effects.len(), limits.max_effects)?;
    for effect in &tx.effects {
        match effect {
            Effect::Put { value, .. } => within("bytes of a value", value.len(), limits.max_value)?,
            Effect::Retire { space } if !space.is_of_index() => {
                return Err(invalid(format!("{space:?} is no space of an index, and is not retired")));
            }
            _ => {}
        }
        if let Some((_, key)) = effect.target() {
            within("bytes of a key", key.len(), limits.max_key)?;
        }
    }
    Ok(())
}

fn within(what: &str, n: usize, most: usize) -> StoreResult<()> {
    if n <= most {
        return Ok(());
    }
    Err(StoreError::new(StoreErrorKind::Limit, format!("{n} {what} are more than the {most} that a map takes")))
}

fn check_partition(partition: Partition) -> StoreResult<()> {
    if partition == Partition(0) {
        return Ok(());
    }
    Err(invalid(format!("a map has one partition, number 0, and was asked for number {}", partition.0)))
}

/// The number in a counter; `None` if the value is not a number of 16 bytes.
fn counter(value: &[u8]) -> Option<i128> {
    value.try_into().map(i128::from_be_bytes).ok()
}

fn invalid(message: impl Into<String>) -> StoreError {
    StoreError::new(StoreErrorKind::Invalid, message)
}

fn corrupt(message: String) -> StoreError {
    StoreError::new(StoreErrorKind::Corrupt, message)
}

/// Nothing panics while it holds a lock.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
