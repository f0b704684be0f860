//! A minitransaction as a call of the apply script; `script/apply.lua` says what the arguments mean.

use std::io::Write;

use redis::{Cmd, RedisWrite};
use rome_core::store::{Check, Decision, Effect, MiniTx, Space, Step};

use crate::layout::{self, Layout};
use crate::place::Place;
use crate::script::Script;

/// The bytes of the program before its checks, and the arguments before its data.
const HEADER: usize = 41;
const ARGUMENTS: usize = 3;

/// The keys that a call declares: all that it touches, by their places.
pub(crate) struct Keys {
    names: Vec<Vec<u8>>,
    /// The space, the place of its hash (for an index, that of its sorted set), the place of its sorted set.
    spaces: Vec<(Space, usize, usize)>,
}

impl Keys {
    pub(crate) fn new(fixed: &[&[u8]]) -> Self {
        Self { names: fixed.iter().map(|name| name.to_vec()).collect(), spaces: Vec::new() }
    }

    /// The places of a space's keys, from 1 as Lua counts.
    pub(crate) fn place(&mut self, layout: &Layout, space: Space) -> (usize, usize) {
        if let Some((_, hash, ordered)) = self.spaces.iter().find(|(known, ..)| *known == space) {
            return (*hash, *ordered);
        }
        if let Some(hash) = layout.hash(space) {
            self.names.push(hash);
        }
        let hash = self.names.len();
        self.names.push(layout.ordered(space));
        let ordered = self.names.len();
        let hash = if matches!(space, Space::Index(_)) { ordered } else { hash };
        self.spaces.push((space, hash, ordered));
        (hash, ordered)
    }

    /// All names, in the order of their places.
    pub(crate) fn names(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        self.names.iter().map(Vec::as_slice)
    }
}

/// For whom a step is, and how.
pub(crate) struct Call<'a> {
    pub(crate) script: &'a Script,
    pub(crate) place: &'a Place,
    /// The database.
    pub(crate) database: &'a str,
    /// The process that it is meant for.
    pub(crate) run: &'a str,
    /// What to carry out: that of the step, or that of the prepared transaction which it finishes. None if no prepared one
    /// was seen.
    pub(crate) effects: Option<&'a [Effect]>,
    /// Whether a repeat writes too.
    pub(crate) always_write: bool,
}

/// The call that does the step `tx`.
pub(crate) fn encode(how: &Call<'_>, tx: &MiniTx) -> Cmd {
    let layout = &how.place.layout;
    let mut keys = Keys::new(&[&layout.meta]);
    let effects = how.effects.unwrap_or_default();
    let (program, after_header) = program(how, tx, effects, &mut keys);
    let checks = || tx.reads.iter().chain(&tx.checks);
    let arguments = ARGUMENTS + checks().map(data_of).sum::<usize>() + 2 * effects.len();
    let bytes = 64 + HEADER + after_header.len() + 64 * checks().count() + effects.iter().map(size_of).sum::<usize>();
    let mut call = how.script.call_with_room(keys.names(), arguments, bytes);
    let mut whole = call.writer_for_next_arg();
    whole.write_all(&program).and_then(|()| whole.write_all(&after_header)).expect(IN_MEMORY);
    drop(whole);
    let mut owner = call.writer_for_next_arg();
    for part in [how.database, ":", how.run] {
        owner.write_all(part.as_bytes()).expect(IN_MEMORY);
    }
    drop(owner);
    match tx.unchanged_since {
        Some(seq) => call.arg(seq),
        None => call.arg(""),
    };
    for check in checks() {
        write_check(&mut call, check);
    }
    for effect in effects {
        write_effect(&mut call, tx, effect);
    }
    if let Step::Prepare { primary, lease } = tx.step {
        call.arg([primary.0.to_be_bytes(), lease.to_be_bytes()].as_flattened());
    }
    call
}

/// The number of a step; `script/apply.lua` has them.
const fn step(tx: &MiniTx, effects: Option<&[Effect]>) -> u8 {
    match tx.step {
        Step::Prepare { .. } => 1,
        Step::Push { abort: false } => 2,
        Step::Push { abort: true } => 3,
        Step::Finish(Decision::Aborted) => 4,
        Step::Finish(Decision::Committed) if effects.is_some() => 5,
        Step::Finish(Decision::Committed) => 6,
        _ => 0,
    }
}

/// About how many bytes an effect takes.
fn size_of(effect: &Effect) -> usize {
    let key = effect.target().map_or(0, |(_, key)| key.len());
    match effect {
        Effect::Put { value, .. } => key + 16 + value.len(),
        _ => key + 16,
    }
}

const IN_MEMORY: &str = "memory takes all that is written";

/// The header of the program, and the rest of it.
fn program(how: &Call<'_>, tx: &MiniTx, effects: &[Effect], keys: &mut Keys) -> ([u8; HEADER], Vec<u8>) {
    let layout = &how.place.layout;
    let mut ops = Vec::with_capacity(8 * (tx.reads.len() + tx.checks.len()) + 5 * effects.len() + 12);
    let (mut data, mut after_reads) = (ARGUMENTS + 1, (HEADER + 1, ARGUMENTS + 1));
    for (at, check) in tx.reads.iter().chain(&tx.checks).enumerate() {
        check_op(&mut ops, layout, keys, check);
        data += data_of(check);
        if at + 1 == tx.reads.len() {
            after_reads = (HEADER + 1 + ops.len(), data);
        }
    }
    let mut sentinels = 0;
    let mut new = Vec::new();
    for (space, _) in effects.iter().filter_map(Effect::target) {
        let (hash, ordered) = keys.place(layout, space);
        if new.contains(&space) || how.place.is_ready(space) {
            continue;
        }
        new.push(space);
        if hash != ordered {
            op(&mut ops, b'h', &[hash]);
            sentinels += 1;
        }
        op(&mut ops, b'z', &[ordered]);
        sentinels += 1;
    }
    for effect in effects {
        effect_op(&mut ops, layout, keys, effect);
    }
    let adds = effects.iter().any(|effect| matches!(effect, Effect::Add { .. }));
    let number = |n: usize| u32::try_from(n).expect("a transaction has fewer parts than that").to_be_bytes();
    let mut header = [0; HEADER];
    let parts: [&[u8]; 8] = [
        &tx.id.to_bytes(),
        &[u8::from(how.always_write) + 2 * u8::from(adds) + 4 * step(tx, how.effects)],
        &tx.schema.to_be_bytes(),
        &number(tx.reads.len()),
        &number(tx.reads.len() + tx.checks.len()),
        &number(sentinels),
        &number(after_reads.0),
        &number(after_reads.1),
    ];
    for (byte, part) in header.iter_mut().zip(parts.into_iter().flatten()) {
        *byte = *part;
    }
    (header, ops)
}

/// An operation and the places of the keys it works on.
fn op(ops: &mut Vec<u8>, name: u8, places: &[usize]) {
    ops.push(name);
    for place in places {
        let place = u16::try_from(*place).expect("a transaction touches fewer keys than that");
        ops.extend_from_slice(&place.to_be_bytes());
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
            op(ops, if expect.is_some() { b'V' } else { b'N' }, &[keys.place(layout, *space).0]);
        }
        Check::Count { span, .. } => {
            op(ops, b'C', &[keys.place(layout, span.space).1]);
        }
        Check::Same { span, rows, .. } => {
            let (hash, ordered) = keys.place(layout, span.space);
            let (hash, mode) = match rows {
                Some(table) => (keys.place(layout, Space::Rows(*table)).0, b'r'),
                None if span.space.is_versioned() => (hash, b'k'),
                None => (hash, b'n'),
            };
            op(ops, b'E', &[ordered, hash]);
            ops.extend_from_slice(&[mode, u8::from(span.reverse)]);
        }
        _ => unreachable!("a check that this store does not know is refused before it is encoded: {check:?}"),
    }
}

fn effect_op(ops: &mut Vec<u8>, layout: &Layout, keys: &mut Keys, effect: &Effect) {
    let name = match effect {
        Effect::Put { space: Space::Index(_), .. } => b'I',
        Effect::Put { space, .. } if space.is_versioned() => b'Q',
        Effect::Put { .. } => b'P',
        Effect::Delete { space: Space::Index(_), .. } => b'x',
        Effect::Delete { .. } => b'd',
        Effect::Add { space, .. } if space.is_versioned() => b'B',
        Effect::Add { .. } => b'A',
        Effect::RaiseGate { .. } => b'G',
        _ => unreachable!("an effect that this store does not know is refused before it is encoded: {effect:?}"),
    };
    let (hash, ordered) = effect.target().map_or((0, 0), |(space, _)| keys.place(layout, space));
    op(ops, name, &[hash, ordered]);
}

fn write_check(call: &mut Cmd, check: &Check) {
    match check {
        Check::Version { key, expect, .. } => {
            call.arg(&*layout::stored(key));
            if let Some(id) = expect {
                call.arg(&id.to_bytes()[..]);
            }
        }
        Check::Count { span, n } => {
            let limit = span.limit.map_or(u64::MAX, u64::from);
            call.arg(layout::lowest(span)).arg(layout::highest(span)).arg(limit).arg(*n);
        }
        Check::Same { span, n, digest, .. } => {
            // One more than expected proves that it is not the same.
            let most = span.limit.unwrap_or(u32::MAX).min(n.saturating_add(1));
            call.arg(layout::lowest(span)).arg(layout::highest(span)).arg(most).arg(*n).arg(&digest.0[..]);
        }
        _ => {}
    }
}

fn write_effect(call: &mut Cmd, tx: &MiniTx, effect: &Effect) {
    if let Some((_, key)) = effect.target() {
        call.arg(&*layout::stored(key));
    }
    match effect {
        Effect::Put { space: Space::Index(_), .. } => {}
        Effect::Put { space, value, .. } if space.is_versioned() => {
            let mut record = call.writer_for_next_arg();
            record.write_all(&tx.id.to_bytes()).and_then(|()| record.write_all(value)).expect(IN_MEMORY);
        }
        Effect::Put { value, .. } => {
            call.arg(&value[..]);
        }
        Effect::Add { delta, .. } => {
            call.arg(&delta.to_be_bytes()[..]);
        }
        Effect::RaiseGate { oldest } => {
            call.arg(*oldest);
        }
        _ => {}
    }
}
