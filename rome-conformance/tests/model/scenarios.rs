//! The scenarios, each as small as what it is about allows.

use super::scenario::{Claims, Durability, Model, Register, Tx};

const A: Register = Register { at: 0, slot: 0, name: 'a' };
const B: Register = Register { at: 1, slot: 0, name: 'b' };
const C: Register = Register { at: 1, slot: 1, name: 'c' };
const D: Register = Register { at: 2, slot: 0, name: 'd' };
const E: Register = Register { at: 0, slot: 1, name: 'e' };

/// Two transactions write the same two records, and each has its primary where the other is prepared.
pub fn torn_write() -> Model {
    Model::new("torn write", [Tx::new(0, 0).puts([A, B]), Tx::new(1, 1).puts([A, B])])
}

/// Both read and write both.
pub fn lost_update() -> Model {
    let txs = [Tx::new(0, 0).reads([A, B]).puts([A, B]), Tx::new(1, 1).reads([B, A]).puts([A, B])];
    Model::new("lost update", txs)
}

/// One transaction may be prepared at one partition and refused at another.
pub fn three_partitions() -> Model {
    Model::new("three partitions", [Tx::new(0, 0).puts([A, B, D]), Tx::new(1, 1).puts([B, D])])
}

/// Each reads what the other writes, and decides where it writes.
pub fn write_skew() -> Model {
    Model::new("write skew", [Tx::new(0, 1).reads([A]).puts([B]), Tx::new(1, 0).reads([B]).puts([A])])
}

/// Each reads what the other writes, and decides where it reads.
pub fn write_skew_decided_at_reads() -> Model {
    let txs = [Tx::new(0, 0).reads([A]).puts([B]), Tx::new(1, 1).reads([B]).puts([A])];
    Model::new("write skew, decided where it is read", txs)
}

/// Each reads what the other writes in one partition, which is a secondary of the first.
pub fn write_skew_in_one_partition() -> Model {
    let txs = [Tx::new(0, 0).reads([C]).puts([A, B]), Tx::new(1, 1).reads([B]).puts([C])];
    Model::new("write skew in one partition", txs)
}

/// One reads two records of a partition at two moments, between which the other may write both.
pub fn two_moments() -> Model {
    let txs = [Tx::new(0, 0).reads([B, C]).puts([A]), Tx::new(1, 0).puts([E, B, C])];
    Model::new("two moments of one partition", txs)
}

/// The schema gate, as a record in each partition that everyone checks: one raises it, another writes with it as it was.
pub fn schema_gate() -> Model {
    let txs = [Tx::new(0, 0).puts([E, C]), Tx::new(1, 1).reads([C]).puts([B])];
    Model::new("schema gate", txs)
}

/// A lane runs a transaction of both partitions, and then one of the first alone.
pub fn lane_reuse() -> Model {
    let txs = [Tx::new(0, 0).puts([A, B]), Tx::new(0, 0).after(2, 0).puts([A]), Tx::new(1, 1).puts([B])];
    Model::new("lane reuse", txs)
}

/// A lane runs a transaction of both partitions, and then one with the roles of the partitions exchanged.
pub fn lane_reuse_with_other_roles() -> Model {
    let txs = [
        Tx::new(0, 0).reads([B]).puts([A, B]),
        Tx::new(0, 1).after(2, 0).puts([A, B]),
        Tx::new(1, 0).reads([A]).puts([B]),
    ];
    Model::new("lane reuse with other roles", txs)
}

/// A lane runs two transactions that put where they found nothing; another may stand in the way of the first.
pub fn late_copies() -> Model {
    let txs = [
        Tx::new(0, 1).reads([B]).puts([B]),
        Tx::new(0, 1).after(2, 0).reads([C]).puts([C]),
        Tx::new(1, 0).puts([A, B]),
    ];
    Model::new("late copies", txs)
}

/// A reader of both partitions at once, beside a writer of both.
pub fn reader_of_one_batch() -> Model {
    let txs = [Tx::new(0, 0).puts([A, B]), Tx::new(1, 1).puts([B])];
    Model::new("reader of one batch", txs).reader([A, B], true)
}

/// The same beside two writers of both.
pub fn reader_beside_two_writers() -> Model {
    torn_write().named("reader beside two writers").reader([A, B], true)
}

/// A reader of a secondary and then of the primary.
pub fn reader_of_two_statements() -> Model {
    let txs = [Tx::new(0, 0).puts([A, B]), Tx::new(1, 1).reads([B]).puts([B])];
    Model::new("reader of two statements", txs).reader([B, A], false)
}

/// A reader of both secondaries.
pub fn reader_of_secondaries() -> Model {
    Model::new("reader of two secondaries", [Tx::new(0, 0).puts([A, B, D])]).reader([B, D], false)
}

/// The two before, where a partition in which somebody was read around counts as moved.
pub fn reader_of_two_statements_around_is_moved() -> Model {
    reader_of_two_statements().named("reader of two statements, around is moved").around_is_moved()
}

pub fn reader_of_secondaries_around_is_moved() -> Model {
    reader_of_secondaries().named("reader of two secondaries, around is moved").around_is_moved()
}

/// A reader of a secondary, whose primary may be past before the reader asks.
pub fn reader_of_one_partition() -> Model {
    let txs = [Tx::new(0, 0).puts([A, B]), Tx::new(0, 0).after(2, 0).puts([A])];
    Model::new("reader of one partition", txs).reader([B], true)
}

/// The same with a reader of both.
pub fn reader_beside_lane_reuse() -> Model {
    let txs = [Tx::new(0, 0).puts([A, B]), Tx::new(0, 1).after(2, 0).puts([A, B])];
    Model::new("reader beside lane reuse", txs).reader([B, A], false)
}

/// A reader beside a lane that writes, one after the other, what makes the state that was read impossible, and takes away
/// again what was found absent.
pub fn reader_of_absence() -> Model {
    let txs = [
        Tx::new(0, 1).puts([B]),
        Tx::new(0, 0).after(2, 0).puts([A]),
        Tx::new(0, 0).after(3, 1).puts([A]),
        Tx::new(0, 1).after(4, 2).deletes([B]),
    ];
    Model::new("reader of what is absent", txs).reader([B, A], false)
}

/// The same, where the reader (T1) locks what it has read.
pub fn locking_reader() -> Model {
    let txs = [
        Tx::new(0, 0).reads([B, A]),
        Tx::new(1, 1).puts([B]),
        Tx::new(1, 0).after(2, 1).puts([A]),
        Tx::new(1, 0).after(3, 2).puts([A]),
        Tx::new(1, 1).after(4, 3).deletes([B]),
    ];
    Model::new("reader that locks", txs)
}

pub fn failover_of_primary() -> Model {
    torn_write().named("failover of a primary").failover(0, Durability::Replicated)
}

pub fn failover_of_secondary() -> Model {
    lane_reuse().named("failover of a secondary").failover(1, Durability::Replicated)
}

pub fn failover_with_lane_reuse() -> Model {
    lane_reuse().named("failover of a primary with lane reuse").failover(0, Durability::Replicated)
}

pub fn failover_with_locks() -> Model {
    write_skew().named("failover with read locks").failover(0, Durability::Replicated)
}

/// Three clients of one partition, one of which reads what a failover takes away.
pub fn failover_of_what_was_read() -> Model {
    let txs = [Tx::new(0, 0).puts([A]), Tx::new(1, 0).reads([A]).puts([E]), Tx::new(2, 0).puts([A])];
    Model::new("failover of what was read", txs).failover(0, Durability::Replicated)
}

/// A session that only reads what a failover may take away.
pub fn failover_under_a_reader() -> Model {
    let txs = [Tx::new(0, 0).puts([A])];
    Model::new("failover under a reader", txs).reader([A], true).failover(0, Durability::Replicated)
}

/// A session that only reads, and commits like every other.
pub fn failover_under_a_committing_reader() -> Model {
    let txs = [Tx::new(0, 0).puts([A, B]), Tx::new(1, 1).reads([B, A])];
    Model::new("failover under a reader that commits", txs).failover(0, Durability::Replicated)
}

/// Three transactions in a ring: each reads what the next one writes.
pub fn ring() -> Model {
    let txs =
        [Tx::new(0, 0).reads([B]).puts([A]), Tx::new(1, 1).reads([D]).puts([B]), Tx::new(2, 2).reads([A]).puts([D])];
    Model::new("ring", txs)
}

/// A reader of both secondaries at once, where another one writes.
pub fn reader_of_secondaries_at_once() -> Model {
    let txs = [Tx::new(0, 0).puts([A, B, D]), Tx::new(1, 1).reads([D]).puts([B])];
    Model::new("reader of two secondaries at once", txs).reader([B, D], true)
}

/// A failover that may lose what was answered.
pub fn lossy_failover() -> Model {
    let txs = [Tx::new(0, 0).puts([A, B]), Tx::new(0, 1).after(2, 0).puts([B, C])];
    Model::new("lossy failover", txs).failover(1, Durability::Memory).claims(Claims::OnePartition)
}
