//! One thing that a client does, and how it ends.

use rome_core::{Database, Error};

use super::{pairs, seats};
use crate::history::{Log, Outcome};
use crate::workloads::{bank, counters, lists};

/// One thing that a client does.
#[derive(Debug, Clone)]
pub(super) enum Deed {
    Lists(Vec<lists::Task>),
    Transfer { from: u64, to: u64, amount: i64 },
    Look,
    Count { in_one_statement: bool },
    Take { number: u64, holder: u64 },
    Leave { number: u64, holder: u64 },
    Pair { pair: u64, n: u64 },
}

/// How it ended.
#[derive(Debug)]
pub(super) enum End {
    Committed(Seen),
    Failed,
    Unknown,
    /// What it saw cannot be.
    Wrong(String),
}

/// What it saw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Seen {
    Nothing,
    /// The numbers of a pair before it was written.
    Pair([u64; 2]),
    /// Whether the seat that was left had been there.
    Seat(bool),
}

impl Deed {
    pub(super) async fn carry_out(&self, db: &Database, log: &Log) -> End {
        match self {
            Self::Lists(tasks) => match lists::transact(db, log, tasks.clone()).await {
                Outcome::Committed => End::Committed(Seen::Nothing),
                Outcome::Aborted => End::Failed,
                Outcome::Unknown => End::Unknown,
            },
            Self::Look => match bank::look(db).await {
                Ok(()) => End::Committed(Seen::Nothing),
                Err(violation) => End::Wrong(violation.to_string()),
            },
            Self::Transfer { from, to, amount } => {
                ended(bank::transfer(db, *from, *to, *amount).await.map(|()| Seen::Nothing))
            }
            Self::Count { in_one_statement } => {
                ended(counters::increment(db, *in_one_statement).await.map(|()| Seen::Nothing))
            }
            Self::Take { number, holder } => ended(seats::take(db, *number, *holder).await.map(|()| Seen::Nothing)),
            Self::Leave { number, holder } => ended(seats::leave(db, *number, *holder).await.map(Seen::Seat)),
            Self::Pair { pair, n } => ended(pairs::write(db, *pair, *n).await.map(Seen::Pair)),
        }
    }
}

fn ended(result: Result<Seen, Error>) -> End {
    match result {
        Ok(seen) => End::Committed(seen),
        Err(error) if error.is_outcome_unknown() => End::Unknown,
        Err(error) if error.is_corrupt() => End::Wrong(error.to_string()),
        Err(_) => End::Failed,
    }
}
