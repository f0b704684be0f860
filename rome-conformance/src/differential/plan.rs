//! Random calls, before they are made: few keys, few values, so that they meet.

use std::ops::Bound;

use bytes::Bytes;
use proptest::prelude::*;
use rome_store::{Decision, Effect, SequenceId, Space, Span, TableId};

use crate::client::{CLAIMS, HOUR, INDEX, NO_TIME, ROWS, SUMS, TABLE, entry};

/// How many lanes send minitransactions.
pub(super) const LANES: usize = 3;
/// How many partitions are worked on, if the store has as many.
pub(super) const PARTITIONS: u32 = 3;
/// How many values a row can have; its entry lies under its value.
const VALUES: u8 = 3;

#[derive(Debug, Clone)]
pub(super) enum Call {
    /// Reads of some partitions, in one call.
    Read(Vec<(u32, Vec<Wish>)>),
    /// A transaction on one partition; or the part at the primary, if the lane has a transaction over several.
    One(Plan),
    /// A part of the lane's transaction over several partitions, which begins if there is none.
    Prepare {
        plan: Plan,
        primary: u32,
        lease: u32,
    },
    /// Asks for the lane's transaction so many before.
    Push {
        lane: usize,
        ago: usize,
        abort: bool,
    },
    /// Finishes the lane's transaction so many before on one partition.
    Finish {
        lane: usize,
        ago: usize,
        partition: u32,
        decision: Decision,
    },
    /// Finishes the lane's transaction over several partitions wherever it is prepared, or leaves it; the lane goes on.
    End(usize, Option<Decision>),
    /// What the lane sent so many before, once more.
    Again(usize, usize),
    /// One that comes after a later one of its lane.
    Late(usize, Vec<Effect>),
    Reserve(SequenceId, u32),
}

/// A read, without its filter.
#[derive(Debug, Clone)]
pub(super) enum Wish {
    Get(Space, Bytes),
    Claimed(Bytes),
    Scan { span: Span, filtered: bool, want: Option<u32> },
    ScanRows { index: Span, filtered: bool, want: Option<u32> },
    Count(Span),
}

#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub(super) lane: usize,
    pub(super) partition: u32,
    pub(super) schema: u32,
    /// How many states ago its reads are said to have happened.
    pub(super) unchanged_since: Option<usize>,
    pub(super) reads: Vec<Expectation>,
    pub(super) checks: Vec<Expectation>,
    pub(super) effects: Vec<Effect>,
}

/// A check, before it is known what it has to look for.
#[derive(Debug, Clone)]
pub(super) enum Expectation {
    Absent(Space, Bytes),
    /// What is there now.
    Present(Space, Bytes),
    /// What a transaction so many before wrote.
    Old(Space, Bytes, usize),
    /// What a tracked scan so many before saw.
    Carried(usize),
    Count(Span, u64),
    Free,
}

fn key() -> impl Strategy<Value = Bytes> {
    prop::sample::select(vec!["a", "ab", "b", "c", "c\0", "\u{7f}"]).prop_map(Bytes::from)
}

/// So few that their sums overflow now and then.
fn counter() -> impl Strategy<Value = Bytes> {
    prop::sample::select(vec!["a", "b"]).prop_map(Bytes::from)
}

fn span(space: Space) -> impl Strategy<Value = Span> {
    let end = move || {
        let key =
            (key(), 0..VALUES).prop_map(move |(key, value)| if space == INDEX { entry(&[value], &key) } else { key });
        (key, 0..3).prop_map(|(key, kind)| match kind {
            0 => Bound::Unbounded,
            1 => Bound::Included(key),
            _ => Bound::Excluded(key),
        })
    };
    (end(), end(), any::<bool>(), most())
        .prop_map(move |(lo, hi, reverse, limit)| Span::between(space, lo, hi).reversed(reverse).limited(limit))
}

fn most() -> impl Strategy<Value = Option<u32>> {
    prop_oneof![Just(None), (1..5_u32).prop_map(Some)]
}

fn any_span() -> impl Strategy<Value = Span> {
    prop_oneof![span(ROWS), span(INDEX), span(CLAIMS)]
}

fn wish() -> impl Strategy<Value = Wish> {
    let space = prop::sample::select(vec![ROWS, CLAIMS, Space::Meta]);
    prop_oneof![
        2 => (space, key()).prop_map(|(space, key)| Wish::Get(space, key)),
        1 => counter().prop_map(|key| Wish::Get(SUMS, key)),
        1 => key().prop_map(Wish::Claimed),
        4 => (any_span(), any::<bool>(), most())
            .prop_map(|(span, filtered, want)| Wish::Scan { filtered: filtered && span.space == ROWS, span, want }),
        4 => (span(INDEX), any::<bool>(), most())
            .prop_map(|(index, filtered, want)| Wish::ScanRows { index, filtered, want }),
        1 => any_span().prop_map(Wish::Count),
    ]
}

fn versioned() -> impl Strategy<Value = Space> {
    prop::sample::select(vec![ROWS, CLAIMS, Space::Meta])
}

fn expectation() -> impl Strategy<Value = Expectation> {
    prop_oneof![
        1 => (versioned(), key()).prop_map(|(space, key)| Expectation::Absent(space, key)),
        4 => (versioned(), key()).prop_map(|(space, key)| Expectation::Present(space, key)),
        1 => (versioned(), key(), 0..6_usize).prop_map(|(space, key, ago)| Expectation::Old(space, key, ago)),
        5 => (0..4_usize).prop_map(Expectation::Carried),
        1 => (any_span(), 0..4_u64).prop_map(|(span, n)| Expectation::Count(span, n)),
        1 => Just(Expectation::Free),
    ]
}

/// A row with its entry and its claim, or without them: what a session would write.
fn write_row(key: &Bytes, value: Option<u8>) -> Vec<Effect> {
    let (row, claim) = (key.clone(), key.clone());
    let mut effects: Vec<_> = (0..VALUES)
        .filter(|old| value != Some(*old))
        .map(|old| Effect::Delete { space: INDEX, key: entry(&[old], key) })
        .collect();
    if let Some(value) = value {
        effects.push(Effect::Put { space: ROWS, key: row.clone(), value: vec![value].into() });
        effects.push(Effect::Put { space: INDEX, key: entry(&[value], key), value: Bytes::new() });
        effects.push(Effect::Put { space: CLAIMS, key: claim, value: row });
    } else {
        effects.push(Effect::Delete { space: ROWS, key: row });
        effects.push(Effect::Delete { space: CLAIMS, key: claim });
    }
    effects
}

fn effects() -> impl Strategy<Value = Vec<Effect>> {
    let deltas = prop::sample::select(vec![1, -2, i128::MAX - 1, i128::MIN + 1]);
    let one = prop_oneof![
        6 => (key(), 0..VALUES).prop_map(|(key, value)| write_row(&key, Some(value))),
        3 => key().prop_map(|key| write_row(&key, None)),
        4 => (counter(), deltas).prop_map(|(key, delta)| vec![Effect::Add { space: SUMS, key, delta }]),
        1 => counter().prop_map(|key| vec![Effect::Delete { space: SUMS, key }]),
        1 => (key(), 0..9_u8).prop_map(|(key, value)| {
            vec![Effect::Put { space: Space::Meta, key, value: vec![value].into() }]
        }),
        2 => (1..4_u32).prop_map(|oldest| vec![Effect::RaiseGate { oldest }]),
    ];
    prop::collection::vec(one, 0..4).prop_map(|effects| effects.concat())
}

fn plan() -> impl Strategy<Value = Plan> {
    let schema = prop_oneof![3 => Just(3_u32), 1 => 0..3_u32];
    let unchanged_since = prop_oneof![3 => Just(None), 2 => (0..3_usize).prop_map(Some)];
    let expectations = || prop::collection::vec(expectation(), 0..3);
    (0..LANES, partition(), schema, unchanged_since, expectations(), expectations(), effects()).prop_map(
        |(lane, partition, schema, unchanged_since, reads, checks, effects)| Plan {
            lane,
            partition,
            schema,
            unchanged_since,
            reads,
            checks,
            effects,
        },
    )
}

/// One of them more often than the others, so that transactions meet.
fn partition() -> impl Strategy<Value = u32> {
    prop_oneof![Just(1), 0..PARTITIONS]
}

fn decision() -> impl Strategy<Value = Decision> {
    prop_oneof![3 => Just(Decision::Committed), 2 => Just(Decision::Aborted)]
}

pub(super) fn call() -> impl Strategy<Value = Call> {
    let sequence = prop::sample::select(vec![SequenceId::Lanes, SequenceId::Keys(TABLE), SequenceId::Keys(TableId(0))]);
    let reads = (partition(), prop::collection::vec(wish(), 0..4));
    let lease = prop::sample::select(vec![NO_TIME, HOUR]);
    prop_oneof![
        5 => prop::collection::vec(reads, 1..3).prop_map(Call::Read),
        6 => plan().prop_map(Call::One),
        6 => (plan(), partition(), lease).prop_map(|(plan, primary, lease)| Call::Prepare { plan, primary, lease }),
        2 => (0..LANES, 0..3_usize, any::<bool>()).prop_map(|(lane, ago, abort)| Call::Push { lane, ago, abort }),
        3 => (0..LANES, 0..4_usize, partition(), decision())
            .prop_map(|(lane, ago, partition, decision)| Call::Finish { lane, ago, partition, decision }),
        3 => (0..LANES, prop::option::weighted(0.8, decision())).prop_map(|(lane, decision)| Call::End(lane, decision)),
        2 => (0..LANES, 0..6_usize).prop_map(|(lane, ago)| Call::Again(lane, ago)),
        1 => (0..LANES, effects()).prop_map(|(lane, effects)| Call::Late(lane, effects)),
        1 => (sequence, 1..5_u32).prop_map(|(sequence, n)| Call::Reserve(sequence, n)),
    ]
}
