//! One step on its way to its answer.

use std::sync::Arc;

use rome_store::{Applied, Decision, Effect, MiniTx, Step, StoreResult};

use crate::partition_keys::PartitionKeys;
use crate::script::bundle::{self, BatchedStep};
use crate::script::program::Call;

/// The most effects of steps that others wait for.
const FEW: usize = 64;

/// One step on its way to its answer.
pub(super) struct Job<'p> {
    pub(super) partition: &'p PartitionKeys,
    pub(super) tx: MiniTx,
    pub(super) answer: Option<StoreResult<Applied>>,
    /// Whether a copy of it was sent and its reply did not come.
    pub(super) lost: bool,
    /// The node that the slot is on its way to, if its keys are there already.
    pub(super) detour: Option<String>,
    /// The effects of the transaction that it finishes, if that was seen prepared.
    pub(super) found: Option<Arc<[Effect]>>,
    /// Whether it was looked for.
    pub(super) looked: bool,
    /// Whether it shares no call with others.
    pub(super) alone: bool,
}

impl<'p> Job<'p> {
    pub(super) fn new(partition: &'p PartitionKeys, tx: MiniTx, found: Option<Arc<[Effect]>>) -> Self {
        Self { partition, tx, answer: None, lost: false, detour: None, looked: found.is_some(), found, alone: false }
    }

    /// What it will change, as far as is known.
    pub(super) fn effects(&self) -> &[Effect] {
        self.found.as_deref().unwrap_or(&self.tx.effects)
    }

    /// Whether it should look into the lane's record before it is sent again. Others are sent again at once, as S4 allows.
    pub(super) fn wants_its_record(&self) -> bool {
        self.answer.is_none() && self.lost && self.tx.step == Step::One
    }

    /// Whether it needs the effects of the prepared transaction.
    pub(super) fn wants_effects(&self) -> bool {
        self.answer.is_none() && !self.looked && self.tx.step == Step::Finish(Decision::Committed)
    }

    /// Looks for the prepared transaction again.
    pub(super) fn forget_effects(&mut self) {
        self.found = None;
        self.looked = false;
    }

    /// Whether the calls of others may wait for it.
    pub(super) fn is_small(&self) -> bool {
        self.effects().len() <= FEW && bundle::is_light(&self.step(false).call)
    }

    /// The step as it is sent.
    pub(super) fn step(&self, always_write: bool) -> BatchedStep<'_> {
        let effects = match self.tx.step {
            Step::Finish(_) => self.found.as_deref(),
            _ => Some(&*self.tx.effects),
        };
        BatchedStep { call: Call { partition: self.partition, tx: &self.tx, effects, always_write }, alone: self.alone }
    }
}
