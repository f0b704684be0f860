//! The in-memory store behind a line that loses requests and replies is still honest.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use rome_conformance::{laws, run};
use rome_core::testkit::{Fault, Faults};
use rome_store::Store;
use rome_store::memory::MemoryStore;

/// A store behind a bad line.
async fn lossy() -> Arc<dyn Store> {
    let faults = Faults::new(Arc::new(MemoryStore::new()));
    faults.yield_around_calls();
    // Opening a database is let through.
    for n in 20..20_000 {
        match n % 9 {
            2 => faults.fail_apply(n, Fault::Refused),
            4 => faults.fail_apply(n, Fault::RequestLost),
            7 => faults.fail_apply(n, Fault::ReplyLost),
            _ => {}
        }
        if n % 40 == 11 {
            faults.fail_read(n);
        }
    }
    Arc::new(faults)
}

#[test]
fn outcomes_are_honest_when_requests_and_replies_get_lost() {
    run(laws::outcomes_are_honest(&lossy));
}

#[test]
fn transactions_are_strictly_serializable_when_requests_and_replies_get_lost() {
    run(laws::transactions_are_strictly_serializable(&lossy));
}

mod databases {
    use super::*;

    rome_conformance::workloads!(lossy);
}

#[test]
fn a_dropped_apply_is_settled_wherever_it_was_waiting() {
    let subject = async || {
        let faults = Faults::new(Arc::new(MemoryStore::new()));
        faults.yield_around_calls();
        Arc::new(faults) as Arc<dyn Store>
    };
    run(laws::a_dropped_apply_is_whole_or_nothing(&subject));
}
