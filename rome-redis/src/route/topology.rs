//! Which node of a cluster serves which slot.
//!
//! Nodes disagree while one of them fails or a slot moves. So all known nodes are asked at once, and of those that answer,
//! the one whose view of the cluster is the newest (by the cluster's configuration epoch) is believed.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use tokio::time::Instant;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use redis::Value;
use rome_store::{StoreError, StoreErrorKind, StoreResult};

use super::redirect::{address, host};
use crate::error;
use crate::link::Link;
use crate::node::Node;
use crate::reply::{text, unexpected};
use crate::setup::Setup;

/// How long a node may take to say how it sees the cluster.
const ANSWER: Duration = Duration::from_secs(1);

/// How long to wait for the others when one has answered.
const OTHERS: Duration = Duration::from_millis(100);

/// How old a view has to be before the nodes are asked again.
const FRESH: Duration = Duration::from_millis(50);

/// Which node serves which slot, as far as is known.
#[derive(Debug)]
pub(super) struct Topology {
    setup: Arc<Setup>,
    seeds: Vec<String>,
    known: Mutex<HashMap<String, Arc<Node>>>,
    view: RwLock<View>,
    /// When the nodes were last asked; held while they are.
    asked: tokio::sync::Mutex<Option<Asked>>,
}

/// When the nodes were asked, and why in vain.
#[derive(Debug)]
struct Asked {
    at: Instant,
    failure: Option<(StoreErrorKind, String)>,
}

#[derive(Debug, Default)]
struct View {
    /// First and last slot, and their primary.
    ranges: Vec<(u16, u16, Arc<Node>)>,
    /// What single nodes have said since.
    moved: HashMap<u16, Arc<Node>>,
    /// All nodes, also replicas.
    nodes: Vec<String>,
}

/// What a node says.
struct Told {
    epoch: u64,
    ranges: Vec<(u16, u16, String)>,
    nodes: Vec<String>,
}

impl Topology {
    pub(super) fn new(setup: &Arc<Setup>, seeds: &[String]) -> Self {
        let (known, view, asked) = Default::default();
        Self { setup: setup.clone(), seeds: seeds.to_vec(), known, view, asked }
    }

    /// The node that serves a slot; none if none is known to.
    pub(super) fn serving(&self, slot: u16) -> Option<Arc<Node>> {
        let view = self.view.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(node) = view.moved.get(&slot) {
            return Some(node.clone());
        }
        let range = view.ranges.iter().find(|(first, last, _)| (*first..=*last).contains(&slot));
        range.map(|(_, _, node)| node.clone())
    }

    /// The primaries that are known.
    pub(super) fn primaries(&self) -> Vec<Arc<Node>> {
        let view = self.view.read().unwrap_or_else(PoisonError::into_inner);
        let mut primaries: Vec<Arc<Node>> = Vec::new();
        for (_, _, node) in &view.ranges {
            if !primaries.iter().any(|known| Arc::ptr_eq(known, node)) {
                primaries.push(node.clone());
            }
        }
        primaries
    }

    /// The node of an address.
    pub(super) fn node(&self, address: &str) -> StoreResult<Arc<Node>> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(node) = known.get(address) {
            return Ok(node.clone());
        }
        let node = Arc::new(Node::new(&self.setup, address)?);
        known.insert(address.to_owned(), node.clone());
        Ok(node)
    }

    /// Takes note that a slot has moved.
    pub(super) fn note_moved(&self, slot: u16, address: &str) -> StoreResult<()> {
        let node = self.node(address)?;
        tracing::debug!(slot, node = address, "a slot has moved");
        self.view.write().unwrap_or_else(PoisonError::into_inner).moved.insert(slot, node);
        Ok(())
    }

    /// Asks the nodes, unless that was done just now.
    ///
    /// # Errors
    /// When no node answers, or none is part of a cluster.
    pub(super) async fn refresh(&self) -> StoreResult<()> {
        // The task that asks now may be of a runtime that is not running.
        let asked = tokio::time::timeout(3 * ANSWER, self.asked.lock()).await;
        let Ok(mut asked) = asked else {
            let message = "the nodes of the Redis Cluster are asked by somebody else, who does not get on";
            return Err(StoreError::new(StoreErrorKind::Unavailable, message));
        };
        if let Some(asked) = asked.as_ref().filter(|asked| asked.at.elapsed() < FRESH) {
            return asked
                .failure
                .as_ref()
                .map_or(Ok(()), |(kind, message)| Err(StoreError::new(*kind, message.clone())));
        }
        let told = self.newest().await;
        let failure = told.as_ref().err().map(|error| (error.kind(), error.to_string()));
        *asked = Some(Asked { at: Instant::now(), failure });
        let told = told?;
        let mut ranges = Vec::with_capacity(told.ranges.len());
        for (first, last, node) in &told.ranges {
            ranges.push((*first, *last, self.node(node)?));
        }
        *self.view.write().unwrap_or_else(PoisonError::into_inner) =
            View { ranges, moved: HashMap::new(), nodes: told.nodes };
        Ok(())
    }

    /// The newest view of those that are told in time.
    async fn newest(&self) -> StoreResult<Told> {
        let mut candidates = self.view.read().unwrap_or_else(PoisonError::into_inner).nodes.clone();
        for seed in &self.seeds {
            if !candidates.contains(seed) {
                candidates.push(seed.clone());
            }
        }
        let asked: Vec<Arc<Node>> = candidates.iter().map(|node| self.node(node)).collect::<StoreResult<_>>()?;
        let mut telling: FuturesUnordered<_> = asked.iter().map(|node| tell(&node.link)).collect();
        let began = Instant::now();
        let (mut best, mut failure): (Option<Told>, Option<StoreError>) = (None, None);
        let mut until = Instant::now() + 2 * ANSWER;
        while let Ok(Some(told)) = tokio::time::timeout_at(until, telling.next()).await {
            match told {
                Ok(told) => {
                    until = until.min(Instant::now() + OTHERS);
                    if best.as_ref().is_none_or(|best| best.epoch < told.epoch) {
                        best = Some(told);
                    }
                }
                // What is wrong with the address, the password or the server is worth more than that one is down.
                Err(error) => {
                    // So is that one is silent: it may be there.
                    let is_worse = |known: &StoreError| {
                        let both = error.kind() == StoreErrorKind::Unavailable;
                        known.kind() == StoreErrorKind::Unavailable && !(both && error::is_refusal(&error))
                    };
                    if failure.as_ref().is_none_or(is_worse) {
                        failure = Some(error);
                    }
                }
            }
        }
        if let Some(best) = best {
            self.setup.outage.end();
            return Ok(best);
        }
        let failure = failure.unwrap_or_else(|| {
            let message = format!("no node of the Redis Cluster answers, of {}", candidates.join(", "));
            StoreError::new(StoreErrorKind::Unavailable, message)
        });
        self.setup.outage.note(began, &failure, &self.setup.options);
        Err(failure)
    }
}

async fn tell(link: &Link) -> StoreResult<Told> {
    let mut ask = redis::pipe();
    ask.cmd("CLUSTER").arg("SLOTS").cmd("CLUSTER").arg("INFO");
    let replies = link.ask(&ask, ANSWER).await?;
    let mut replies = replies.into_iter();
    let slots = match replies.next().unwrap_or_default() {
        Value::Array(slots) => slots,
        Value::ServerError(refusal) if refusal.details().unwrap_or_default().contains("cluster support disabled") => {
            let message = format!("the Redis server at {} is no part of a cluster; write `redis://`", link.address);
            return Err(StoreError::new(StoreErrorKind::Invalid, message));
        }
        other => return Err(unexpected(&other)),
    };
    let info = replies.next().as_ref().map(text).transpose().unwrap_or_default().unwrap_or_default();
    let epoch = info.lines().find_map(|line| line.strip_prefix("cluster_current_epoch:"));
    let epoch = epoch.and_then(|epoch| epoch.trim().parse().ok()).unwrap_or(0);
    let (mut ranges, mut nodes) = (Vec::with_capacity(slots.len()), Vec::new());
    for range in slots {
        let (first, last, of_range) = range_of(&range, &link.address).ok_or_else(|| unexpected(&range))?;
        if let Some(primary) = of_range.first() {
            ranges.push((first, last, primary.clone()));
        }
        nodes.extend(of_range);
    }
    nodes.sort();
    nodes.dedup();
    Ok(Told { epoch, ranges, nodes })
}

/// First and last slot, and the nodes that have them: the primary, then its replicas.
fn range_of(range: &Value, asked: &str) -> Option<(u16, u16, Vec<String>)> {
    let Value::Array(parts) = range else { return None };
    let number = |at: usize| match parts.get(at) {
        Some(Value::Int(number)) => u16::try_from(*number).ok(),
        _ => None,
    };
    let mut nodes = Vec::new();
    for part in parts.get(2..)? {
        let Value::Array(part) = part else { return None };
        let Some(Value::Int(port)) = part.get(1) else { return None };
        // A node that does not know its own host says nothing: it is the one that was reached.
        let told = part.first().map(text).and_then(Result::ok).filter(|told| !told.is_empty() && told != "?");
        nodes.push(address(told.as_deref().unwrap_or_else(|| host(asked)), port));
    }
    Some((number(0)?, number(1)?, nodes))
}
