//! What is there, compared with what the clients were told.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use rome_core::check::FindingKind;
use rome_core::{Database, Result};

use super::ledger::{Known, Ledger};
use super::{Figures, Shared, pairs, seats};
use crate::history::{Anomaly, Level, Op, Outcome, Transaction, check};
use crate::verdict::ensure;
use crate::workloads::{bank, counters, lists};
use crate::{Verdict, Violation};

/// For how long to try what has to be possible.
const PATIENCE: Duration = Duration::from_secs(60);

/// The numbers of whoever writes for the audit; no client has so many.
const AUDITOR: u64 = 900_000;

/// Writes every row and appends to every list, as soon as that is possible, and measures how long it took after the last fault.
pub(super) async fn write_everything(
    db: &Database,
    shared: &Shared,
    over: Instant,
    figures: &mut Figures,
) -> Verdict<()> {
    write_once(db, shared, 0).await?;
    let died = *shared.last_death.lock().unwrap_or_else(PoisonError::into_inner);
    figures.writable = died.map_or(over, |died| died.max(over)).elapsed();
    let began = Instant::now();
    write_once(db, shared, 1).await?;
    let alone = began.elapsed();
    figures.writable_late = figures.writable.saturating_sub(alone);
    // Both times are as uncertain as the machine is busy.
    if shared.load.late.is_some_and(|late| figures.writable_late > late + alone) {
        let after = figures.writable;
        figures.violations.push(format!("rows could be written only {after:.1?} after the faults, not {alone:.1?}"));
    }
    Ok(())
}

async fn write_once(db: &Database, shared: &Shared, time: u64) -> Verdict<()> {
    write_every_row(db).await?;
    let append = async || Ok(lists::append_to_each(db, &shared.log, AUDITOR, time).await);
    ensure!(at_last("an append to each list", append).await?, "a list cannot be appended to after the faults");
    Ok(())
}

async fn write_every_row(db: &Database) -> Verdict<()> {
    at_last("a write of each row", async || {
        lists::write_every_row(db).await?;
        bank::write_every_row(db).await?;
        seats::write_every_row(db).await?;
        pairs::write_every_row(db).await?;
        counters::increment(db, false).await
    })
    .await
}

async fn at_last<T>(what: &str, mut attempt: impl AsyncFnMut() -> Result<T>) -> Verdict<T> {
    let until = Instant::now() + PATIENCE;
    loop {
        match attempt().await {
            Ok(done) => return Ok(done),
            Err(error) if Instant::now() >= until => {
                return Err(Violation::new(format!("{what} is still not possible: {error}")));
            }
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    }
}

/// Compares all ledgers with what is there.
pub(super) async fn audit(
    db: &Database,
    shared: Arc<Shared>,
    ledgers: Vec<(u64, Ledger)>,
    figures: &mut Figures,
) -> Verdict<()> {
    let may_lose = shared.load.may_lose;
    let mut counted = 0..=0;
    let taken = at_last("a look at the seats", async || seats::taken(db).await).await?;
    let mut there: HashSet<u64> = taken.values().flatten().copied().collect();
    let mut wrong = Vec::new();
    for (n, mut ledger) in ledgers {
        counted = counted.start() + ledger.counted..=counted.end() + ledger.counted + ledger.maybe_counted;
        for pair in at_last("a look at a pair", async || pairs::read(db, n).await).await? {
            ledger.pair_was(n, pair);
        }
        for (holder, (_, known)) in &ledger.seats {
            match (there.remove(holder), known) {
                (false, Known::Done) => figures.lost += 1,
                // Of one that was being left, the other way round.
                (true, Known::Maybe) => figures.unknown_applied += 1,
                (false, Known::Maybe) => figures.unknown_not_applied += 1,
                (true, Known::Done) => {}
            }
        }
        wrong.append(&mut ledger.found.violations);
        figures.committed += ledger.committed;
        figures.failed += ledger.failed;
        figures.unknown += ledger.unknown;
        figures.deaths.iter_mut().zip(ledger.deaths).for_each(|(sum, n)| *sum += n);
        figures.add(ledger.found);
    }
    // Seats that their holders have left.
    figures.lost += there.len() as u64;
    let shared_seats: Vec<_> = taken.iter().filter(|(_, holders)| holders.len() > 1).collect();
    if !shared_seats.is_empty() {
        figures.anomalies += shared_seats.len() as u64;
        wrong.push(format!("seats are taken twice: {shared_seats:?}"));
    }
    let free = at_last("a look at free seats", async || seats::try_free_ones(db, AUDITOR).await).await?;
    wrong.extend(free.map(|number| format!("seat {number} is free and cannot be taken")));
    count(db, counted, figures, &mut wrong).await?;
    if let Err(violation) = bank::look(db).await {
        figures.torn_over_several += 1;
        wrong.push(violation.to_string());
    }
    let log = shared.log.clone();
    drop(shared);
    follow_lists(&lists::finish(db, log).await?, figures, &mut wrong);
    let report = at_last("the database's own check", async || db.admin().check().await).await?;
    for finding in &report.findings {
        if finding.kind == FindingKind::Abandoned {
            figures.left_prepared += 1;
        } else {
            wrong.push(finding.to_string());
        }
    }
    if !may_lose {
        if figures.lost > 0 {
            wrong.push(format!("{} acknowledged commits are lost", figures.lost));
        }
        figures.violations.extend(wrong);
    } else if figures.torn > 0 {
        figures.violations.push(format!("{} commits of one partition are torn", figures.torn));
    }
    Ok(())
}

/// The counter, which the audit itself has raised twice.
async fn count(
    db: &Database,
    counted: std::ops::RangeInclusive<u64>,
    figures: &mut Figures,
    wrong: &mut Vec<String>,
) -> Verdict<()> {
    let n = at_last("a look at the counter", async || counters::count(db).await).await?;
    let own = 2;
    figures.lost += (counted.start() + own).saturating_sub(n);
    let maybe = counted.end() - counted.start();
    let applied = n.saturating_sub(counted.start() + own).min(maybe);
    figures.unknown_applied += applied;
    if n <= counted.end() + own {
        figures.unknown_not_applied += maybe - applied;
    } else {
        figures.anomalies += 1;
        wrong.push(format!("{n} after {counted:?} increments: one was counted twice"));
    }
    Ok(())
}

/// The history of the lists, and what of it is there at the end.
fn follow_lists(history: &[Transaction], figures: &mut Figures, wrong: &mut Vec<String>) {
    let anomalies = check(history, Level::StrictSerializable);
    figures.anomalies += anomalies.len() as u64;
    wrong.extend(anomalies.iter().map(Anomaly::to_string));
    let last = history.iter().rev().find(|one| one.outcome == Outcome::Committed);
    let mut there: HashMap<u64, HashSet<u64>> = HashMap::new();
    for op in last.iter().flat_map(|last| &last.ops) {
        if let Op::Read { key, list } = op {
            there.insert(*key, list.iter().copied().collect());
        }
    }
    for transaction in history {
        let appends = transaction.ops.iter().filter_map(|op| match op {
            Op::Append { key, value } => Some(there.get(key).is_some_and(|list| list.contains(value))),
            Op::Read { .. } => None,
        });
        let appends: Vec<bool> = appends.collect();
        let (all, any) = (appends.iter().all(|there| *there), appends.iter().any(|there| *there));
        if appends.is_empty() {
            continue;
        }
        match transaction.outcome {
            _ if any && !all => {
                figures.torn_over_several += 1;
                wrong.push(format!("a commit over several lists is there in part: {:?}", transaction.ops));
            }
            Outcome::Committed => figures.lost += u64::from(!all),
            Outcome::Unknown if all => figures.unknown_applied += 1,
            Outcome::Unknown => figures.unknown_not_applied += 1,
            Outcome::Aborted if any => {
                wrong.push(format!("what was told to have failed is there: {:?}", transaction.ops))
            }
            Outcome::Aborted => {}
        }
    }
}
