//! Which transactions stand in each other's way.
//!
//! A transaction that is prepared and not decided locks the targets of its effects against everyone, and what it
//! checked against writers. Both are tested here, for stores that keep prepared transactions as they came.
//!
//! Which rows the entries of an index span point at is not known without looking, so a check or a read of rows through
//! an index covers every row of their table.

use std::collections::{BTreeSet, HashMap, HashSet};

use bytes::Bytes;

use crate::{Check, Effect, MiniTx, Read, Space, Span, TableId};

/// What a prepared transaction locks, by keys: a look at it takes about as long however much that is. It says what [`meets`] and
/// [`meets_read`] say, which go through all of both transactions.
#[derive(Debug, Clone, Default)]
pub struct Locks {
    /// The keys that it writes.
    written: HashMap<Space, BTreeSet<Bytes>>,
    /// The records whose versions it checks.
    versions: HashSet<(Space, Bytes)>,
    /// What it checks of spans, and the spaces of rows through which it does.
    spans: Vec<Span>,
    rows: HashSet<Space>,
    /// The spaces that it retires.
    retired: HashSet<Space>,
    /// Whether it is in everyone's way.
    of_all: bool,
}

impl Locks {
    /// Those of a transaction.
    #[must_use]
    pub fn of(prepared: &MiniTx) -> Self {
        let mut locks = Self::default();
        for effect in &prepared.effects {
            locks.of_all |= is_of_all(effect);
            if let Effect::Retire { space } = effect {
                locks.retired.insert(*space);
            }
            if let Some((space, key)) = effect.target() {
                locks.written.entry(space).or_default().insert(key.clone());
            }
        }
        for check in prepared.reads.iter().chain(&prepared.checks) {
            match check {
                Check::Version { space, key, .. } => {
                    locks.versions.insert((*space, key.clone()));
                }
                Check::Same { span, rows, .. } => {
                    locks.spans.push(span.clone());
                    locks.rows.extend(rows.map(Space::Rows));
                }
                Check::Count { span, .. } => locks.spans.push(span.clone()),
                Check::Later(space) => locks.spans.push(Span::all(*space)),
            }
        }
        locks
    }

    /// Whether a transaction may not go on while the one that has these is undecided.
    #[must_use]
    pub fn meet(&self, tx: &MiniTx) -> bool {
        self.of_all
            || tx.effects.iter().any(|effect| is_of_all(effect) || self.meet_effect(effect))
            || tx.reads.iter().chain(&tx.checks).any(|check| self.meet_check(check))
    }

    /// Whether the transaction that has these would change the reply to a read.
    #[must_use]
    pub fn meet_read(&self, read: &Read) -> bool {
        self.retired.contains(&read.space())
            || match read {
                Read::Get { space, key } => self.writes(*space, key),
                Read::GetClaimed { index, columns, table } => {
                    self.writes(Space::Unique(*index), columns) || self.writes_rows(Some(*table))
                }
                Read::Scan { span, .. } | Read::Count { span, .. } => self.writes_in(span),
                Read::ScanRows { index, table, .. } => self.writes_in(index) || self.writes_rows(Some(*table)),
                Read::Later(space) => self.written.contains_key(space),
            }
    }

    fn meet_effect(&self, effect: &Effect) -> bool {
        let Some((space, key)) = effect.target() else { return false };
        self.writes(space, key)
            || (!self.versions.is_empty() && self.versions.contains(&(space, key.clone())))
            || self.rows.contains(&space)
            || self.spans.iter().any(|span| span.space == space && span.contains(key))
    }

    fn meet_check(&self, check: &Check) -> bool {
        match check {
            Check::Version { space, key, .. } => self.writes(*space, key),
            Check::Same { span, rows, .. } => self.writes_in(span) || self.writes_rows(*rows),
            Check::Count { span, .. } => self.writes_in(span),
            Check::Later(space) => self.written.contains_key(space),
        }
    }

    fn writes(&self, space: Space, key: &Bytes) -> bool {
        self.written.get(&space).is_some_and(|keys| keys.contains(key))
    }

    fn writes_rows(&self, table: Option<TableId>) -> bool {
        table.is_some_and(|table| self.written.contains_key(&Space::Rows(table)))
    }

    fn writes_in(&self, span: &Span) -> bool {
        let Some(keys) = self.written.get(&span.space).filter(|_| span.is_possible()) else { return false };
        keys.range((span.lo.clone(), span.hi.clone())).next().is_some()
    }
}

/// The gate is what everyone checks, and what is retired with it nobody writes any more.
const fn is_of_all(effect: &Effect) -> bool {
    matches!(effect, Effect::RaiseGate { .. } | Effect::Retire { .. })
}

/// Whether `tx` may not go on while `prepared`, another transaction, is undecided.
#[must_use]
pub fn meets(tx: &MiniTx, prepared: &MiniTx) -> bool {
    let writes = |effects: &[Effect], checks: &[Check]| {
        effects.iter().any(|effect| checks.iter().any(|check| writes_checked(effect, check)))
    };
    let raises_gate = |effects: &[Effect]| effects.iter().any(is_of_all);
    raises_gate(&tx.effects)
        || raises_gate(&prepared.effects)
        || writes(&prepared.effects, &tx.reads)
        || writes(&prepared.effects, &tx.checks)
        || writes(&tx.effects, &prepared.reads)
        || writes(&tx.effects, &prepared.checks)
        || tx.effects.iter().any(|mine| prepared.effects.iter().any(|its| is_same_target(mine, its)))
}

/// Whether one of these effects would change the reply to a read.
#[must_use]
pub fn meets_read(effects: &[Effect], read: &Read) -> bool {
    effects.iter().any(|effect| match effect {
        Effect::Retire { space } => read.space() == *space,
        effect => effect.target().is_some_and(|target| is_read(target, read)),
    })
}

fn is_same_target(a: &Effect, b: &Effect) -> bool {
    a.target().is_some_and(|target| b.target() == Some(target))
}

fn writes_checked(effect: &Effect, check: &Check) -> bool {
    let Some((space, key)) = effect.target() else { return false };
    match check {
        Check::Version { space: checked, key: record, .. } => *checked == space && record == key,
        Check::Same { span, rows, .. } => {
            (span.space == space && span.contains(key)) || rows.is_some_and(|table| space == Space::Rows(table))
        }
        Check::Count { span, .. } => span.space == space && span.contains(key),
        Check::Later(checked) => *checked == space,
    }
}

fn is_read((space, key): (Space, &Bytes), read: &Read) -> bool {
    match read {
        Read::Get { space: asked, key: record } => *asked == space && record == key,
        Read::GetClaimed { index, columns, table } => {
            (space == Space::Unique(*index) && columns == key) || space == Space::Rows(*table)
        }
        Read::Scan { span, .. } | Read::Count { span, .. } => span.space == space && span.contains(key),
        Read::ScanRows { index, table, .. } => {
            (index.space == space && index.contains(key)) || space == Space::Rows(*table)
        }
        Read::Later(asked) => *asked == space,
    }
}

#[cfg(test)]
mod tests {
    use std::ops::Bound;

    use super::*;
    use crate::{IndexId, TableId, TxId};

    /// Numbers that look random, the same each time.
    struct Random(u64);

    impl Random {
        fn below(&mut self, n: u64) -> u64 {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (self.0 >> 33) % n
        }

        fn space(&mut self) -> Space {
            match self.below(4) {
                0 => Space::Index(IndexId(1)),
                1 => Space::Unique(IndexId(1)),
                n => Space::Rows(TableId(n as u32)),
            }
        }

        fn key(&mut self) -> Bytes {
            vec![self.below(5) as u8].into()
        }

        fn span(&mut self) -> Span {
            let (lo, hi) = (self.bound(), self.bound());
            Span::between(self.space(), lo, hi)
        }

        fn bound(&mut self) -> Bound<Bytes> {
            match self.below(3) {
                0 => Bound::Unbounded,
                1 => Bound::Included(self.key()),
                _ => Bound::Excluded(self.key()),
            }
        }

        fn effect(&mut self) -> Effect {
            match self.below(30) {
                0 => Effect::RaiseGate { oldest: 1 },
                1 => Effect::Retire { space: self.space() },
                2..=10 => Effect::Delete { space: self.space(), key: self.key() },
                _ => Effect::Put { space: self.space(), key: self.key(), value: Bytes::new() },
            }
        }

        fn check(&mut self) -> Check {
            match self.below(3) {
                0 => Check::Version { space: self.space(), key: self.key(), expect: None },
                1 => Check::Count { span: self.span(), n: 0 },
                _ => {
                    let rows = (self.below(2) == 0).then_some(TableId(2));
                    Check::Same { span: self.span(), rows, n: 0, digest: Default::default() }
                }
            }
        }

        fn read(&mut self) -> Read {
            match self.below(5) {
                0 => Read::Get { space: self.space(), key: self.key() },
                1 => Read::GetClaimed { index: IndexId(1), columns: self.key(), table: TableId(2) },
                2 => Read::count(self.span()),
                3 => Read::ScanRows { index: self.span(), table: TableId(3), filter: None, want: None, track: false },
                _ => Read::Scan { span: self.span(), filter: None, want: None, track: false },
            }
        }

        fn tx(&mut self) -> MiniTx {
            let (effects, reads, checks) = (self.below(3), self.below(2), self.below(2));
            MiniTx::one(TxId { lane: 1, seq: 1 })
                .effects((0..effects).map(|_| self.effect()).collect())
                .reads((0..reads).map(|_| self.check()).collect())
                .checks((0..checks).map(|_| self.check()).collect())
        }
    }

    #[test]
    fn locks_by_keys_stand_in_the_way_of_the_same_transactions_and_reads() {
        let (mut random, mut met) = (Random(7), [0, 0]);
        for _ in 0..20_000 {
            let (prepared, tx, read) = (random.tx(), random.tx(), random.read());
            let locks = Locks::of(&prepared);
            assert_eq!(locks.meet(&tx), meets(&tx, &prepared), "{tx:?} and {prepared:?}");
            assert_eq!(locks.meet_read(&read), meets_read(&prepared.effects, &read), "{read:?} and {prepared:?}");
            met[usize::from(locks.meet(&tx))] += 1;
        }
        assert!(met.iter().all(|n| *n > 2_000), "{met:?}");
    }
}
