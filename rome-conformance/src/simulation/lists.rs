//! List-append over rows and over index scans, for the check of the history.

use std::time::Duration;

use rome_core::session::Session;
use rome_core::{Database, Result};
use tokio::time::sleep;

use super::clients::{Application, options, outcome_of, settle};
use super::tables::{Item, List};
use crate::history::{Op, Outcome};

/// Something to do with a list.
#[derive(Debug, Clone, Copy)]
enum Task {
    Read(u64),
    Append(u64, u64),
}

/// Appends to lists and reads them, one to three in a transaction; or reads a few.
pub(super) async fn transact(app: &Application, db: &Database) {
    let (n, reads) = {
        let random = app.world.random();
        if random.per_mille(app.world.plan.readers) {
            (random.between(2, 4), 1000)
        } else {
            (random.between(1, 3), 300)
        }
    };
    let task = |_| {
        let (list, is_read) = {
            let random = app.world.random();
            (random.below(app.sizes().lists), random.per_mille(reads))
        };
        if is_read { Task::Read(list) } else { Task::Append(list, app.next()) }
    };
    run(app, db, (0..n).map(task).collect()).await;
}

/// Reads all lists in one transaction; says whether it committed.
pub(super) async fn read_all(app: &Application, db: &Database) -> bool {
    run(app, db, (0..app.sizes().lists).map(Task::Read).collect()).await == Outcome::Committed
}

/// Appends to each list in a transaction of its own, once; says whether all committed.
pub(super) async fn append_to(app: &Application, db: &Database, list: u64) -> bool {
    run(app, db, vec![Task::Append(list, app.next())]).await == Outcome::Committed
}

async fn run(app: &Application, db: &Database, tasks: Vec<Task>) -> Outcome {
    let mut running = app.log.begin();
    // If this is dropped on the way, they may have happened.
    tasks.iter().filter_map(|task| task.as_append()).for_each(|append| running.did(append));
    let rows = app.sizes().lists / 2;
    // Others do much between two statements of this one.
    let pause = if app.world.random().below(3) == 0 { app.world.random().between(1, 60) } else { 0 };
    let result = db
        .transaction_with(options(app), async move |s| {
            let mut ops = Vec::new();
            for task in tasks {
                task.carry_out(s, rows, &mut ops).await?;
                if pause > 0 {
                    sleep(Duration::from_millis(pause)).await;
                }
            }
            Ok(ops)
        })
        .await;
    let outcome = outcome_of(app, "lists", &result);
    app.world.say(format_args!(
        "{} lists: {outcome:?} {}",
        super::process::client(),
        result.as_ref().map_or(String::new(), |ops| format!("{ops:?}"))
    ));
    if let Some(ops) = settle(app, "lists", result) {
        running.retries();
        ops.into_iter().for_each(|op| running.did(op));
    }
    running.ended(outcome);
    outcome
}

/// Reads lists by one statement, without a transaction.
pub(super) async fn read_by_one_statement(app: &Application, db: &Database) {
    let rows = app.sizes().lists / 2;
    let (by_row, list) = {
        let random = app.world.random();
        (random.below(2) == 0, random.between(rows, app.sizes().lists - 1))
    };
    let mut running = app.log.begin();
    let result = if by_row {
        db.query::<List>().all().await.map(|all| {
            let read = |key| {
                let row = all.iter().find(|row| row.id == key);
                Op::Read { key, list: row.map_or_else(Vec::new, |row| row.members.clone()) }
            };
            (0..rows).map(read).collect::<Vec<_>>()
        })
    } else {
        let items = db.query::<Item>().filter(Item::LIST.eq(list)).order_by(Item::PLACE.asc()).all().await;
        items.map(|items| vec![Op::Read { key: list, list: items.iter().map(|item| item.value).collect() }])
    };
    let outcome = outcome_of(app, "statement", &result);
    if let Some(ops) = settle(app, "statement", result) {
        app.world.say(format_args!("{} statement: {ops:?}", super::process::client()));
        ops.into_iter().for_each(|op| running.did(op));
    }
    running.ended(outcome);
}

impl Task {
    const fn as_append(self) -> Option<Op> {
        match self {
            Self::Append(key, value) => Some(Op::Append { key, value }),
            Self::Read(_) => None,
        }
    }

    async fn carry_out(self, s: &Session, rows: u64, ops: &mut Vec<Op>) -> Result<()> {
        match self {
            Self::Read(list) if list < rows => {
                let row = s.get::<List>(list).await?.unwrap_or_default();
                ops.push(Op::Read { key: list, list: row.members });
            }
            Self::Read(list) => {
                let items = s.query::<Item>().filter(Item::LIST.eq(list)).order_by(Item::PLACE.asc()).all().await?;
                ops.push(Op::Read { key: list, list: items.into_iter().map(|item| item.value).collect() });
            }
            Self::Append(list, value) if list < rows => {
                let mut row = s.get::<List>(list).await?.unwrap_or_default();
                ops.push(Op::Read { key: list, list: row.members.clone() });
                row.id = list;
                row.members.push(value);
                s.upsert(row).await?;
                ops.push(Op::Append { key: list, value });
            }
            Self::Append(list, value) => {
                let last = s.query::<Item>().filter(Item::LIST.eq(list)).order_by(Item::PLACE.desc()).first().await?;
                let place = last.map_or(0, |last| last.place + 1);
                s.insert(Item { value, list, place }).await?;
                ops.push(Op::Append { key: list, value });
            }
        }
        Ok(())
    }
}
