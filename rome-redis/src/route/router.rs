//! Finds the server of a partition, and follows the partition through failovers and moved slots.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use futures::future::{self, Either};
use rome_store::{StoreError, StoreErrorKind, StoreResult};

use super::conn::{PartitionConn, RetryCause, Stop};
use super::ownership::{self, Make, Opened};
use super::redirect::{Redirect, on_the_move};
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
enum Purpose<'a> {
    /// Have the partition adopted, if it is not.
    Adopt,
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

    /// The connection for an existing partition, or for one whose slot is moving, to the node `detour`.
    ///
    /// # Errors
    /// When there is none by `until`. Nothing was done then.
    pub(crate) async fn conn(
        &self,
        partition: &PartitionKeys,
        detour: Option<&str>,
        until: Instant,
    ) -> StoreResult<PartitionConn> {
        if detour.is_none()
            && let Some(conn) = self.ready_conn(partition)
        {
            return Ok(conn);
        }
        // What is rare has its own room, so that the futures of all calls need not hold it.
        Ok(Box::pin(self.find(partition, detour, Purpose::Adopt, until)).await?.0)
    }

    /// Opens a partition, or looks at it.
    pub(crate) async fn open(&self, partition: &PartitionKeys, make: Make<'_>, until: Instant) -> StoreResult<Opened> {
        Ok(self.find(partition, None, Purpose::Open(make), until).await?.1)
    }

    /// The usual case: the server is known, connected, and has adopted the partition.
    fn ready_conn(&self, partition: &PartitionKeys) -> Option<PartitionConn> {
        let node = match &self.way {
            Way::Server(node) => node.clone(),
            Way::Cluster(topology) => topology.serving(partition.slot)?,
        };
        let live = node.link.current()?;
        node.has_adopted(partition.number, &live).then_some(PartitionConn { node, live, asking: false })
    }

    /// Finds the server of a partition and does something there, again and again until it is not refused.
    async fn find(
        &self,
        partition: &PartitionKeys,
        detour: Option<&str>,
        purpose: Purpose<'_>,
        until: Instant,
    ) -> StoreResult<(PartitionConn, Opened)> {
        link::check_runtime()?;
        let mut detour = detour.map(str::to_owned);
        let mut pause = Pause::default();
        loop {
            let tried = match self.connect(partition, detour.take(), until).await {
                Ok(conn) => {
                    let (node, asking) = (conn.node.clone(), conn.asking);
                    let done = self
                        .watched(&node, &[partition.slot], asking, pin!(self.run(purpose, partition, conn, until)))
                        .await;
                    done.unwrap_or_else(|| Err(node.link.silent().into()))
                }
                Err(error) => Err(Stop::Failed(error)),
            };
            let error = match tried {
                Ok(done) => return Ok(done),
                Err(Stop::Redirected(Redirect::Ask(node))) => {
                    detour = Some(node.clone());
                    Redirect::Ask(node).into_error()
                }
                Err(Stop::Redirected(redirect)) => self.act_on(partition, redirect).await,
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
        purpose: Purpose<'_>,
        partition: &PartitionKeys,
        conn: PartitionConn,
        until: Instant,
    ) -> Result<(PartitionConn, Opened), Stop> {
        let make = match purpose {
            Purpose::Open(make) => make,
            Purpose::Adopt => Make::Never,
        };
        // The task that holds it may be of a runtime that is not running now.
        let until = until.max(Instant::now() + self.setup.options.connect_timeout);
        let adopting = tokio::time::timeout_at(until, partition.adopting.lock()).await;
        let Ok(_adopting) = adopting else { return Err(conn.node.link.silent().into()) };
        if matches!(purpose, Purpose::Adopt) && conn.node.has_adopted(partition.number, &conn.live) {
            return Ok((conn, Opened::Absent));
        }
        let opened = ownership::open(partition, &conn, make).await?;
        if matches!(purpose, Purpose::Adopt) {
            // Rows may be sent on to a node before what says of which database they are: that is no loss.
            if conn.asking && matches!(opened, Opened::Absent) {
                return Err(Stop::Redirected(Redirect::Wait(on_the_move(conn.node.address()))));
            }
            opened.is_there(&self.setup)?;
        }
        if matches!(opened, Opened::There { .. }) {
            partition.forget_ready();
            conn.node.note_adopted(partition.number, Some(&conn.live));
        }
        Ok((conn, opened))
    }

    async fn connect(
        &self,
        partition: &PartitionKeys,
        detour: Option<String>,
        until: Instant,
    ) -> StoreResult<PartitionConn> {
        let topology = match &self.way {
            Way::Server(node) => {
                let live = node.link.live(until, true).await?;
                return Ok(PartitionConn { node: node.clone(), live, asking: false });
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
        Ok(PartitionConn { node, live, asking })
    }

    /// Prepares another round after these causes; returns the last one as an error, if there was any.
    pub(crate) async fn act_on_all(&self, causes: Vec<RetryCause<'_>>) -> StoreResult<()> {
        let mut trouble = Ok(());
        for cause in causes {
            trouble = Err(match cause {
                RetryCause::Refused(partition, redirect) => self.act_on(partition, redirect).await,
                RetryCause::Lost(error) => {
                    self.refresh().await;
                    error
                }
                RetryCause::Again(error) => error,
            });
        }
        trouble
    }

    /// Prepares another attempt after a refusal; returns the refusal as an error.
    pub(crate) async fn act_on(&self, partition: &PartitionKeys, redirect: Redirect) -> StoreError {
        match (&self.way, &redirect) {
            (Way::Cluster(topology), Redirect::Moved(node)) => {
                if let Err(error) = topology.note_moved(partition.slot, node) {
                    return error;
                }
            }
            (_, Redirect::Wait(_)) => self.refresh().await,
            _ => {}
        }
        redirect.into_error()
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
