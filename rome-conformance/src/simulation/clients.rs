//! What the clients of the simulated application do.
//!
//! Each action has an invariant that a torn commit, a lost update, a phantom or a dishonest error breaks. What readers see is
//! tested at once; the rest at the end, by the audit.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rome_core::session::TransactionOptions;
use rome_core::{Database, Error, OrNotFound, Result};
use tokio::time::sleep;

use super::Survival;
use super::drops::drop_at;
use super::lists;
use super::tables::{ACCOUNTS, Account, BALANCE, Counter, DUTIES, Duty, SEATS, Seat};
use super::world::World;
use crate::history::{Log, Outcome};

/// What all clients share.
pub(super) struct Application {
    pub(super) world: Arc<World>,
    pub(super) log: Log,
    /// Gives each appended value and each holder of a seat once.
    next: AtomicU64,
    /// Increments that were acknowledged, and those whose outcome is unknown.
    pub(super) counted: AtomicU64,
    pub(super) uncounted: AtomicU64,
}

impl Application {
    pub(super) fn new(world: Arc<World>) -> Self {
        Self {
            world,
            log: Log::new(),
            next: AtomicU64::new(1),
            counted: AtomicU64::new(0),
            uncounted: AtomicU64::new(0),
        }
    }

    pub(super) fn next(&self) -> u64 {
        self.next.fetch_add(1, Ordering::SeqCst)
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
        let kind = app.world.random().below(16);
        let action = async {
            match kind {
                0..=5 => lists::transact(&app, &db).await,
                6 => lists::read_by_one_statement(&app, &db).await,
                7..=8 => drop(settle(&app, "transfer", transfer(&app, &db).await)),
                9 => look(&app, &db).await,
                10..=12 => take_a_seat(&app, &db).await,
                13..=14 => drop(settle(&app, "duty", change_duty(&app, &db).await)),
                _ => increment(&app, &db).await,
            }
        };
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
    TransactionOptions::new().attempts(app.world.random().pick([1, 5, 30]))
}

async fn transfer(app: &Application, db: &Database) -> Result<()> {
    let (from, to, amount) = {
        let mut random = app.world.random();
        (random.below(ACCOUNTS), random.below(ACCOUNTS), random.between(0, 60) as i64)
    };
    db.transaction_with(options(app), async move |s| {
        let mut source = s.get::<Account>(from).await?.ok_or_not_found()?;
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
    let how = app.world.random().below(3);
    let accounts = match how {
        0 => db.query::<Account>().order_by(Account::BALANCE.asc()).all().await,
        1 => db.query::<Account>().ignore_indexes().all().await,
        _ => {
            let options = options(app);
            let options = if app.world.random().below(2) == 0 { options.read_only() } else { options };
            db.transaction_with(options, async move |s| {
                let mut accounts = Vec::new();
                for id in 0..ACCOUNTS {
                    accounts.push(s.get::<Account>(id).await?.ok_or_not_found()?);
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
    let is_right = sum == BALANCE * ACCOUNTS as i64 && accounts.iter().all(|account| account.balance >= 0);
    if app.is_strict() && (accounts.len() as u64 != ACCOUNTS || !is_right) {
        app.world.violated(format!("the accounts have {sum}: {accounts:?}"));
    }
}

/// Inserts a row with a unique value, deletes one by its value, moves a value to another row, or swaps two.
async fn take_a_seat(app: &Application, db: &Database) {
    let (kind, number, other) = {
        let mut random = app.world.random();
        (random.below(5), random.below(SEATS), random.below(SEATS))
    };
    let holder = app.next();
    let options = options(app);
    let find = |number| Seat::NUMBER.eq(number);
    let result = match kind {
        0 | 1 => db.insert(Seat { number, holder, ..Default::default() }).await.map(|_| ()),
        2 => db.query::<Seat>().filter(find(number)).delete_all().await.map(|_| ()),
        3 => {
            let moved = db.query::<Seat>().filter(find(number));
            moved.update_all((Seat::NUMBER.set(other), Seat::HOLDER.set(holder))).await.map(|_| ())
        }
        _ => {
            db.transaction_with(options, async move |s| {
                let one = s.query::<Seat>().filter(Seat::NUMBER.eq(number)).first().await?;
                let two = s.query::<Seat>().filter(Seat::NUMBER.eq(other)).first().await?;
                match (one, two) {
                    (Some(one), Some(two)) if one.id != two.id => {
                        s.update_all(&[Seat { number: other, ..one }, Seat { number, ..two }]).await.map(|_| ())
                    }
                    // The value goes from one row to a new one, in one commit.
                    (Some(one), None) => {
                        s.delete(&one).await?;
                        s.insert(Seat { number, holder, ..Default::default() }).await.map(|_| ())
                    }
                    _ => Ok(()),
                }
            })
            .await
        }
    };
    settle(app, "seat", result);
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

async fn increment(app: &Application, db: &Database) {
    // Whoever is dropped here does not know the outcome.
    app.uncounted.fetch_add(1, Ordering::SeqCst);
    let result = if app.world.random().below(2) == 0 {
        let counter = db.query::<Counter>().filter(Counter::ID.eq(1));
        counter.update_all((Counter::N.set(Counter::N + 1),)).await.map(|_| ())
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
