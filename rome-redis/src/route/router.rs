//! Finds the server of a partition, and follows the partition through failovers and moved slots.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use futures::future::{self, Either};
use rome_core::store::{StoreError, StoreErrorKind, StoreResult};

use super::ownership::{self, Make, Opened};
use super::redirect::{Passing, on_the_move};
use super::seat::{Lesson, Seat, Stop};
use super::topology::Topology;
use crate::link;
use crate::node::Node;
use crate::partition_keys::PartitionKeys;
use crate::setup::{Pause, Setup};
use crate::target::Target;

/// After how long without an answer to look whether another node has taken over.
const SUSPICIOUS: Duration = Duration::from_secs(1);

/// Finds the servers of partitions.
#[derive(Debug)]
pub(crate) struct Router {
    pub(crate) setup: Arc<Setup>,
    way: Way,
}

#[derive(Debug)]
enum Way {
    Server(Arc<Node>),
    Cluster(Box<Topology>),
}

/// What to do at a server.
#[derive(Debug, Clone, Copy)]
enum Errand<'a> {
    /// Have the partition adopted, if it is not.
    Sit,
    /// Look for it.
    Open(Make<'a>),
}

impl Router {
    pub(crate) fn new(setup: &Arc<Setup>) -> StoreResult<Self> {
        let way = match &setup.target {
            Target::Server(_) => Way::Server(Arc::new(Node::new(setup, "")?)),
            Target::Cluster { nodes, .. } => Way::Cluster(Box::new(Topology::new(setup, nodes))),
        };
        Ok(Self { setup: setup.clone(), way })
    }

    /// All servers that have partitions.
    pub(crate) async fn servers(&self) -> StoreResult<Vec<Arc<Node>>> {
        match &self.way {
            Way::Server(node) => Ok(vec![node.clone()]),
            Way::Cluster(topology) => {
                topology.refresh().await?;
                Ok(topology.primaries())
            }
        }
    }

    /// A seat for a partition that is there, also by way of a node that the slot is moving to.
    ///
    /// # Errors
    /// When there is none by `until`. Nothing was done then.
    pub(crate) async fn seat(
        &self,
        partition: &PartitionKeys,
        detour: Option<&str>,
        until: Instant,
    ) -> StoreResult<Seat> {
        if detour.is_none()
            && let Some(seat) = self.ready_seat(partition)
        {
            return Ok(seat);
        }
        // What is rare has its own room, so that the futures of all calls need not hold it.
        Ok(Box::pin(self.find(partition, detour, Errand::Sit, until)).await?.0)
    }

    /// Opens a partition, or looks at it.
    pub(crate) async fn open(&self, partition: &PartitionKeys, make: Make<'_>, until: Instant) -> StoreResult<Opened> {
        Ok(self.find(partition, None, Errand::Open(make), until).await?.1)
    }

    /// The usual case: the server is known, connected, and has adopted the partition.
    fn ready_seat(&self, partition: &PartitionKeys) -> Option<Seat> {
        let node = match &self.way {
            Way::Server(node) => node.clone(),
            Way::Cluster(topology) => topology.serving(partition.slot)?,
        };
        let live = node.link.current()?;
        node.has_adopted(partition.number, &live).then_some(Seat { node, live, asking: false })
    }

    /// Finds the server of a partition and does something there, again and again until it is not refused.
    async fn find(
        &self,
        partition: &PartitionKeys,
        detour: Option<&str>,
        errand: Errand<'_>,
        until: Instant,
    ) -> StoreResult<(Seat, Opened)> {
        link::check_runtime()?;
        let mut detour = detour.map(str::to_owned);
        let mut pause = Pause::default();
        loop {
            let tried = match self.connect(partition, detour.take(), until).await {
                Ok(seat) => {
                    let (node, asking) = (seat.node.clone(), seat.asking);
                    let done = self
                        .watched(&node, &[partition.slot], asking, pin!(self.run(errand, partition, seat, until)))
                        .await;
                    done.unwrap_or_else(|| Err(node.link.silent().into()))
                }
                Err(error) => Err(Stop::Failed(error)),
            };
            let error = match tried {
                Ok(done) => return Ok(done),
                Err(Stop::Passing(Passing::Ask(node))) => {
                    detour = Some(node.clone());
                    Passing::Ask(node).into_error()
                }
                Err(Stop::Passing(passing)) => self.learn(partition, passing).await,
                Err(Stop::Failed(error)) if error.kind() == StoreErrorKind::Unavailable => {
                    self.refresh().await;
                    error
                }
                Err(Stop::Failed(error)) => return Err(error),
            };
            if !pause.is_over_before(self.setup.until(until)).await {
                return Err(error);
            }
        }
    }

    async fn run(
        &self,
        errand: Errand<'_>,
        partition: &PartitionKeys,
        seat: Seat,
        until: Instant,
    ) -> Result<(Seat, Opened), Stop> {
        let make = match errand {
            Errand::Open(make) => make,
            Errand::Sit => Make::Never,
        };
        // The task that holds it may be of a runtime that is not running now.
        let until = until.max(Instant::now() + self.setup.options.connect_timeout);
        let adopting = tokio::time::timeout_at(until, partition.adopting.lock()).await;
        let Ok(_adopting) = adopting else { return Err(seat.node.link.silent().into()) };
        if matches!(errand, Errand::Sit) && seat.node.has_adopted(partition.number, &seat.live) {
            return Ok((seat, Opened::Absent));
        }
        let opened = ownership::open(partition, &seat, make).await?;
        if matches!(errand, Errand::Sit) {
            // Rows may be sent on to a node before what says of which database they are: that is no loss.
            if seat.asking && matches!(opened, Opened::Absent) {
                return Err(Stop::Passing(Passing::Wait(on_the_move(seat.node.address()))));
            }
            opened.is_there(&self.setup)?;
        }
        if matches!(opened, Opened::There { .. }) {
            partition.forget_ready();
            seat.node.note_adopted(partition.number, Some(&seat.live));
        }
        Ok((seat, opened))
    }

    async fn connect(&self, partition: &PartitionKeys, detour: Option<String>, until: Instant) -> StoreResult<Seat> {
        let topology = match &self.way {
            Way::Server(node) => {
                let live = node.link.live(until, true).await?;
                return Ok(Seat { node: node.clone(), live, asking: false });
            }
            Way::Cluster(topology) => topology,
        };
        let asking = detour.is_some();
        let node = match detour {
            Some(address) => topology.node(&address)?,
            None => match topology.serving(partition.slot) {
                Some(node) => node,
                None => {
                    topology.refresh().await?;
                    topology.serving(partition.slot).ok_or_else(|| not_served(partition))?
                }
            },
        };
        // Another node may take over while this one does not answer.
        let soon = until.min(Instant::now() + self.setup.options.connect_timeout);
        let live = self.watched(&node, &[partition.slot], asking, pin!(node.link.live(soon, false))).await;
        let live = live.unwrap_or_else(|| Err(node.link.silent()))?;
        Ok(Seat { node, live, asking })
    }

    /// Makes the best of a round; gives the last trouble that it had, if any.
    pub(crate) async fn learn_all(&self, lessons: Vec<Lesson<'_>>) -> StoreResult<()> {
        let mut trouble = Ok(());
        for lesson in lessons {
            trouble = Err(match lesson {
                Lesson::Refused(partition, passing) => self.learn(partition, passing).await,
                Lesson::Lost(error) => {
                    self.refresh().await;
                    error
                }
                Lesson::Again(error) => error,
            });
        }
        trouble
    }

    /// Makes the best of a refusal, before the next attempt; gives it back as an error.
    pub(crate) async fn learn(&self, partition: &PartitionKeys, passing: Passing) -> StoreError {
        match (&self.way, &passing) {
            (Way::Cluster(topology), Passing::Moved(node)) => {
                if let Err(error) = topology.note_moved(partition.slot, node) {
                    return error;
                }
            }
            (_, Passing::Wait(_)) => self.refresh().await,
            _ => {}
        }
        passing.into_error()
    }

    /// Looks at how the cluster is made up; without an answer, what was known stays.
    pub(crate) async fn refresh(&self) {
        if let Way::Cluster(topology) = &self.way
            && let Err(error) = topology.refresh().await
        {
            tracing::debug!(%error, "no node tells how the cluster is made up");
        }
    }

    /// Waits for a server, but not for longer than it serves these slots: a node that hangs is replaced by another, and then its
    /// reply would come too late or never. None if it was; what was sent to it may then be carried out or not.
    pub(super) async fn watched<T>(
        &self,
        node: &Node,
        slots: &[u16],
        asking: bool,
        answer: Pin<&mut impl Future<Output = T>>,
    ) -> Option<T> {
        let Way::Cluster(topology) = &self.way else { return Some(answer.await) };
        if asking {
            return Some(answer.await);
        }
        let replaced = async {
            loop {
                tokio::time::sleep(SUSPICIOUS).await;
                Box::pin(self.refresh()).await;
                let serves = |slot: &u16| topology.serving(*slot).is_some_and(|now| now.address() == node.address());
                if !slots.iter().all(serves) {
                    return;
                }
            }
        };
        match future::select(answer, Box::pin(replaced)).await {
            Either::Left((answer, _)) => Some(answer),
            Either::Right(_) => {
                node.lose_all();
                None
            }
        }
    }
}

fn not_served(partition: &PartitionKeys) -> StoreError {
    let message = format!(
        "no node of the Redis Cluster serves slot {}, where partition {} is; see CLUSTER INFO",
        partition.slot, partition.number
    );
    StoreError::new(StoreErrorKind::Unavailable, message)
}
