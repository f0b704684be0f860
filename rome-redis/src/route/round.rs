//! What goes out at once: one pipeline to each server.

use std::pin::pin;
use tokio::time::Instant;

use futures::future::join_all;
use redis::{Pipeline, Value};
use rome_store::{StoreError, StoreErrorKind, StoreResult};

use super::conn::PartitionConn;
use super::router::Router;
use crate::partition_keys::PartitionKeys;
use crate::reply::unexpected;
use crate::script::bundle::{Answers, BatchedStep, Bundles};

/// The longest time to wait for replicas, in milliseconds: some weeks.
const LONGEST_WAIT: u64 = 1 << 31;

/// Commands for several partitions, gathered by server.
#[derive(Default)]
pub(crate) struct Round<'a> {
    parcels: Vec<Parcel<'a>>,
}

struct Parcel<'a> {
    conn: PartitionConn,
    /// Commands, or steps: a round has one of the two.
    pipeline: Pipeline,
    steps: Vec<BatchedStep<'a>>,
    /// Whose commands they are, in order, and how many.
    parts: Vec<(usize, usize)>,
    slots: Vec<u16>,
    small: bool,
}

/// How many replicas have to confirm what is written, and until when to look for a connection for that.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Confirm {
    pub(crate) n: u8,
    pub(crate) until: Instant,
}

/// What became of the commands for one server.
#[derive(Debug)]
pub(crate) struct Sent {
    /// The server.
    pub(crate) conn: PartitionConn,
    /// Whose commands they were, and the replies to each; none if they were lost or not sent.
    pub(crate) parts: Vec<(usize, Vec<Value>)>,
    /// Why replies are missing.
    pub(crate) error: Option<StoreError>,
}

impl<'a> Round<'a> {
    /// Adds commands to what goes to a server; `whose` says to whom to give their replies. `fill` says
    /// whether they are so few that the calls of others may wait for them.
    pub(crate) fn add(
        &mut self,
        conn: PartitionConn,
        partition: &PartitionKeys,
        whose: usize,
        fill: impl FnOnce(&mut Pipeline) -> bool,
    ) {
        let parcel = self.parcel(conn, partition);
        let before = parcel.pipeline.len();
        parcel.small &= fill(&mut parcel.pipeline);
        parcel.parts.push((whose, parcel.pipeline.len() - before));
    }

    /// Adds a step. `small` says whether the calls of others may wait for it.
    pub(crate) fn add_step(
        &mut self,
        conn: PartitionConn,
        partition: &PartitionKeys,
        whose: usize,
        step: BatchedStep<'a>,
        small: bool,
    ) {
        let parcel = self.parcel(conn, partition);
        parcel.steps.push(step);
        parcel.small &= small;
        parcel.parts.push((whose, 1));
    }

    /// What goes to a server.
    fn parcel(&mut self, conn: PartitionConn, partition: &PartitionKeys) -> &mut Parcel<'a> {
        let same = |parcel: &Parcel<'_>| {
            parcel.conn.node.address() == conn.node.address() && parcel.conn.asking == conn.asking
        };
        let at = self.parcels.iter().position(same).unwrap_or_else(|| {
            let (pipeline, steps, parts, slots) = (redis::pipe(), Vec::new(), Vec::new(), Vec::new());
            // One server, as a rule.
            self.parcels.reserve_exact(1);
            self.parcels.push(Parcel { conn, pipeline, steps, parts, slots, small: true });
            self.parcels.len() - 1
        });
        let parcel = self.parcels.get_mut(at).expect("it was found or added just now");
        if !parcel.slots.contains(&partition.slot) {
            parcel.slots.push(partition.slot);
        }
        parcel
    }

    /// Sends all pipelines at the same time, and waits for all replies. With `confirm`, each goes out on a connection of its
    /// own, and replicas have to confirm its steps; a round of commands alone has nothing to confirm.
    pub(crate) async fn send(self, router: &Router, confirm: Option<&Confirm>) -> Vec<Sent> {
        let parcels = self.parcels;
        let answers = match &*parcels {
            [parcel] => vec![parcel.send(router, confirm).await],
            parcels => Box::pin(join_all(parcels.iter().map(|parcel| parcel.send(router, confirm)))).await,
        };
        // Not where the parcels lie, which are larger.
        let mut sent = Vec::with_capacity(parcels.len());
        sent.extend(parcels.into_iter().zip(answers).map(|(parcel, answer)| parcel.sent(answer)));
        sent
    }
}

impl Parcel<'_> {
    async fn send(&self, router: &Router, confirm: Option<&Confirm>) -> StoreResult<Vec<Value>> {
        let exchanged = pin!(self.exchange(router, confirm));
        let answer = router.watched(&self.conn.node, &self.slots, self.conn.asking, exchanged).await;
        answer.unwrap_or_else(|| Err(self.conn.node.link.silent().with_unknown_outcome()))
    }

    /// Gives each its replies.
    fn sent(self, answer: StoreResult<Vec<Value>>) -> Sent {
        let (replies, error) = match answer {
            Ok(replies) => (replies, None),
            Err(error) => (Vec::new(), Some(error)),
        };
        let mut replies = replies.into_iter();
        let parts = self.parts.into_iter().map(|(whose, n)| (whose, replies.by_ref().take(n).collect())).collect();
        Sent { conn: self.conn, parts, error }
    }

    async fn exchange(&self, router: &Router, confirm: Option<&Confirm>) -> StoreResult<Vec<Value>> {
        let (conn, live) = (&self.conn, &self.conn.live);
        if confirm.is_none() && self.small && !conn.asking {
            return match &*self.steps {
                [] => conn.node.batcher.call(live, &self.pipeline).await,
                steps => conn.node.batcher.apply(live, steps).await,
            };
        }
        Box::pin(self.exchange_alone(router, confirm)).await
    }

    /// Sends it by itself.
    async fn exchange_alone(&self, router: &Router, confirm: Option<&Confirm>) -> StoreResult<Vec<Value>> {
        let conn = &self.conn;
        if self.steps.is_empty() {
            debug_assert!(confirm.is_none(), "commands write nothing that replicas could confirm");
            return exchange(conn, &self.pipeline).await;
        }
        let (mut bundles, mut pipeline) = (Bundles::default(), redis::pipe());
        let answer_slots: Vec<_> = self.steps.iter().map(|step| bundles.add(step)).collect();
        let calls = bundles.finish(&router.setup.scripts, &router.setup.owner(conn.live.run()), &mut pipeline);
        let replies = match confirm {
            None => exchange(conn, &pipeline).await?,
            Some(confirm) => exchange_and_wait(conn, pipeline, confirm).await?,
        };
        let mut answers = Answers::new(&calls, replies.into_iter());
        Ok(answer_slots.into_iter().map(|slot| answers.take(slot)).collect())
    }
}

async fn exchange(conn: &PartitionConn, pipeline: &Pipeline) -> StoreResult<Vec<Value>> {
    if !conn.asking {
        return conn.node.link.call(&conn.live, pipeline).await;
    }
    let mut announced = redis::pipe();
    for command in pipeline.cmd_iter() {
        announced.cmd("ASKING");
        announced.add_command(command.clone());
    }
    let replies = conn.node.link.call(&conn.live, &announced).await?;
    Ok(replies.into_iter().skip(1).step_by(2).collect())
}

async fn exchange_and_wait(conn: &PartitionConn, mut pipeline: Pipeline, confirm: &Confirm) -> StoreResult<Vec<Value>> {
    let (node, Confirm { n, until }) = (&conn.node, *confirm);
    let (link, replicas) = (&node.link, &node.replicas);
    let taken = replicas.take(link, until).await?;
    if taken.live.run() != conn.live.run() {
        replicas.close();
        link.lose(&conn.live);
        let message = format!("the Redis server at {} has just been started again", link.address);
        return Err(StoreError::new(StoreErrorKind::Unavailable, message));
    }
    // Not 0, which would be for ever, and not more than the server takes: it has carried out the writes by then.
    let timeout = u64::try_from(link.setup.options.replica_timeout.as_millis()).unwrap_or(LONGEST_WAIT);
    pipeline.cmd("WAIT").arg(n).arg(timeout.clamp(1, LONGEST_WAIT));
    let own = PartitionConn { live: taken.live.clone(), ..conn.clone() };
    // Announcements stand before commands alone, and WAIT needs none.
    let mut replies = exchange(&own, &pipeline).await.inspect_err(|_| replicas.close())?;
    let confirmed = replies.pop();
    if let Some(Value::Int(_)) = confirmed {
        replicas.give_back(taken);
    } else {
        // It is a primary no more.
        node.lose_all();
    }
    are_enough(confirmed.as_ref(), n)?;
    Ok(replies)
}

fn are_enough(confirmed: Option<&Value>, n: u8) -> StoreResult<()> {
    let confirmed = match confirmed {
        Some(Value::Int(confirmed)) => *confirmed,
        other => return Err(unexpected(other.unwrap_or(&Value::Nil)).with_unknown_outcome()),
    };
    if confirmed >= i64::from(n) {
        return Ok(());
    }
    let message = format!("{confirmed} of {n} replicas confirmed in time; it may be applied at the primary alone");
    Err(StoreError::new(StoreErrorKind::Unavailable, message).with_unknown_outcome())
}
