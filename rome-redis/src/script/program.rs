//! A minitransaction as a program of the apply script; `script/apply.lua` says what its parts mean.

use std::io::Write;

use rome_store::{Check, Decision, Effect, MiniTx, Space, Step, TxId};

use super::keys::Keys;
use super::names::*;
use crate::layout::{self, Layout};
use crate::partition_keys::PartitionKeys;

/// One step, and how it is carried out.
#[derive(Clone, Copy)]
pub(crate) struct Call<'a> {
    pub(crate) partition: &'a PartitionKeys,
    pub(crate) tx: &'a MiniTx,
    /// What to carry out: that of the step, or that of the prepared transaction which it finishes. None if no prepared one
    /// was seen.
    pub(crate) effects: Option<&'a [Effect]>,
    /// Whether a repeat writes too.
    pub(crate) always_write: bool,
}

/// Arguments one behind the other.
#[derive(Debug, Default)]
pub(crate) struct Data {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Data {
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// How many bytes they are.
    pub(crate) fn size(&self) -> usize {
        self.bytes.len()
    }

    /// The arguments in their order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts
            .zip(&self.ends)
            .map(|(start, end)| self.bytes.get(start..*end).expect("each argument ends behind the one before it"))
    }

    /// Makes room for what a step with so many checks and these effects takes, as a rule.
    fn reserve(&mut self, checks: usize, effects: &[Effect]) {
        let size = |effect: &Effect| match effect {
            Effect::Put { key, value, .. } => key.len() + value.len() + TxId::LEN,
            other => other.target().map_or(0, |(_, key)| key.len()) + 16,
        };
        self.bytes.reserve(32 + 64 * checks.min(64) + effects.iter().map(size).sum::<usize>());
        self.ends.reserve(2 + 2 * (checks + effects.len()));
    }

    fn push(&mut self, part: &[u8]) {
        self.push_joined(&[part]);
    }

    fn push_joined(&mut self, parts: &[&[u8]]) {
        for part in parts {
            self.bytes.extend_from_slice(part);
        }
        self.ends.push(self.bytes.len());
    }

    fn push_number(&mut self, number: u64) {
        // A vector takes all that is written.
        write!(self.bytes, "{number}").ok();
        self.ends.push(self.bytes.len());
    }
}

/// Adds what a step takes to `data`, its keys to `keys`, and gives its program. What only the whole call can tell is filled in
/// by [`finish`].
pub(crate) fn encode(call: &Call<'_>, keys: &mut Keys, data: &mut Data) -> Vec<u8> {
    let Call { partition, tx, .. } = *call;
    let effects = call.effects.unwrap_or_default();
    let (new, sentinels) = new_spaces(partition, effects);
    let fused = if sentinels == 0 { fused(tx, effects) } else { None };
    let checks = tx.reads.len() + tx.checks.len();
    data.reserve(checks, effects);
    let header = usize::from(HEADER);
    let mut program = Vec::with_capacity(header + 8 * checks + 5 * effects.len() + 3 * sentinels);
    program.resize(header, 0);
    if let Some(seq) = tx.unchanged_since {
        data.push_number(seq);
    }
    let start = data.len();
    let mut after_reads = (header + 1, 0);
    for (at, check) in tx.reads.iter().chain(&tx.checks).enumerate() {
        if fused.is_none() || at + 1 < checks {
            check_op(&mut program, &partition.layout, keys, check);
            write_check(data, check);
        }
        if at + 1 == tx.reads.len() {
            after_reads = (program.len() + 1, data.len() - start);
        }
    }
    for space in new {
        let (hash, ordered) = keys.position(&partition.layout, space);
        if hash != ordered {
            op(&mut program, OP_HASH_SENTINEL, &[hash]);
        }
        op(&mut program, OP_SET_SENTINEL, &[ordered]);
    }
    let first = fused.and_then(|at| effects.get(at));
    let others = effects.iter().enumerate().filter(|(at, _)| Some(*at) != fused).map(|(_, effect)| effect);
    for effect in first.into_iter().chain(others) {
        effect_op(&mut program, &partition.layout, keys, effect);
        write_effect(data, tx, effect);
    }
    if let Step::Prepare { primary, lease } = tx.step {
        data.push([primary.0.to_be_bytes(), lease.to_be_bytes()].as_flattened());
    }
    let spans = tx.reads.iter().chain(&tx.checks).any(|check| matches!(check, Check::Same { .. }));
    let adds = effects.iter().any(|effect| matches!(effect, Effect::Add { .. }));
    let flags = FLAG_ALWAYS_WRITE * u8::from(call.always_write)
        + FLAG_ADDS * u8::from(adds)
        + FLAG_UNCHANGED_SINCE * u8::from(tx.unchanged_since.is_some())
        + FLAG_FUSED * u8::from(fused.is_some())
        + FLAG_SPANS * u8::from(spans);
    let number = |n: usize| u32::try_from(n).expect("a transaction has fewer parts than that").to_be_bytes();
    let few = |n: usize| u8::try_from(n).unwrap_or(u8::MAX);
    let counts = [tx.reads.len(), checks, sentinels];
    let whole_counts = counts.map(number);
    let parts: [&[u8]; 7] = [
        &tx.id.to_bytes(),
        &[flags, step(tx, call.effects), 0, 0, 0],
        &counts.map(few),
        &tx.schema.to_be_bytes(),
        whole_counts.as_flattened(),
        &number(after_reads.0),
        &number(after_reads.1),
    ];
    for (byte, part) in program.iter_mut().zip(parts.into_iter().flatten()) {
        *byte = *part;
    }
    program
}

/// Fills in how many programs come together, and where in the arguments the data of this one begin.
pub(crate) fn finish(program: &mut [u8], programs: usize, start: usize) {
    let programs = u8::try_from(programs).expect("fewer programs come together than that");
    // A call of one may have any number of arguments, and begins with them.
    let [high, low] =
        u16::try_from(start).expect("programs that come together have fewer data than that").to_be_bytes();
    let at = usize::from(AT_PROGRAMS);
    let bytes = program.get_mut(at..at + 3).expect("a program has its header");
    bytes.copy_from_slice(&[programs, high, low]);
}

/// The spaces that are not known to have their sentinels, and how many those are.
fn new_spaces(partition: &PartitionKeys, effects: &[Effect]) -> (Vec<Space>, usize) {
    let mut new = Vec::new();
    let mut sentinels = 0;
    for (space, _) in effects.iter().filter_map(Effect::target) {
        if !new.contains(&space) && !partition.is_ready(space) {
            new.push(space);
            sentinels += if matches!(space, Space::Index(_)) { 1 } else { 2 };
        }
    }
    (new, sentinels)
}

/// The put that the last check speaks of, if one command can do both: nothing may come between them that could still refuse.
fn fused(tx: &MiniTx, effects: &[Effect]) -> Option<usize> {
    let last = tx.checks.last().or(tx.reads.last())?;
    let Check::Version { space, key, expect: None } = last else { return None };
    if tx.step != Step::One || effects.iter().any(|effect| matches!(effect, Effect::Add { .. })) {
        return None;
    }
    let at = effects.iter().position(|effect| effect.target().is_some_and(|target| target == (*space, key)))?;
    matches!(effects.get(at), Some(Effect::Put { .. })).then_some(at)
}

/// The number of a step.
const fn step(tx: &MiniTx, effects: Option<&[Effect]>) -> u8 {
    match tx.step {
        Step::Prepare { .. } => STEP_PREPARE,
        Step::Push { abort: false } => STEP_PUSH,
        Step::Push { abort: true } => STEP_PUSH_ABORT,
        Step::Finish(Decision::Aborted) => STEP_ABORT,
        Step::Finish(Decision::Committed) if effects.is_some() => STEP_COMMIT,
        Step::Finish(Decision::Committed) => STEP_COMMIT_UNSEEN,
        Step::One => STEP_ONE,
        _ => panic!("a step that this store does not know is refused before it is encoded"),
    }
}

/// An operation and the positions of the keys it works on.
fn op(ops: &mut Vec<u8>, name: u8, positions: &[usize]) {
    ops.push(name);
    for position in positions {
        let position = u16::try_from(*position).expect("a transaction touches fewer keys than that");
        ops.extend_from_slice(&position.to_be_bytes());
    }
}

/// How many arguments of data a check takes.
pub(crate) const fn data_of(check: &Check) -> usize {
    match check {
        Check::Version { expect: None, .. } => 1,
        Check::Version { .. } => 2,
        Check::Count { .. } => 4,
        Check::Same { .. } => 5,
        _ => 0,
    }
}

/// Adds a check to the program.
fn check_op(ops: &mut Vec<u8>, layout: &Layout, keys: &mut Keys, check: &Check) {
    match check {
        Check::Version { space, expect, .. } => {
            op(ops, if expect.is_some() { OP_VERSION } else { OP_ABSENT }, &[keys.position(layout, *space).0]);
        }
        Check::Count { span, .. } => {
            op(ops, OP_COUNT, &[keys.position(layout, span.space).1]);
        }
        Check::Same { span, rows, .. } => {
            let (hash, ordered) = keys.position(layout, span.space);
            let (hash, mode) = match rows {
                Some(table) => (keys.position(layout, Space::Rows(*table)).0, MODE_ROWS),
                None if span.space.is_versioned() => (hash, MODE_KEYS),
                None => (hash, MODE_MEMBERS),
            };
            op(ops, OP_SAME, &[ordered, hash]);
            ops.extend_from_slice(&[mode, u8::from(span.reverse)]);
        }
        _ => unreachable!("a check that this store does not know is refused before it is encoded: {check:?}"),
    }
}

fn effect_op(ops: &mut Vec<u8>, layout: &Layout, keys: &mut Keys, effect: &Effect) {
    let name = match effect {
        Effect::Put { space: Space::Index(_), .. } => OP_PUT_ENTRY,
        Effect::Put { space, .. } if space.is_versioned() => OP_PUT_VERSIONED,
        Effect::Put { .. } => OP_PUT,
        Effect::Delete { space: Space::Index(_), .. } => OP_DELETE_ENTRY,
        Effect::Delete { .. } => OP_DELETE,
        Effect::Add { space, .. } if space.is_versioned() => OP_ADD_VERSIONED,
        Effect::Add { .. } => OP_ADD,
        Effect::RaiseGate { .. } => OP_RAISE_GATE,
        Effect::Retire { .. } => OP_RETIRE,
        _ => unreachable!("an effect that this store does not know is refused before it is encoded: {effect:?}"),
    };
    let space = match effect {
        Effect::Retire { space } => Some(*space),
        effect => effect.target().map(|(space, _)| space),
    };
    let (hash, ordered) = space.map_or((0, 0), |space| keys.position(layout, space));
    op(ops, name, &[hash, ordered]);
}

fn write_check(data: &mut Data, check: &Check) {
    match check {
        Check::Version { key, expect, .. } => {
            data.push(&layout::stored(key));
            if let Some(id) = expect {
                data.push(&id.to_bytes());
            }
        }
        Check::Count { span, n } => {
            data.push(&layout::lowest(span));
            data.push(&layout::highest(span));
            data.push_number(span.limit.map_or(u64::MAX, u64::from));
            data.push_number(*n);
        }
        Check::Same { span, n, digest, .. } => {
            data.push(&layout::lowest(span));
            data.push(&layout::highest(span));
            // One more than expected proves that it is not the same.
            data.push_number(span.limit.unwrap_or(u32::MAX).min(n.saturating_add(1)).into());
            data.push_number(u64::from(*n));
            data.push(&digest.0);
        }
        _ => {}
    }
}

fn write_effect(data: &mut Data, tx: &MiniTx, effect: &Effect) {
    if let Some((_, key)) = effect.target() {
        data.push(&layout::stored(key));
    }
    match effect {
        Effect::Put { space: Space::Index(_), .. } => {}
        Effect::Put { space, value, .. } if space.is_versioned() => data.push_joined(&[&tx.id.to_bytes(), value]),
        Effect::Put { value, .. } => data.push(value),
        Effect::Add { delta, .. } => data.push(&delta.to_be_bytes()),
        Effect::RaiseGate { oldest } => data.push_number(u64::from(*oldest)),
        Effect::Retire { space } => data.push(layout::retired(*space).as_bytes()),
        _ => {}
    }
}
