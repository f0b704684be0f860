//! Runs a transaction's body until it commits without a conflict.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use tokio::time::{Instant, sleep};

use super::attempt::{Attempts, Body, Ended};
use super::fairness::{Turn, is_time_for_a_turn};
use super::{Purpose, Session, TransactionOptions, TxBody};
use crate::error::{Error, Kind, Result};
use crate::metrics::{Event, TransactionEnd};
use crate::session::Shared;

/// How many attempts are followed by the next at once.
const EAGER: u32 = 4;
/// The shortest first pause; each further one is up to twice as long.
const FIRST_PAUSE: Duration = Duration::from_micros(50);
/// The longest pause, unless an attempt takes longer.
const LONGEST_PAUSE: Duration = Duration::from_millis(250);

/// How long a transaction may take.
struct Limits {
    begun: Instant,
    retry_for: Duration,
    timeout: Option<Duration>,
}

impl Limits {
    /// For how long a conflict is tried again still.
    fn left(&self) -> Duration {
        self.retry_for.min(self.timeout.unwrap_or(Duration::MAX)).saturating_sub(self.begun.elapsed())
    }

    /// Waits for a future until the time-out; none if that came first.
    async fn within<F: Future>(&self, future: F) -> Option<F::Output> {
        match self.timeout {
            Some(timeout) => tokio::time::timeout(timeout.saturating_sub(self.begun.elapsed()), future).await.ok(),
            None => Some(future.await),
        }
    }

    /// Whether the time-out has come.
    fn is_over(&self) -> bool {
        self.timeout.is_some_and(|timeout| self.begun.elapsed() >= timeout)
    }

    /// The time-out came first.
    fn passed(&self, shared: &Shared, attempt: u32) -> Error {
        ended(shared, TransactionEnd::Failed, attempt, self.begun);
        Kind::TimedOut(self.timeout.unwrap_or_default()).into()
    }
}

/// Whether a transaction has waited for its turn. It does once.
enum Asked<'s> {
    Not,
    Has(Turn<'s>),
    InVain,
}

/// Runs `body` in sessions of its own, again after each conflict, as often and as long as the options allow.
pub(crate) async fn run<F, T, E>(
    shared: &Arc<Shared>,
    options: TransactionOptions,
    purpose: Purpose,
    body: F,
) -> Result<T, E>
where
    F: for<'t> TxBody<&'t Session, Result<T, E>, Fut: Send> + Clone + Send,
    T: Send,
    E: From<Error> + Send,
{
    let mut body = Body::new(body);
    let ran = repeat(shared, options, purpose, &mut body).await;
    body.result(ran)
}

/// Runs a body until it ends without a conflict. Fails with what is to be told in the place of the last attempt's own result.
pub(super) fn repeat<'a>(
    shared: &'a Arc<Shared>,
    options: TransactionOptions,
    purpose: Purpose,
    body: &'a mut dyn Attempts,
) -> BoxFuture<'a, Result<()>> {
    Box::pin(attempts(shared, options, purpose, body))
}

async fn attempts(
    shared: &Arc<Shared>,
    options: TransactionOptions,
    mut purpose: Purpose,
    body: &mut dyn Attempts,
) -> Result<()> {
    let begun = Instant::now();
    let limits = Limits { begun, retry_for: options.retry_for, timeout: options.timeout };
    let mut attempt = 1;
    let mut turn = Asked::Not;
    let mut took = Duration::ZERO;
    // What is left of the time is the first attempt's to use up.
    let _ = limits.within(shared.turns.let_pass(&shared.committer)).await;
    loop {
        let left = limits.left();
        let alone = match &turn {
            Asked::Has(turn) => turn.alone(took, left).await,
            _ => None,
        };
        let attempted = Instant::now();
        let session = Session::new(shared.clone(), options.clone(), purpose);
        let attempt_of_body = body.attempt(&session);
        let ended_body = match &turn {
            Asked::Has(_) => limits.within(shared.turns.inside(attempt_of_body)).await,
            _ => limits.within(attempt_of_body).await,
        };
        let Some(ended_body) = ended_body else { return Err(limits.passed(shared, attempt)) };
        let is_well = ended_body == Ended::Well;
        let passed = if alone.is_none() && session.writes() {
            let Some(passed) = limits.within(shared.turns.pass()).await else {
                return Err(limits.passed(shared, attempt));
            };
            passed
        } else {
            None
        };
        let outcome = session.finish(is_well).await;
        drop((passed, alone));
        took = attempted.elapsed();
        let conflict = match outcome {
            Ok(()) => {
                ended(shared, if is_well { TransactionEnd::Committed } else { TransactionEnd::Failed }, attempt, begun);
                return Ok(());
            }
            Err(error) if error.is_conflict() => error,
            // Of several violated constraints the one is reported that a statement of a session meets first, on each store.
            Err(_) if purpose == Purpose::OneStatement && session.is_ambiguous() => {
                purpose = Purpose::Transaction;
                continue;
            }
            // The body failed by itself: its error says more than that the session could not be checked.
            Err(error) => {
                ended(shared, TransactionEnd::of(&error), attempt, begun);
                return if is_well { Err(error) } else { Ok(()) };
            }
        };
        let left = limits.left();
        let again = attempt < options.max_attempts && !left.is_zero();
        shared.metrics.tell(|| Event::Conflict { attempt, again });
        if limits.is_over() {
            return Err(limits.passed(shared, attempt));
        }
        if !again {
            ended(shared, TransactionEnd::Failed, attempt, begun);
            return Err(gave_up(conflict, attempt));
        }
        tracing::debug!(target: "rome_orm::transaction", attempt, %conflict, "tried again");
        pause(shared, attempt, (took, begun.elapsed()), left, &mut turn).await;
        attempt += 1;
    }
}

/// Tells of the commit of an explicit session, which nobody repeats.
pub(super) fn tell_of_commit(shared: &Shared, result: &Result<()>, begun: Instant) {
    if matches!(result, Err(error) if error.is_conflict()) {
        shared.metrics.tell(|| Event::Conflict { attempt: 1, again: false });
    }
    ended(shared, result.as_ref().map_or_else(TransactionEnd::of, |()| TransactionEnd::Committed), 1, begun);
}

/// Tells of a statement that only read.
pub(super) fn ended_reading(shared: &Shared, well: bool, begun: Instant) {
    ended(shared, if well { TransactionEnd::Committed } else { TransactionEnd::Failed }, 1, begun);
}

fn ended(shared: &Shared, end: TransactionEnd, attempts: u32, begun: Instant) {
    tracing::debug!(target: "rome_orm::transaction", ?end, attempts, elapsed = ?begun.elapsed(), "ended");
    shared.metrics.tell(|| Event::Transaction { end, attempts, elapsed: begun.elapsed() });
}

fn gave_up(conflict: Error, attempts: u32) -> Error {
    match conflict.into_kind() {
        Kind::Conflict { what, .. } => Kind::Conflict { attempts, what }.into(),
        other => other.into(),
    }
}

/// Exponential back-off with full jitter. The first times it only lets others run: with optimistic checks somebody has
/// committed, so trying again at once mostly works, and a timer's pause is at least a millisecond.
///
/// Pauses begin with what an attempt takes and may grow long, so that of many that want the same row few are in the middle of
/// an attempt at any time. If all are, always, then short transactions win and long ones starve. Whoever goes on losing waits for
/// a turn instead, and then tries at once, alone if an attempt takes long.
async fn pause<'s>(
    shared: &'s Shared,
    attempt: u32,
    (took, all): (Duration, Duration),
    left: Duration,
    turn: &mut Asked<'s>,
) {
    if !is_time_for_a_turn(attempt, EAGER, all) {
        tokio::task::yield_now().await;
        return;
    }
    match turn {
        Asked::Has(turn) => {
            if turn.record_loss(took) {
                sleep(shared.committer.random_pause(took.saturating_mul(2)).min(left)).await;
            }
            return;
        }
        Asked::Not => {
            if let Some(mut own) = shared.turns.wait(left).await {
                own.took(took);
                *turn = Asked::Has(own);
                return;
            }
            *turn = Asked::InVain;
        }
        Asked::InVain => {}
    }
    let most =
        FIRST_PAUSE.max(took).saturating_mul(1 << attempt.saturating_sub(EAGER).min(20)).min(LONGEST_PAUSE.max(took));
    sleep(shared.committer.random_pause(most).min(left)).await;
}
