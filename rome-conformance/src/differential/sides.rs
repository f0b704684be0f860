//! The store under test and the specification, side by side.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use bytes::Bytes;
use rome_store::memory::MemoryStore;
use rome_store::{
    Blocker, Check, Digest, FilterRef, MiniTx, Partition, Read, ReadOptions, ReadReply, Reply, RowFilter, Scanned,
    Space, Span, Store, StoreResult, TableId, TxId,
};

use super::lanes::Lane;
use super::plan::{Call, Expectation, LANES, Wish};
use crate::client::{CLAIMS, INDEX, ROWS, SUMS, TABLE, holds};
use crate::verdict::{ensure, ensure_eq};
use crate::{Verdict, Violation};

/// Keeps rows whose value is not zero.
struct NotZero;

impl RowFilter for NotZero {
    fn keep(&self, _: &[u8], value: &[u8]) -> bool {
        value != [0]
    }
}

/// What a tracked scan saw, for later checks on the same partition.
struct Carried {
    partition: Partition,
    span: Span,
    rows: Option<TableId>,
    n: u32,
    digests: [Digest; 2],
}

/// Two of everything: first the store under test, then the specification.
pub(super) struct Sides {
    pub(super) stores: [Arc<dyn Store>; 2],
    pub(super) partitions: u32,
    /// The `seq` of each side after each minitransaction that was done on a partition.
    pub(super) seqs: HashMap<Partition, Vec<[u64; 2]>>,
    carried: Vec<Carried>,
    /// The ids of all that were applied.
    pub(super) ids: Vec<TxId>,
    pub(super) lanes: [Lane; LANES],
    /// What is prepared, as the specification got it, and how it is named.
    pub(super) prepared: BTreeMap<(Partition, TxId), (MiniTx, Blocker)>,
    /// Whom the store under test named when it refused a transaction.
    pub(super) blocked: HashMap<(Partition, TxId), Blocker>,
}

impl Sides {
    pub(super) fn new(subject: Arc<dyn Store>) -> Self {
        let partitions = subject.capabilities().partitions;
        Self {
            stores: [subject, Arc::new(MemoryStore::with_partitions(partitions))],
            partitions,
            seqs: HashMap::new(),
            carried: Vec::new(),
            ids: Vec::new(),
            lanes: Default::default(),
            prepared: BTreeMap::new(),
            blocked: HashMap::new(),
        }
    }

    pub(super) async fn make(&mut self, call: Call) -> Verdict {
        match call {
            Call::Read(batch) => {
                let batch = batch.into_iter().map(|(partition, wishes)| (self.partition(partition), wishes));
                self.read(batch.collect()).await
            }
            Call::One(plan) => self.one(plan).await,
            Call::Prepare { plan, .. } if self.partitions == 1 => self.one(plan).await,
            Call::Prepare { plan, primary, lease } => self.prepare(plan, primary, lease).await,
            Call::Push { .. } | Call::Finish { .. } | Call::End(..) if self.partitions == 1 => Ok(()),
            Call::Push { lane, ago, abort } => self.push(lane, ago, abort).await,
            Call::Finish { lane, ago, partition, decision } => self.finish(lane, ago, partition, decision).await,
            Call::End(lane, decision) => self.end(lane, decision).await,
            Call::Again(lane, ago) => self.again(lane, ago).await,
            Call::Late(lane, effects) => self.late(lane, effects).await,
            Call::Reserve(sequence, n) => {
                let [got, expected] =
                    [self.stores[0].reserve(sequence, n).await?, self.stores[1].reserve(sequence, n).await?];
                // A store may skip numbers.
                ensure!(got >= expected, "{sequence:?} gave the block at {got}, expected at least {expected}");
                Ok(())
            }
        }
    }

    /// The partition that is meant by a number.
    pub(super) const fn partition(&self, number: u32) -> Partition {
        Partition(number % self.partitions)
    }

    async fn read(&mut self, batch: Vec<(Partition, Vec<Wish>)>) -> Verdict {
        let untracked = self.answers(0, &batch, ReadOptions::new().tracked(false)).await;
        let [got, expected] =
            [self.answers(0, &batch, ReadOptions::new()).await, self.answers(1, &batch, ReadOptions::new()).await];
        let (got, expected) = match (got, expected) {
            (Ok(got), Ok(expected)) => (got, expected),
            (Err(got), Err(expected)) => {
                ensure_eq!(got.kind(), expected.kind(), "the error of a read, {got},");
                ensure!(untracked.is_err_and(|e| e.kind() == got.kind()), "an untracked read does not fail with {got}");
                return Ok(());
            }
            (got, expected) => return Err(Violation::new(format!("got {got:?}, expected {expected:?}"))),
        };
        ensure_eq!(got.len(), expected.len(), "the number of partitions that replied");
        let said = |replies: Vec<ReadReply>| -> Vec<_> {
            replies.into_iter().map(|reply| (blockers(&reply), reply.replies)).collect()
        };
        ensure_eq!(said(untracked?), said(got.clone()), "an untracked read");
        for (((partition, wishes), got), expected) in batch.iter().zip(got).zip(expected) {
            ensure_eq!(blockers(&got), blockers(&expected), "the blockers of {wishes:?} on {partition:?}");
            ensure_eq!(got.replies.len(), expected.replies.len(), "the number of replies");
            for ((wish, got), expected) in wishes.iter().zip(got.replies).zip(expected.replies) {
                match (got, expected) {
                    (Reply::Scanned(got), Reply::Scanned(expected)) => {
                        ensure_eq!(seen(&got), seen(&expected), "the scan {wish:?}");
                        self.carry(*partition, wish, &got, &expected);
                    }
                    (got, expected) => ensure_eq!(got, expected, "the reply to {wish:?}"),
                }
            }
        }
        Ok(())
    }

    async fn answers(
        &self,
        side: usize,
        batch: &[(Partition, Vec<Wish>)],
        consistency: ReadOptions,
    ) -> StoreResult<Vec<ReadReply>> {
        let batch: Vec<_> =
            batch.iter().map(|(partition, wishes)| (*partition, wishes.iter().map(read).collect())).collect();
        self.stores[side].read(&batch, consistency).await
    }

    fn carry(&mut self, partition: Partition, wish: &Wish, got: &Scanned, expected: &Scanned) {
        let (span, rows) = match wish {
            Wish::Scan { span, .. } => (span, None),
            Wish::ScanRows { index, .. } => (index, Some(TABLE)),
            _ => return,
        };
        let span = expected.stopped_at.as_ref().map_or_else(|| span.clone(), |last| span.cut_at(last));
        let digests = [got.digest.clone(), expected.digest.clone()];
        self.carried.push(Carried { partition, span, rows, n: expected.visited, digests });
    }

    pub(super) async fn checks(&self, partition: Partition, expectations: &[Expectation]) -> Verdict<Vec<[Check; 2]>> {
        let mut checks = Vec::new();
        for expectation in expectations {
            let version = |space: &Space, key: &Bytes, expect| {
                let check = Check::Version { space: *space, key: key.clone(), expect };
                [check.clone(), check]
            };
            checks.push(match expectation {
                Expectation::Absent(space, key) => version(space, key, None),
                Expectation::Present(space, key) => {
                    let reply = self
                        .answers(1, &[(partition, vec![Wish::Get(*space, key.clone())])], ReadOptions::new())
                        .await?;
                    let Some([Reply::Record(record)]) = reply.first().map(|reply| reply.replies.as_slice()) else {
                        return Err(Violation::new("the specification does not answer a get with a record"));
                    };
                    version(space, key, record.as_ref().map(|(id, _)| *id))
                }
                Expectation::Old(space, key, ago) => version(space, key, self.ids.iter().rev().nth(*ago).copied()),
                Expectation::Carried(ago) => {
                    match self.carried.iter().filter(|carried| carried.partition == partition).nth_back(*ago) {
                        Some(carried) => carried.digests.clone().map(|digest| Check::Same {
                            span: carried.span.clone(),
                            rows: carried.rows,
                            n: carried.n,
                            digest,
                        }),
                        None => [holds(), holds()],
                    }
                }
                Expectation::Count(span, n) => {
                    let check = Check::Count { span: span.clone(), n: *n };
                    [check.clone(), check]
                }
                Expectation::Free => [holds(), holds()],
            });
        }
        Ok(checks)
    }

    pub(super) async fn compare_contents(&mut self) -> Verdict {
        let all = |space| Wish::Scan { span: Span::all(space), filtered: false, want: None };
        let wishes = || [ROWS, INDEX, CLAIMS, SUMS, Space::Meta].map(all).to_vec();
        self.read((0..self.partitions).map(|partition| (Partition(partition), wishes())).collect()).await
    }
}

/// In no order that anyone could rely on.
fn blockers(reply: &ReadReply) -> Vec<Blocker> {
    let mut blockers = reply.blockers.clone();
    blockers.sort_by_key(|blocker| blocker.id);
    blockers
}

fn read(wish: &Wish) -> Read {
    let filter = |filtered: bool| filtered.then(|| FilterRef(Arc::new(NotZero)));
    match wish.clone() {
        Wish::Get(space, key) => Read::Get { space, key },
        Wish::Claimed(columns) => {
            let Space::Unique(index) = CLAIMS else { unreachable!("claims lie in a unique index") };
            Read::GetClaimed { index, columns, table: TABLE }
        }
        Wish::Scan { span, filtered, want } => Read::Scan { span, filter: filter(filtered), want, track: true },
        Wish::ScanRows { index, filtered, want } => {
            Read::ScanRows { index, table: TABLE, filter: filter(filtered), want, track: true }
        }
        Wish::Count(span) => Read::count(span),
    }
}

/// All of a scan that can be compared.
type Seen = (Vec<(Bytes, TxId, Bytes)>, u32, Option<Bytes>);

fn seen(scanned: &Scanned) -> Seen {
    let bytes = Bytes::copy_from_slice;
    let members = scanned.iter().map(|member| (bytes(member.key), member.version, bytes(member.value)));
    (members.collect(), scanned.visited, scanned.stopped_at.clone())
}
