//! The lanes: what they send to both sides, and whether it is answered the same.

use std::collections::BTreeMap;

use rome_store::{Applied, ApplyOptions, Blocker, Decision, Durability, Effect, MiniTx, Partition, Step, TxId, locks};

use super::plan::Plan;
use super::sides::Sides;
use crate::client::{NO_TIME, finished, pushed};
use crate::verdict::{ensure, ensure_eq};
use crate::{Verdict, Violation};

/// A minitransaction as each side gets it.
type Both = [MiniTx; 2];

/// What a lane has done.
#[derive(Default)]
pub(super) struct Lane {
    /// The last number used.
    seq: u64,
    /// Its transactions, and where each is decided.
    ids: Vec<(TxId, Partition)>,
    /// What it sent and was not answered with an error.
    sent: Vec<(Partition, Both)>,
    /// The transaction over several partitions that is not finished.
    open: Option<Open>,
}

struct Open {
    id: TxId,
    primary: Partition,
    own: Option<Both>,
    parts: BTreeMap<Partition, Both>,
}

impl Sides {
    /// The next id of a lane; all have even numbers.
    fn next(&mut self, lane: usize, primary: Partition) -> TxId {
        self.lanes[lane].seq += 2;
        let id = TxId { lane: lane as u64 + 1, seq: self.lanes[lane].seq };
        self.lanes[lane].ids.push((id, primary));
        id
    }

    pub(super) async fn one(&mut self, plan: Plan) -> Verdict {
        let lane = plan.lane;
        let (id, primary, own) = match &self.lanes[lane].open {
            Some(open) => (open.id, open.primary, open.own.clone()),
            None => {
                let partition = self.partition(plan.partition);
                (self.next(lane, partition), partition, None)
            }
        };
        let txs = match own {
            Some(own) => own,
            None => self.plan(id, primary, Step::One, plan).await?,
        };
        if let Some(open) = &mut self.lanes[lane].open {
            open.own = Some(txs.clone());
        }
        self.send_from(lane, primary, txs).await
    }

    pub(super) async fn prepare(&mut self, plan: Plan, primary: u32, lease: u32) -> Verdict {
        let lane = plan.lane;
        if self.lanes[lane].open.is_none() {
            let primary = self.partition(primary);
            let id = self.next(lane, primary);
            self.lanes[lane].open = Some(Open { id, primary, own: None, parts: BTreeMap::new() });
        }
        let Some(open) = &self.lanes[lane].open else { return Ok(()) };
        let (id, primary) = (open.id, open.primary);
        // It is not prepared at its primary.
        let mut partition = self.partition(plan.partition);
        if partition == primary {
            partition = self.partition(plan.partition + 1);
        }
        let txs = match open.parts.get(&partition) {
            Some(txs) => txs.clone(),
            None => self.plan(id, partition, Step::Prepare { primary, lease }, plan).await?,
        };
        if let Some(open) = &mut self.lanes[lane].open {
            open.parts.insert(partition, txs.clone());
        }
        self.send_from(lane, partition, txs).await
    }

    async fn plan(&self, id: TxId, partition: Partition, step: Step, plan: Plan) -> Verdict<Both> {
        let reads = self.checks(partition, &plan.reads).await?;
        let checks = self.checks(partition, &plan.checks).await?;
        let seqs = self.seqs.get(&partition).map_or(&[][..], Vec::as_slice);
        let state = plan.unchanged_since.map(|ago| seqs.iter().nth_back(ago).copied().unwrap_or_default());
        Ok([0, 1].map(|side| {
            MiniTx::one(id)
                .step(step)
                .schema(plan.schema)
                .unchanged_since(state.map(|seqs| seqs[side]))
                .reads(reads.iter().map(|check| check[side].clone()).collect())
                .checks(checks.iter().map(|check| check[side].clone()).collect())
                .effects(plan.effects.clone())
        }))
    }

    pub(super) async fn push(&mut self, lane: usize, ago: usize, abort: bool) -> Verdict {
        let Some((id, primary)) = self.lanes[lane].ids.iter().nth_back(ago).copied() else { return Ok(()) };
        self.send_from(lane, primary, [pushed(id, abort), pushed(id, abort)]).await
    }

    pub(super) async fn finish(&mut self, lane: usize, ago: usize, partition: u32, decision: Decision) -> Verdict {
        let partition = self.partition(partition);
        match self.lanes[lane].ids.iter().nth_back(ago).copied() {
            Some((id, primary)) if primary != partition => {
                self.send_from(lane, partition, [finished(id, decision), finished(id, decision)]).await
            }
            _ => Ok(()),
        }
    }

    pub(super) async fn end(&mut self, lane: usize, decision: Option<Decision>) -> Verdict {
        let (Some(open), Some(decision)) = (self.lanes[lane].open.take(), decision) else { return Ok(()) };
        let finish = || [finished(open.id, decision), finished(open.id, decision)];
        let batch: Vec<_> = open.parts.into_keys().map(|partition| (partition, finish())).collect();
        self.lanes[lane].sent.extend(batch.iter().cloned());
        self.send(batch).await.map(|_| ())
    }

    pub(super) async fn again(&mut self, lane: usize, ago: usize) -> Verdict {
        match self.lanes[lane].sent.iter().nth_back(ago).cloned() {
            Some(sent) => self.send(vec![sent]).await.map(|_| ()),
            None => Ok(()),
        }
    }

    pub(super) async fn late(&mut self, lane: usize, effects: Vec<Effect>) -> Verdict {
        let Some((partition, [last, _])) = self.lanes[lane].sent.last() else { return Ok(()) };
        let late = MiniTx::one(TxId { seq: last.id.seq - 1, ..last.id }).effects(effects);
        self.send(vec![(*partition, [late.clone(), late])]).await.map(|_| ())
    }

    async fn send_from(&mut self, lane: usize, partition: Partition, txs: Both) -> Verdict {
        if self.send(vec![(partition, txs.clone())]).await? {
            self.lanes[lane].sent.push((partition, txs));
        }
        Ok(())
    }

    /// Sends them to both sides in one batch, and says whether it was answered, and not with an error.
    async fn send(&mut self, batch: Vec<(Partition, Both)>) -> Verdict<bool> {
        let of = |side: usize| batch.iter().map(|(partition, txs)| (*partition, txs[side].clone())).collect();
        let got = self.stores[0].apply(of(0), ApplyOptions::new(Durability::default())).await;
        let expected = self.stores[1].apply(of(1), ApplyOptions::new(Durability::default())).await;
        let (got, expected) = match (got, expected) {
            (Ok(got), Ok(expected)) => (got, expected),
            (Err(got), Err(expected)) => {
                let known = (expected.kind(), expected.certainty());
                ensure_eq!((got.kind(), got.certainty()), known, "the error of an apply, {got},");
                return Ok(false);
            }
            (got, expected) => return Err(Violation::new(format!("got {got:?}, expected {expected:?}"))),
        };
        ensure_eq!(got.len(), expected.len(), "the number of outcomes");
        for (((partition, [_, tx]), got), expected) in batch.into_iter().zip(got).zip(expected) {
            match (got, expected) {
                (Applied::Done { seq: got }, Applied::Done { seq: expected }) => {
                    self.done(partition, tx, [got, expected])?;
                }
                (Applied::Blocked { by }, Applied::Blocked { .. }) => self.is_blocked(partition, &tx, by)?,
                (got, expected) => ensure_eq!(got, expected, "the outcome of {:?} on {partition:?}", tx.step),
            }
        }
        Ok(true)
    }

    /// Notes what was done, and tests that the `seq` says so.
    fn done(&mut self, partition: Partition, tx: MiniTx, seqs: [u64; 2]) -> Verdict {
        let place = (partition, tx.id);
        let was_prepared = self.prepared.contains_key(&place);
        let (step, raises) = (
            tx.step,
            match tx.step {
                Step::Finish(Decision::Aborted) => false,
                Step::Finish(_) => self.prepared.get(&place).is_some_and(|(tx, _)| !tx.effects.is_empty()),
                _ => !tx.effects.is_empty(),
            },
        );
        match step {
            // Nothing new; it says what was said before.
            Step::Prepare { .. } if was_prepared => return Ok(()),
            Step::Prepare { primary, lease } => {
                let blocker = Blocker::new(tx.id, primary, lease == NO_TIME);
                self.prepared.insert(place, (tx, blocker));
            }
            Step::Finish(decision) => {
                self.prepared.remove(&place);
                self.ids.extend((decision == Decision::Committed).then_some(place.1));
            }
            _ => self.ids.push(tx.id),
        }
        let states = self.seqs.entry(partition).or_default();
        let before = states.last().map_or(0, |seqs| seqs[0]);
        let is_raised = if raises { seqs[0] > before } else { seqs[0] >= before };
        ensure!(is_raised, "{step:?} was answered with seq {}, it was {before}", seqs[0]);
        states.push(seqs);
        Ok(())
    }

    /// A store may name any of those that stand in the way; later it has to name the same again.
    fn is_blocked(&mut self, partition: Partition, tx: &MiniTx, by: Blocker) -> Verdict {
        if let Some(before) = self.blocked.get(&(partition, tx.id)) {
            ensure_eq!(by, *before, "who is named when {} is refused again", tx.id);
            return Ok(());
        }
        let prepared = self.prepared.get(&(partition, by.id));
        let meets = prepared.is_some_and(|(prepared, blocker)| *blocker == by && locks::meets(tx, prepared));
        if !meets {
            return Err(Violation::new(format!("{} is blocked by {by:?}, which is not in its way", tx.id)));
        }
        self.blocked.insert((partition, tx.id), by);
        Ok(())
    }
}
