//! How many random queries a test has compared: counted on its thread, told at its end, and never fewer than it is here for.

use std::cell::Cell;
use std::io::Write;
use std::time::Instant;

use crate::queries::number;

/// The random queries that all tests together compare at least with SQLite and with the naive evaluator.
const ALL: u64 = 20_000;

/// The part of each test: what its default number of cases gives at least.
const SHARES: [(&str, u64); 8] = [
    ("Plain", 990),
    ("Single", 990),
    ("Mixed", 990),
    ("Paired", 990),
    ("Soft", 990),
    ("plain", 5_120),
    ("indexed", 5_120),
    ("mixed", 5_120),
];

const _: () = {
    let (mut sum, mut at) = (0, 0);
    while at < SHARES.len() {
        sum += SHARES[at].1;
        at += 1;
    }
    assert!(sum >= ALL);
};

#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    queries: u64,
    with_sqlite: u64,
    plans: u64,
}

thread_local! {
    static COUNTS: Cell<Counts> = const { Cell::new(Counts { queries: 0, with_sqlite: 0, plans: 0 }) };
}

fn change(change: impl FnOnce(&mut Counts)) {
    let mut counts = COUNTS.get();
    change(&mut counts);
    COUNTS.set(counts);
}

/// A random query whose answer was compared with the naive evaluator's, and with SQLite's if it was asked.
pub fn compared(with_sqlite: bool) {
    change(|counts| {
        counts.queries += 1;
        counts.with_sqlite += u64::from(with_sqlite);
    });
}

/// A plan by which a query was carried out and compared.
pub fn planned() {
    change(|counts| counts.plans += 1);
}

/// The count of one test.
pub struct Tally {
    name: &'static str,
    began: Instant,
}

impl Tally {
    pub fn begin(name: &'static str) -> Self {
        COUNTS.take();
        Self { name, began: Instant::now() }
    }

    /// Prints the count, also where the harness keeps the output of a test that passes, and asserts that it is enough.
    pub fn end(self) {
        let Counts { queries, with_sqlite, plans } = COUNTS.take();
        let Self { name, began } = self;
        let line = format!(
            "{name}: {queries} random queries compared, {with_sqlite} of them with SQLite, by {plans} plans in {:.0?}\n",
            began.elapsed()
        );
        // `print!` would be kept.
        let _ = std::io::stderr().write_all(line.as_bytes());
        let (_, share) = SHARES.iter().find(|(of, _)| *of == name).expect("each test has a share");
        if number("ROME_SEMANTICS_CASES").is_none() {
            assert!(with_sqlite >= *share, "{name} is to compare {share} queries: {line}");
        }
    }
}
