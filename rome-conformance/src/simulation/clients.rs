//! What the clients of the simulated application do.
//!
//! Each action has an invariant that a torn commit, a lost update, a phantom or a dishonest error breaks. What readers see is
//! tested at once; the rest at the end, by the audit.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rome_core::model::Id;
use rome_core::session::TransactionOptions;
use rome_core::{Database, Error, OrNotFound, Result};
use tokio::time::sleep;

use super::Survival;
use super::drops::drop_at;
use super::lists;
use super::plan::Theme;
use super::questions;
use super::tables::{self, Account, BALANCE, Counter, DUTIES, Duty, SETS, Seat, Sizes, TWINS, Twin};
use super::world::World;
use crate::history::{Log, Outcome};
use crate::workloads::operators::{LISTS, SIDES, test_set};

/// What all clients share.
pub(super) struct Application {
    pub(super) world: Arc<World>,
    pub(super) log: Log,
    /// Gives each appended value and each holder of a seat once.
    next: AtomicU64,
    /// Increments that were acknowledged, and those whose outcome is unknown.
    pub(super) counted: AtomicU64,
    pub(super) uncounted: AtomicU64,
    /// Holders that were refused, and seats that were deleted, both for certain.
    refused: Mutex<BTreeSet<u64>>,
    gone: Mutex<BTreeSet<Id<Seat>>>,
}

impl Application {
    pub(super) fn new(world: Arc<World>) -> Self {
        Self {
            world,
            log: Log::new(),
            next: AtomicU64::new(1),
            counted: AtomicU64::new(0),
            uncounted: AtomicU64::new(0),
            refused: Mutex::default(),
            gone: Mutex::default(),
        }
    }

    pub(super) fn next(&self) -> u64 {
        self.next.fetch_add(1, Ordering::SeqCst)
    }

    pub(super) fn sizes(&self) -> Sizes {
        self.world.plan.sizes
    }

    /// Whether what was read has to make sense. Where acknowledged writes get lost, transactions over several partitions
    /// may be torn by it.
    pub(super) fn is_strict(&self) -> bool {
        self.world.plan.survival == Survival::Acknowledged || self.world.plan.partitions == 1
    }
}

/// One action after the other, until there are none left.
pub(super) async fn work(app: Arc<Application>, db: Database, left: Arc<AtomicU64>) {
    while left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1)).is_ok() {
        let pause = app.world.random().between(0, 15);
        sleep(Duration::from_millis(pause)).await;
        let action = act(&app, &db);
        if app.world.befalls(app.world.plan.drops) {
            let at = app.world.random().between(1, 25);
            if drop_at(at, action).await.is_none() {
                app.world.say(format_args!("an action is dropped at its await {at}"));
                app.world.count(|figures| (figures.drops, figures.unknown) = (figures.drops + 1, figures.unknown + 1));
            }
        } else {
            action.await;
        }
    }
}

async fn act(app: &Application, db: &Database) {
    let random = app.world.random();
    let theme = if random.below(2) == 0 { Theme::All } else { app.world.plan.theme };
    let kind = match theme {
        Theme::All => random.below(20),
        Theme::Lists => random.below(7),
        Theme::Bank => random.between(7, 10),
        Theme::Seats => random.between(11, 13),
        Theme::Duties => random.between(16, 17),
        Theme::Operators => random.between(18, 19),
    };
    match kind {
        0..=5 => lists::transact(app, db).await,
        6 => lists::read_by_one_statement(app, db).await,
        7..=10 if random.per_mille(app.world.plan.readers) => look(app, db).await,
        7..=10 => drop(settle(app, "transfer", transfer(app, db).await)),
        11..=13 => take_a_seat(app, db).await,
        14 => {
            let group = random.below(TWINS);
            if random.below(2) == 0 {
                settle(app, "twins", write_twins(app, db, group).await);
            } else {
                compare_twins(app, db, group).await;
            }
        }
        15 => increment(app, db).await,
        16 | 17 => drop(settle(app, "duty", change_duty(app, db).await)),
        18 => questions::act(app, db).await,
        _ => change_set(app, db).await,
    }
}

/// Puts a member into a set or takes one out, of which nothing is known but what an operator found.
async fn change_set(app: &Application, db: &Database) {
    let (set, side, way) = {
        let random = app.world.random();
        (LISTS + random.below(SETS), random.below(SIDES), random.below(12))
    };
    let changed = tables::change_set(app.world.plan.operator, db, options(app), (set, side, way)).await;
    let Some((expected, seen)) = settle(app, "set", changed) else { return };
    if !app.is_strict() {
        return;
    }
    if seen != expected {
        app.world.violated(format!("set {set} is {seen:?} and not {expected:?} for its own transaction"));
    }
    if let Err(violation) = test_set(set, &seen) {
        app.world.violated(violation.to_string());
    }
}

/// Counts how an action ended, and looks whether its error is one that faults can cause.
pub(super) fn settle<T>(app: &Application, what: &str, result: Result<T>) -> Option<T> {
    let outcome = outcome_of(app, what, &result);
    app.world.count(|figures| match outcome {
        Outcome::Committed => figures.committed += 1,
        Outcome::Aborted => figures.failed += 1,
        Outcome::Unknown => figures.unknown += 1,
    });
    result.ok()
}

pub(super) fn outcome_of<T>(app: &Application, what: &str, result: &Result<T>) -> Outcome {
    match result {
        Ok(_) => Outcome::Committed,
        Err(error) if error.is_outcome_unknown() => Outcome::Unknown,
        Err(error) => {
            if !is_fair(error) && app.is_strict() {
                app.world.violated(format!("{what} failed: {error}"));
            }
            Outcome::Aborted
        }
    }
}

fn is_fair(error: &Error) -> bool {
    error.is_conflict() || error.is_unavailable() || error.is_unique_violation()
}

pub(super) fn options(app: &Application) -> TransactionOptions {
    TransactionOptions::new().max_attempts(app.world.random().pick([1, 5, 30]))
}

async fn transfer(app: &Application, db: &Database) -> Result<()> {
    let (from, to, amount) = {
        let random = app.world.random();
        (random.below(app.sizes().accounts), random.below(app.sizes().accounts), random.between(0, 60) as i64)
    };
    let by_index = app.world.random().below(2) == 0;
    db.transaction_with(options(app), async move |s| {
        let mut source = if by_index {
            let branch = s.query::<Account>().filter(Account::BRANCH.eq(from % 2)).all().await?;
            branch.into_iter().find(|account| account.id == from).ok_or_not_found()?
        } else {
            s.get::<Account>(from).await?.ok_or_not_found()?
        };
        if source.balance < amount {
            return Ok(());
        }
        source.balance -= amount;
        s.update(&source).await?;
        // The session sees its own write, also if it is the same account.
        let mut target = s.get::<Account>(to).await?.ok_or_not_found()?;
        target.balance += amount;
        s.update(&target).await?;
        Ok(())
    })
    .await
}

/// Looks at all accounts: by one statement, in a transaction, or in one that only reads.
async fn look(app: &Application, db: &Database) {
    let random = app.world.random();
    let (how, count, first) = (random.below(3), app.sizes().accounts, random.next());
    let accounts = match how {
        0 if random.below(2) == 0 => db.query::<Account>().order_by(Account::BALANCE.asc()).all().await,
        0 => db.query::<Account>().ignore_indexes().all().await,
        _ => {
            let options = options(app);
            let options = if random.below(2) == 0 { options.read_only(true) } else { options };
            db.transaction_with(options, async move |s| {
                let mut accounts = Vec::new();
                for id in 0..count {
                    accounts.push(s.get::<Account>((first.wrapping_add(id)) % count).await?.ok_or_not_found()?);
                }
                Ok(accounts)
            })
            .await
        }
    };
    if let Some(accounts) = settle(app, "look", accounts) {
        test_accounts(app, &accounts);
    }
}

pub(super) fn test_accounts(app: &Application, accounts: &[Account]) {
    let sum: i64 = accounts.iter().map(|account| account.balance).sum();
    let is_right = sum == BALANCE * app.sizes().accounts as i64 && accounts.iter().all(|account| account.balance >= 0);
    if app.is_strict() && (accounts.len() as u64 != app.sizes().accounts || !is_right) {
        app.world.violated(format!("the accounts have {sum}: {accounts:?}"));
    }
}

/// Inserts a row with a unique value, deletes one by its value, moves a value to another row, or swaps two.
async fn take_a_seat(app: &Application, db: &Database) {
    let (kind, number, other) = {
        let random = app.world.random();
        (random.below(5), random.below(app.sizes().seats), random.below(app.sizes().seats))
    };
    let holder = app.next();
    let result = match kind {
        0 | 1 => db.insert(Seat { number, holder, ..Default::default() }).await.map(|_| None),
        2 => {
            let moved = db.query::<Seat>().filter(Seat::NUMBER.eq(number));
            moved.update((Seat::NUMBER.set(other), Seat::HOLDER.set(holder))).await.map(|_| None)
        }
        3 => swap_seats(app, db, number, other).await.map(|()| None),
        _ => give_a_seat_up(app, db, number, holder).await,
    };
    let outcome = outcome_of(app, "seat", &result);
    if outcome == Outcome::Aborted {
        app.refused.lock().unwrap_or_else(PoisonError::into_inner).insert(holder);
    }
    let gone = settle(app, "seat", result).flatten();
    app.gone.lock().unwrap_or_else(PoisonError::into_inner).extend(gone);
}

async fn swap_seats(app: &Application, db: &Database, number: u64, other: u64) -> Result<()> {
    db.transaction_with(options(app), async move |s| {
        let one = s.query::<Seat>().filter(Seat::NUMBER.eq(number)).first().await?;
        let two = s.query::<Seat>().filter(Seat::NUMBER.eq(other)).first().await?;
        match (one, two) {
            (Some(one), Some(two)) if one.id != two.id => {
                s.update_many(&[Seat { number: other, ..one }, Seat { number, ..two }]).await.map(|_| ())
            }
            _ => Ok(()),
        }
    })
    .await
}

/// Deletes a seat, and half of the times gives its number to a new row in the same commit. Returns the one that is gone.
async fn give_a_seat_up(app: &Application, db: &Database, number: u64, holder: u64) -> Result<Option<Id<Seat>>> {
    let is_taken_again = app.world.random().below(2) == 0;
    db.transaction_with(options(app), async move |s| {
        let Some(seat) = s.query::<Seat>().filter(Seat::NUMBER.eq(number)).first().await? else { return Ok(None) };
        s.delete(&seat).await?;
        if is_taken_again {
            s.insert(Seat { number, holder, ..Default::default() }).await?;
        }
        Ok(Some(seat.id))
    })
    .await
}

/// Nobody is there who was refused, and no seat that was deleted.
pub(super) fn test_seats(app: &Application, seats: &[Seat]) {
    let (refused, gone) = (
        app.refused.lock().unwrap_or_else(PoisonError::into_inner),
        app.gone.lock().unwrap_or_else(PoisonError::into_inner),
    );
    for seat in seats {
        if refused.contains(&seat.holder) {
            app.world.violated(format!("{seat:?} is there, and its holder was refused"));
        }
        if gone.contains(&seat.id) && app.world.plan.survival == Survival::Acknowledged {
            app.world.violated(format!("{seat:?} is there after it was deleted"));
        }
    }
}

/// One goes off call if the other is on: a write skew would take both off.
async fn change_duty(app: &Application, db: &Database) -> Result<()> {
    let one = app.world.random().below(DUTIES);
    db.transaction_with(options(app), async move |s| {
        let mut mine = s.get::<Duty>(one).await?.ok_or_not_found()?;
        let other = s.get::<Duty>(one ^ 1).await?.ok_or_not_found()?;
        mine.on_call = !mine.on_call || !other.on_call;
        s.update(&mine).await?;
        Ok(())
    })
    .await
}

async fn write_twins(app: &Application, db: &Database, group: u64) -> Result<()> {
    let how = app.world.random().below(2);
    let says = app.next();
    if how == 0 {
        let both = db.query::<Twin>().filter(Twin::GROUP.eq(group));
        return both.update((Twin::SAYS.set(says),)).await.map(|_| ());
    }
    db.transaction_with(options(app), async move |s| {
        s.upsert_many((0..2).map(|side| Twin { group, side, says })).await.map(|_| ())
    })
    .await
}

/// Looks at both rows of a group, whatever was lost.
pub(super) async fn compare_twins(app: &Application, db: &Database, group: u64) {
    let twins = db.query::<Twin>().filter(Twin::GROUP.eq(group)).all().await;
    let Some(twins) = settle(app, "twins", twins) else { return };
    let says: Vec<u64> = twins.iter().map(|twin| twin.says).collect();
    if says.len() != 2 || says.first() != says.last() {
        app.world.violated(format!("what was written in one partition is torn: {twins:?}"));
    }
}

async fn increment(app: &Application, db: &Database) {
    // Whoever is dropped here does not know the outcome.
    app.uncounted.fetch_add(1, Ordering::SeqCst);
    let result = if app.world.random().below(2) == 0 {
        let counter = db.query::<Counter>().filter(Counter::ID.eq(1));
        counter.update((Counter::N.set(Counter::N + 1),)).await.map(|_| ())
    } else {
        db.transaction_with(options(app), async |s| {
            let mut counter = s.get::<Counter>(1_u64).await?.ok_or_not_found()?;
            counter.n += 1;
            s.update(&counter).await?;
            Ok(())
        })
        .await
    };
    let outcome = outcome_of(app, "increment", &result);
    if outcome != Outcome::Unknown {
        app.uncounted.fetch_sub(1, Ordering::SeqCst);
    }
    if settle(app, "increment", result).is_some() {
        app.counted.fetch_add(1, Ordering::SeqCst);
    }
}
