//! The store under test and the specification, side by side.

use std::sync::Arc;

use bytes::Bytes;
use rome_core::store::memory::MemoryStore;
use rome_core::store::{
    Applied, Check, Consistency, Digest, Durability, FilterRef, MiniTx, Read, Reply, RowFilter, Scanned, Space, Span,
    Store, StoreResult, TableId, TxId,
};

use super::plan::{Call, Expectation, LANES, Plan, Wish};
use crate::client::{CLAIMS, INDEX, PARTITION, ROWS, SUMS, TABLE, holds};
use crate::verdict::{ensure, ensure_eq};
use crate::{Verdict, Violation};

/// Keeps rows whose value is not zero.
struct NotZero;

impl RowFilter for NotZero {
    fn keep(&self, _: &[u8], value: &[u8]) -> bool {
        value != [0]
    }
}

/// What a tracked scan saw, for later checks.
struct Carried {
    span: Span,
    rows: Option<TableId>,
    n: u32,
    digests: [Digest; 2],
}

/// Two of everything: first the store under test, then the specification.
pub(super) struct Sides {
    stores: [Arc<dyn Store>; 2],
    /// The `seq` of each side after each minitransaction that was applied.
    seqs: Vec<[u64; 2]>,
    carried: Vec<Carried>,
    /// The ids of all that were applied.
    ids: Vec<TxId>,
    /// The last `seq` used in each lane, and the last minitransaction there that was answered, as sent to each side.
    next: [u64; LANES],
    last: [Option<[MiniTx; 2]>; LANES],
}

impl Sides {
    pub(super) fn new(subject: Arc<dyn Store>) -> Self {
        Self {
            stores: [subject, Arc::new(MemoryStore::new())],
            seqs: vec![[0; 2]],
            carried: Vec::new(),
            ids: Vec::new(),
            next: [0; LANES],
            last: Default::default(),
        }
    }

    pub(super) async fn make(&mut self, call: Call) -> Verdict {
        match call {
            Call::Read(wishes) => self.read(&wishes).await,
            Call::Apply(plan) => self.apply(plan).await,
            Call::Again(lane) => match self.last[lane].clone() {
                Some(txs) => self.send(txs).await.map(|_| ()),
                None => Ok(()),
            },
            Call::Late(lane, effects) => match &self.last[lane] {
                // All that was sent has an even number.
                Some([last, _]) => {
                    let id = TxId { seq: last.id.seq - 1, ..last.id };
                    let late = MiniTx { effects, ..MiniTx::one(id) };
                    self.send([late.clone(), late]).await.map(|_| ())
                }
                None => Ok(()),
            },
            Call::Reserve(sequence, n) => {
                let [got, expected] =
                    [self.stores[0].reserve(sequence, n).await?, self.stores[1].reserve(sequence, n).await?];
                // A store may skip numbers.
                ensure!(got >= expected, "{sequence:?} gave the block at {got}, expected at least {expected}");
                Ok(())
            }
        }
    }

    async fn read(&mut self, wishes: &[Wish]) -> Verdict {
        let answers = [self.answers(0, wishes).await, self.answers(1, wishes).await];
        let [got, expected] = answers;
        let (got, expected) = match (got, expected) {
            (Ok(got), Ok(expected)) => (got, expected),
            (Err(got), Err(expected)) => {
                ensure_eq!(got.kind(), expected.kind(), "the error of a read, {got},");
                return Ok(());
            }
            (got, expected) => return Err(Violation::new(format!("got {got:?}, expected {expected:?}"))),
        };
        ensure_eq!(got.len(), expected.len(), "the number of replies");
        for ((wish, got), expected) in wishes.iter().zip(got).zip(expected) {
            match (got, expected) {
                (Reply::Scanned(got), Reply::Scanned(expected)) => {
                    ensure_eq!(seen(&got), seen(&expected), "the scan {wish:?}");
                    self.carry(wish, &got, &expected);
                }
                (got, expected) => ensure_eq!(got, expected, "the reply to {wish:?}"),
            }
        }
        Ok(())
    }

    async fn answers(&self, side: usize, wishes: &[Wish]) -> StoreResult<Vec<Reply>> {
        let reads = wishes.iter().map(read).collect();
        let replies = self.stores[side].read(&[(PARTITION, reads)], Consistency::Strict).await?;
        Ok(replies.into_iter().flat_map(|reply| reply.replies).collect())
    }

    fn carry(&mut self, wish: &Wish, got: &Scanned, expected: &Scanned) {
        let (span, rows) = match wish {
            Wish::Scan { span, .. } => (span, None),
            Wish::ScanRows { index, .. } => (index, Some(TABLE)),
            _ => return,
        };
        let span = expected.stopped_at.as_ref().map_or_else(|| span.clone(), |last| span.cut_at(last));
        let digests = [got.digest.clone(), expected.digest.clone()];
        self.carried.push(Carried { span, rows, n: expected.visited, digests });
    }

    async fn apply(&mut self, plan: Plan) -> Verdict {
        self.next[plan.lane] += 2;
        let id = TxId { lane: plan.lane as u64 + 1, seq: self.next[plan.lane] };
        let (reads, checks) = (self.checks(&plan.reads).await?, self.checks(&plan.checks).await?);
        let state = plan.unchanged_since.map(|ago| self.seqs[self.seqs.len().saturating_sub(1 + ago)]);
        let tx = |side: usize| MiniTx {
            schema: plan.schema,
            unchanged_since: state.map(|seqs| seqs[side]),
            reads: reads.iter().map(|check| check[side].clone()).collect(),
            checks: checks.iter().map(|check| check[side].clone()).collect(),
            effects: plan.effects.clone(),
            ..MiniTx::one(id)
        };
        let txs = [tx(0), tx(1)];
        if self.send(txs.clone()).await? {
            self.last[plan.lane] = Some(txs);
        }
        Ok(())
    }

    /// Sends it to both sides and says whether it was answered, and not with an error.
    async fn send(&mut self, [tested, specified]: [MiniTx; 2]) -> Verdict<bool> {
        let (id, has_effects) = (tested.id, !tested.effects.is_empty());
        let got = self.stores[0].apply(vec![(PARTITION, tested)], Durability::default()).await;
        let expected = self.stores[1].apply(vec![(PARTITION, specified)], Durability::default()).await;
        let (got, expected) = match (got, expected) {
            (Ok(got), Ok(expected)) => (got, expected),
            (Err(got), Err(expected)) => {
                let known = (expected.kind(), expected.certainty());
                ensure_eq!((got.kind(), got.certainty()), known, "the error of an apply, {got},");
                return Ok(false);
            }
            (got, expected) => return Err(Violation::new(format!("got {got:?}, expected {expected:?}"))),
        };
        if let ([Applied::Done { seq: got }], [Applied::Done { seq: expected }]) = (got.as_slice(), expected.as_slice())
        {
            let before = self.seqs.last().map_or(0, |seqs| seqs[0]);
            ensure!(!has_effects || *got > before, "the seq after effects is {got}, it was {before}");
            self.seqs.push([*got, *expected]);
            self.ids.push(id);
        } else {
            ensure_eq!(got, expected, "the outcomes");
        }
        Ok(true)
    }

    async fn checks(&self, expectations: &[Expectation]) -> Verdict<Vec<[Check; 2]>> {
        let mut checks = Vec::new();
        for expectation in expectations {
            let version = |space: &Space, key: &Bytes, expect| {
                let check = Check::Version { space: *space, key: key.clone(), expect };
                [check.clone(), check]
            };
            checks.push(match expectation {
                Expectation::Absent(space, key) => version(space, key, None),
                Expectation::Present(space, key) => {
                    let reply = self.answers(1, &[Wish::Get(*space, key.clone())]).await?;
                    let [Reply::Record(record)] = reply.as_slice() else {
                        return Err(Violation::new("the specification does not answer a get with a record"));
                    };
                    version(space, key, record.as_ref().map(|(id, _)| *id))
                }
                Expectation::Old(space, key, ago) => version(space, key, self.ids.iter().rev().nth(*ago).copied()),
                Expectation::Carried(ago) => match self.carried.iter().rev().nth(*ago) {
                    Some(carried) => carried.digests.clone().map(|digest| Check::Same {
                        span: carried.span.clone(),
                        rows: carried.rows,
                        n: carried.n,
                        digest,
                    }),
                    None => [holds(), holds()],
                },
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
        self.read(&[ROWS, INDEX, CLAIMS, SUMS, Space::Meta].map(all)).await
    }
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
        Wish::Count(span) => Read::Count(span),
    }
}

/// All of a scan that can be compared.
type Seen = (Vec<(Bytes, TxId, Bytes)>, u32, Option<Bytes>);

fn seen(scanned: &Scanned) -> Seen {
    let bytes = Bytes::copy_from_slice;
    let members = scanned.iter().map(|member| (bytes(member.key), member.version, bytes(member.value)));
    (members.collect(), scanned.visited, scanned.stopped_at.clone())
}
