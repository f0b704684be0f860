//! Steps for one partition that go out in one call of the script.
//!
//! Half of what a small commit costs the server is the call: reading its arguments, starting the script, looking at the partition
//! and writing the outcome. Commits that come together share all that. Each is judged and carried out by itself, one after the
//! other, as if each had come alone, and each has its own answer.

use redis::{Cmd, Pipeline, Value};
use rome_store::{Check, Effect, Step};

use super::Scripts;
use super::keys::Keys;
use super::program::{self, Call, Data};
use crate::partition_keys::PartitionKeys;

/// The most steps in one call, and effects: the server does nothing else meanwhile.
const STEPS: usize = 64;
const EFFECTS: usize = 256;

/// The most checks of a step that shares a call.
const CHECKS: usize = 64;

/// The most work of a step that shares a call, and of a call: effects, members that checks visit, and kilobytes.
const WORK: u64 = 1024;
const WORK_TOGETHER: u64 = 4096;

/// A step, and whether it may share a call with others.
#[derive(Clone, Copy)]
pub(crate) struct BatchedStep<'a> {
    pub(crate) call: Call<'a>,
    pub(crate) alone: bool,
}

/// Calls of the script.
#[derive(Debug, Default)]
pub(crate) struct Bundles {
    bundles: Vec<Bundle>,
    steps: usize,
}

/// One call of the script.
#[derive(Debug)]
struct Bundle {
    partition: u32,
    keys: Keys,
    /// The programs, and where in the data their own begin.
    programs: Vec<(Vec<u8>, usize)>,
    lanes: Vec<u64>,
    data: Data,
    effects: usize,
    work: u64,
    closed: bool,
}

/// Where the answer to a step will be: in which call, and at which position of its reply.
pub(crate) type AnswerSlot = (usize, usize);

impl Bundles {
    /// How many steps there are.
    pub(crate) const fn len(&self) -> usize {
        self.steps
    }

    /// Adds a step.
    pub(crate) fn add(&mut self, step: &BatchedStep<'_>) -> AnswerSlot {
        let BatchedStep { call, .. } = step;
        let work = work(call);
        let shares = work <= WORK && shares(step);
        let fits = |bundle: &Bundle| shares && bundle.takes(call, work);
        let at = self.bundles.iter().position(fits).unwrap_or_else(|| {
            self.bundles.push(Bundle::new(call.partition, !shares));
            self.bundles.len() - 1
        });
        self.steps += 1;
        (at, self.bundles.get_mut(at).expect("it was found or added just now").add(call, work))
    }

    /// Adds the calls to a pipeline, for this owner; gives the number of steps in each.
    pub(crate) fn finish(self, scripts: &Scripts, owner: &str, pipeline: &mut Pipeline) -> Vec<usize> {
        let add = |bundle: Bundle| {
            let steps = bundle.programs.len();
            pipeline.add_command(bundle.finish(scripts, owner.as_bytes()));
            steps
        };
        self.bundles.into_iter().map(add).collect()
    }
}

/// Whether a step may share a call: one that is soon done, and stands for itself.
fn shares(step: &BatchedStep<'_>) -> bool {
    let Call { tx, always_write, .. } = step.call;
    let is_small = tx.effects.len() <= EFFECTS && tx.reads.len() + tx.checks.len() <= CHECKS;
    let raises = || tx.effects.iter().any(|effect| matches!(effect, Effect::RaiseGate { .. }));
    tx.step == Step::One && is_small && !step.alone && !always_write && !raises()
}

/// Whether a step is so little work that others may wait for it.
pub(crate) fn is_light(call: &Call<'_>) -> bool {
    work(call) <= WORK
}

/// How much work a step is for the server. It counts the members of a span by a walk down a tree, and visits them all to see
/// whether they are the same.
fn work(call: &Call<'_>) -> u64 {
    let visited = |check: &Check| if let Check::Same { n, .. } = check { u64::from(*n) } else { 1 };
    let size = |effect: &Effect| {
        let value = if let Effect::Put { value, .. } = effect { value.len() } else { 0 };
        value + effect.target().map_or(0, |(_, key)| key.len())
    };
    let tx = call.tx;
    let effects = call.effects.unwrap_or_default();
    let sizes = effects.len() + effects.iter().map(size).sum::<usize>() / 1024;
    u64::try_from(sizes).unwrap_or(u64::MAX).saturating_add(tx.reads.iter().chain(&tx.checks).map(visited).sum())
}

impl Bundle {
    fn new(partition: &PartitionKeys, closed: bool) -> Self {
        let keys = Keys::new(&[&partition.layout.meta]);
        let (programs, lanes, data) = (Vec::new(), Vec::new(), Data::default());
        Self { partition: partition.number, keys, programs, lanes, data, effects: 0, work: 0, closed }
    }

    /// Whether it has room for this step. One lane cannot be twice in a call, which reads all lanes first.
    fn takes(&self, call: &Call<'_>, work: u64) -> bool {
        self.partition == call.partition.number
            && !self.closed
            && self.programs.len() < STEPS
            && self.effects + call.tx.effects.len() <= EFFECTS
            && self.work + work <= WORK_TOGETHER
            && !self.lanes.contains(&call.tx.id.lane)
    }

    fn add(&mut self, call: &Call<'_>, work: u64) -> usize {
        let start = self.data.len();
        let program = program::encode(call, &mut self.keys, &mut self.data);
        self.programs.push((program, start));
        self.lanes.push(call.tx.id.lane);
        self.effects += call.tx.effects.len();
        self.work = self.work.saturating_add(work);
        self.programs.len() - 1
    }

    fn finish(mut self, scripts: &Scripts, owner: &[u8]) -> Cmd {
        let programs = self.programs.len();
        // The owner and the programs stand before the data; Lua counts from 1.
        let data_at = programs + 2;
        let bytes = owner.len() + 64 * programs + self.data.size();
        let arguments = 1 + programs + self.data.len();
        let mut call = scripts.apply.call_with_room(self.keys.names(), arguments, bytes);
        call.arg(owner);
        for (program, start) in &mut self.programs {
            program::finish(program, programs, data_at + *start);
            call.arg(&**program);
        }
        for datum in self.data.iter() {
            call.arg(datum);
        }
        call
    }
}

/// The answers to the steps of each call, from the replies to the calls.
#[derive(Debug)]
pub(crate) struct Answers(Vec<Vec<Value>>);

impl Answers {
    /// From the number of steps in each call, and the replies.
    pub(crate) fn new(steps: &[usize], replies: impl Iterator<Item = Value>) -> Self {
        Self(steps.iter().zip(replies).map(|(n, reply)| each(*n, reply)).collect())
    }

    /// The answer to a step.
    pub(crate) fn take(&mut self, (call, position): AnswerSlot) -> Value {
        let answer = self.0.get_mut(call).and_then(|answers| answers.get_mut(position));
        answer.map_or(Value::Nil, |answer| std::mem::replace(answer, Value::Nil))
    }
}

/// What each of `n` steps is told by the reply to their call: a refusal of the whole call is told to all of them.
fn each(n: usize, reply: Value) -> Vec<Value> {
    match reply {
        Value::Array(answers) if n > 1 && answers.len() == n => answers,
        other => vec![other; n],
    }
}
