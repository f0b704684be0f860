//! What must be true when the faults are over.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::time::Duration;

use rome_core::{Database, OrNotFound, Result};
use rome_store::{
    Applied, ApplyOptions, Decision, Durability, Effect, IndexId, MiniTx, Partition, Read, ReadOptions, Reply,
    SequenceId, Space, Span, Step, Store, StoreResult, TxId,
};
use tokio::time::{Instant, sleep};

use super::clients::{Application, compare_twins, options, test_accounts, test_seats};
use super::lists;
use super::lives::open;
use super::process::Process;
use super::questions;
use super::tables::{Account, Counter, DUTIES, Duty, Item, Seat, TWINS, audit_sets, count_sets};
use crate::{Verdict, Violation};

/// What one commit and its pushes take besides a lease.
const GRACE: Duration = Duration::from_secs(1);
/// What anything takes when there are no faults any more, but messages still arrive late.
const LONG: Duration = Duration::from_secs(60);
/// No index of the application has a higher number.
const INDEXES: u32 = 64;

/// Writes to everything and reads everything, from a process that has just started.
pub(super) async fn audit(app: &Application) {
    let world = &app.world;
    let process = Process::new(world.clone(), "audit".to_owned());
    let Some(db) = open(&process, world).await else { return };
    if world.random().below(2) == 0 {
        write_everything(app, &db, LONG).await;
    }
    read_everything(app, &db).await;
    if !world.violations().is_empty() {
        return;
    }
    // Late copies may still prepare something.
    world.quiet().await;
    write_everything(app, &db, world.longest_lease() + GRACE).await;
    read_everything(app, &db).await;
    if !world.violations().is_empty() {
        return;
    }
    world.quiet().await;
    sleep(world.longest_lease()).await;
    if let Err(error) = clear(app, &process).await {
        world.violated(error.to_string());
    }
    read_everything(app, &db).await;
    if app.is_strict() {
        ask_everything(app, &db).await;
        count_records(app, &db).await;
    }
}

/// Each row can be written within this time.
async fn write_everything(app: &Application, db: &Database, within: Duration) {
    for id in 0..app.sizes().accounts {
        let write = async || {
            db.transaction_with(options(app), async |s| {
                let account = s.get::<Account>(id).await?.ok_or_not_found()?;
                s.update(&account).await.map(|_| ())
            })
            .await
        };
        within_time(app, within, "an account", write).await;
    }
    for id in 0..DUTIES {
        let write = async || {
            let duty = db.get::<Duty>(id).await?.ok_or_not_found()?;
            db.update(&duty).await.map(|_| ())
        };
        within_time(app, within, "a duty", write).await;
    }
    let seats = async || {
        db.transaction_with(options(app), async |s| {
            let seats = s.query::<Seat>().all().await?;
            s.update_many(&seats).await.map(|_| ())
        })
        .await
    };
    within_time(app, within, "all seats", seats).await;
    let counter = async || {
        let counter = db.get::<Counter>(1_u64).await?.ok_or_not_found()?;
        db.update(&counter).await.map(|_| ())
    };
    within_time(app, within, "the counter", counter).await;
    for list in 0..app.sizes().lists {
        let began = Instant::now();
        while !lists::append_to(app, db, list).await {
            if began.elapsed() > within {
                app.world.violated(format!("list {list} cannot be written in {within:?}"));
                break;
            }
            sleep(Duration::from_millis(20)).await;
        }
    }
}

async fn within_time(app: &Application, within: Duration, what: &str, write: impl AsyncFn() -> Result<()>) {
    let began = Instant::now();
    loop {
        let Err(error) = write().await else { return };
        if began.elapsed() > within || !(error.is_conflict() || error.is_unavailable() || error.is_outcome_unknown()) {
            if app.is_strict() {
                app.world.violated(format!("{what} cannot be written in {within:?}: {error}"));
            }
            return;
        }
        sleep(Duration::from_millis(20)).await;
    }
}

async fn read_everything(app: &Application, db: &Database) {
    let began = Instant::now();
    while !lists::read_all(app, db).await {
        if began.elapsed() > LONG {
            return app.world.violated("the lists cannot be read");
        }
        sleep(Duration::from_millis(20)).await;
    }
    for group in 0..TWINS {
        compare_twins(app, db, group).await;
    }
    if !app.is_strict() {
        return;
    }
    loop {
        match read_tables(app, db).await {
            Ok(Ok(())) => return,
            Ok(Err(violation)) => return app.world.violated(violation.to_string()),
            Err(error) if error.is_conflict() && began.elapsed() < LONG => {}
            Err(error) => return app.world.violated(format!("the tables cannot be read: {error}")),
        }
        sleep(Duration::from_millis(20)).await;
    }
}

/// Reads tables by rows and by indexes; both must tell the same.
async fn read_tables(app: &Application, db: &Database) -> Result<Verdict> {
    let mut accounts = db.query::<Account>().ignore_indexes().all().await?;
    test_accounts(app, &accounts);
    let mut by_index = db.query::<Account>().order_by(Account::BALANCE.asc()).all().await?;
    accounts.sort_by_key(|account| account.id);
    by_index.sort_by_key(|account| account.id);
    if accounts != by_index {
        return Ok(Err(Violation::new(format!("the index of accounts has {by_index:?}, the table {accounts:?}"))));
    }
    let seats = db.query::<Seat>().ignore_indexes().all().await?;
    test_seats(app, &seats);
    let numbers: BTreeSet<u64> = seats.iter().map(|seat| seat.number).collect();
    if numbers.len() < seats.len() {
        return Ok(Err(Violation::new(format!("two seats have the same number: {seats:?}"))));
    }
    for seat in &seats {
        let by_claim = db.query::<Seat>().filter(Seat::NUMBER.eq(seat.number)).all().await?;
        let by_index = db.query::<Seat>().filter(Seat::HOLDER.eq(seat.holder)).all().await?;
        if by_claim != [seat.clone()] || !by_index.contains(seat) {
            let what = format!("{seat:?} is found by its number as {by_claim:?}, by its holder as {by_index:?}");
            return Ok(Err(Violation::new(what)));
        }
    }
    let duties = db.query::<Duty>().all().await?;
    let on_call = |id| duties.iter().any(|duty| duty.id == id && duty.on_call);
    if let Some(pair) = (0..DUTIES).step_by(2).find(|one| !on_call(*one) && !on_call(one + 1)) {
        return Ok(Err(Violation::new(format!("nobody is on call of the pair {pair}: {duties:?}"))));
    }
    let n = db.get::<Counter>(1_u64).await?.ok_or_not_found()?.n;
    let (least, more) = (app.counted.load(Ordering::SeqCst), app.uncounted.load(Ordering::SeqCst));
    if n > least + more || (n < least && app.world.plan.survival == super::Survival::Acknowledged) {
        return Ok(Err(Violation::new(format!("{n} after {least} increments and {more} unknown ones"))));
    }
    Ok(Ok(()))
}

/// What the operators find is what the rows say.
async fn ask_everything(app: &Application, db: &Database) {
    let asked = async {
        let of_sets = audit_sets(app.world.plan.operator, db).await?;
        Ok::<_, rome_core::Error>([questions::audit(app, db).await?, of_sets])
    };
    match asked.await {
        Ok(verdicts) => verdicts.into_iter().filter_map(Verdict::err).for_each(|it| app.world.violated(it.to_string())),
        Err(error) => app.world.violated(format!("the operators find nothing: {error}")),
    }
}

/// Clears away what is prepared and met nobody, as those would who meet it. All leases are over.
async fn clear(app: &Application, process: &Process) -> Verdict {
    let lane = process.reserve(SequenceId::Lanes, 1).await?;
    let mut seq = 0;
    for at in 0..app.world.plan.partitions {
        let partition = Partition(at);
        loop {
            seq += 1;
            let mut probe = MiniTx::one(TxId { lane, seq });
            // It meets all that is prepared, and changes nothing.
            probe.effects.push(Effect::RaiseGate { oldest: 0 });
            let by = match apply(process, partition, probe).await? {
                Applied::Done { .. } | Applied::Already(Decision::Committed) => break,
                Applied::Blocked { by } => by,
                other => return Err(Violation::new(format!("a probe was answered {other:?}"))),
            };
            app.world.count(|figures| figures.left_prepared += 1);
            if !by.expired || seq > 10_000 {
                return Err(Violation::new(format!("{} is prepared at partition {at} and does not go", by.id)));
            }
            let push = MiniTx::one(by.id).step(Step::Push { abort: true });
            let decision = match apply(process, by.primary, push).await? {
                Applied::Already(decision) => decision,
                other => return Err(Violation::new(format!("a push was answered {other:?}"))),
            };
            let finish = MiniTx::one(by.id).step(Step::Finish(decision));
            if decision == Decision::Committed {
                app.world.say(format_args!("{} was committed and nobody had finished it", by.id));
            }
            apply(process, partition, finish).await?;
        }
    }
    Ok(())
}

async fn apply(process: &Process, partition: Partition, tx: MiniTx) -> StoreResult<Applied> {
    Ok(process.apply(vec![(partition, tx)], ApplyOptions::new(Durability::Memory)).await?.remove(0))
}

/// There are as many entries and claims as the rows make.
async fn count_records(app: &Application, db: &Database) {
    let counts = async {
        let accounts = db.query::<Account>().ignore_indexes().count().await?;
        let seats = db.query::<Seat>().ignore_indexes().count().await?;
        let items = db.query::<Item>().ignore_indexes().count().await?;
        let (posts, replies) = questions::count(db).await?;
        let of_sets = count_sets(app.world.plan.operator, db).await?;
        Ok::<_, rome_core::Error>((2 * accounts + seats + items + 3 * posts + replies + of_sets, seats))
    };
    let expected = match counts.await {
        Ok(expected) => expected,
        Err(error) => return app.world.violated(format!("the tables cannot be counted: {error}")),
    };
    let mut found = (0, 0);
    for server in &app.world.servers {
        let spaces =
            |space: fn(IndexId) -> Space| (0..INDEXES).map(move |id| Read::count(Span::all(space(IndexId(id)))));
        let reads = spaces(Space::Index).chain(spaces(Space::Unique)).collect();
        let Ok(replies) = server.store().read(&[(Partition(0), reads)], ReadOptions::new()).await else { continue };
        for (at, reply) in replies.iter().flat_map(|reply| &reply.replies).enumerate() {
            let Reply::Count(counted) = reply else { continue };
            let kind = if at < INDEXES as usize { &mut found.0 } else { &mut found.1 };
            *kind += counted.n;
        }
    }
    if found != expected {
        app.world.violated(format!("there are {found:?} entries and claims, the rows make {expected:?}"));
    }
}
