//! A minitransaction as a call of the apply script; `script/apply.lua` says what the arguments mean.

use redis::{Cmd, RedisWrite};
use rome_core::store::{Check, Effect, MiniTx, Space};

use crate::layout::{self, Layout};
use crate::script::Script;
use std::io::Write;

/// Arguments before the checks.
const HEADER: usize = 11;

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

/// The call that applies `tx` to the database `id`.
///
/// `has_sentinel` says of which spaces it is known that their keys have theirs; `always_write` makes a repeat write too.
pub(crate) fn encode(
    script: &Script,
    layout: &Layout,
    database: &str,
    tx: &MiniTx,
    has_sentinel: impl Fn(Space) -> bool,
    always_write: bool,
) -> Cmd {
    let mut keys = Keys::new(&[&layout.meta, &layout.outcomes]);
    for space in tx.reads.iter().chain(&tx.checks).flat_map(spaces_of) {
        keys.place(layout, space);
    }
    let mut new = Vec::new();
    for (space, _) in tx.effects.iter().filter_map(Effect::target) {
        keys.place(layout, space);
        if !new.contains(&space) && !has_sentinel(space) {
            new.push(space);
        }
    }
    let checks = HEADER + 1 + tx.reads.iter().map(arguments_of).sum::<usize>();
    let sentinels = checks + tx.checks.iter().map(arguments_of).sum::<usize>();
    let effects =
        sentinels + new.iter().map(|space| if matches!(space, Space::Index(_)) { 2 } else { 4 }).sum::<usize>();

    let mut call = script.call(keys.names());
    call.arg(&tx.id.to_bytes()[..]).arg(database).arg(tx.schema);
    match tx.unchanged_since {
        Some(seq) => call.arg(seq),
        None => call.arg(""),
    };
    call.arg(u8::from(always_write)).arg(checks).arg(tx.reads.len()).arg(tx.reads.len() + tx.checks.len());
    call.arg(sentinels).arg(effects);
    call.arg(u8::from(tx.effects.iter().any(|effect| matches!(effect, Effect::Add { .. }))));
    for check in tx.reads.iter().chain(&tx.checks) {
        write_check(&mut call, layout, &mut keys, check);
    }
    for space in new {
        let (hash, ordered) = keys.place(layout, space);
        if hash != ordered {
            call.arg("h").arg(hash);
        }
        call.arg("z").arg(ordered);
    }
    for effect in &tx.effects {
        write_effect(&mut call, layout, &mut keys, tx, effect);
    }
    call
}

fn spaces_of(check: &Check) -> impl Iterator<Item = Space> {
    let (first, second) = match check {
        Check::Version { space, .. } => (Some(*space), None),
        Check::Same { span, rows, .. } => (Some(span.space), rows.map(Space::Rows)),
        Check::Count { span, .. } => (Some(span.space), None),
        _ => (None, None),
    };
    first.into_iter().chain(second)
}

const fn arguments_of(check: &Check) -> usize {
    match check {
        Check::Version { .. } => 4,
        Check::Count { .. } => 6,
        Check::Same { .. } => 10,
        _ => 1,
    }
}

fn write_check(call: &mut Cmd, layout: &Layout, keys: &mut Keys, check: &Check) {
    match check {
        Check::Version { space, key, expect } => {
            call.arg("V").arg(keys.place(layout, *space).0).arg(&*layout::stored(key));
            match expect {
                Some(id) => call.arg(&id.to_bytes()[..]),
                None => call.arg(""),
            };
        }
        Check::Count { span, n } => {
            let limit = span.limit.map_or(u64::MAX, u64::from);
            call.arg("C").arg(keys.place(layout, span.space).1).arg(layout::lowest(span)).arg(layout::highest(span));
            call.arg(limit).arg(*n);
        }
        Check::Same { span, rows, n, digest } => {
            let (hash, ordered) = keys.place(layout, span.space);
            let (hash, mode) = match rows {
                Some(table) => (keys.place(layout, Space::Rows(*table)).0, "r"),
                None if span.space.is_versioned() => (hash, "k"),
                None => (hash, "n"),
            };
            // One more than expected proves that it is not the same.
            let most = span.limit.unwrap_or(u32::MAX).min(n.saturating_add(1));
            call.arg("E").arg(ordered).arg(hash).arg(mode);
            call.arg(layout::lowest(span)).arg(layout::highest(span)).arg(u8::from(span.reverse));
            call.arg(most).arg(*n).arg(&digest.0[..]);
        }
        _ => {
            call.arg("F");
        }
    }
}

fn write_effect(call: &mut Cmd, layout: &Layout, keys: &mut Keys, tx: &MiniTx, effect: &Effect) {
    match effect {
        Effect::Put { space: space @ Space::Index(_), key, .. } => {
            let ordered = keys.place(layout, *space).1;
            call.arg("I").arg(ordered).arg("").arg(&*layout::stored(key)).arg("");
        }
        Effect::Put { space, key, value } => {
            let (hash, ordered) = keys.place(layout, *space);
            call.arg(if space.is_versioned() { "Q" } else { "P" });
            call.arg(hash).arg(ordered).arg(&*layout::stored(key));
            let mut record = call.writer_for_next_arg();
            let version = tx.id.to_bytes();
            let version = if space.is_versioned() { &version[..] } else { &[] };
            record.write_all(version).and_then(|()| record.write_all(value)).expect("memory takes all that is written");
        }
        Effect::Delete { space, key } => {
            let (hash, ordered) = keys.place(layout, *space);
            call.arg(if hash == ordered { "x" } else { "d" }).arg(hash).arg(ordered);
            call.arg(&*layout::stored(key)).arg("");
        }
        Effect::Add { space, key, delta } => {
            let (hash, ordered) = keys.place(layout, *space);
            call.arg(if space.is_versioned() { "B" } else { "A" }).arg(hash).arg(ordered);
            call.arg(&*layout::stored(key)).arg(&delta.to_be_bytes()[..]);
        }
        Effect::RaiseGate { oldest } => {
            call.arg("G").arg("").arg("").arg(*oldest).arg("");
        }
        _ => unreachable!("an effect that this store does not know is refused before it is encoded: {effect:?}"),
    }
}
