//! One server, and what is kept for it: the shared connection, the batcher of small calls, the pool for writes that replicas
//! confirm, and for which of its processes partitions were adopted.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use rome_store::StoreResult;

use crate::batcher::Batcher;
use crate::link::{Link, Live};
use crate::replicas::Replicas;
use crate::setup::Setup;

/// One server.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) link: Arc<Link>,
    pub(crate) replicas: Replicas,
    /// Where small calls meet.
    pub(crate) batcher: Arc<Batcher>,
    /// For each partition the process here that it was last adopted for.
    adopted: RwLock<HashMap<u32, Arc<str>>>,
}

impl Node {
    /// A server; `address` is that of a node in a cluster.
    pub(crate) fn new(setup: &Arc<Setup>, address: &str) -> StoreResult<Self> {
        let link = Arc::new(Link::new(setup, address)?);
        let batcher = Arc::new(Batcher::new(link.clone()));
        Ok(Self { link, replicas: Replicas::default(), batcher, adopted: RwLock::default() })
    }

    /// Host and port, without user and password.
    pub(crate) fn address(&self) -> &str {
        &self.link.address
    }

    /// Gives all connections up.
    pub(crate) fn lose_all(&self) {
        self.link.lose_all();
        self.replicas.close();
    }

    /// Whether a partition was adopted for this process, as far as is known.
    pub(crate) fn has_adopted(&self, partition: u32, live: &Live) -> bool {
        let adopted = self.adopted.read().unwrap_or_else(PoisonError::into_inner);
        adopted.get(&partition).is_some_and(|run| **run == *live.run())
    }

    /// Takes note that a partition was adopted for this process, or that it is not any more.
    pub(crate) fn note_adopted(&self, partition: u32, live: Option<&Live>) {
        let mut adopted = self.adopted.write().unwrap_or_else(PoisonError::into_inner);
        match live {
            Some(live) => adopted.insert(partition, live.run().into()),
            None => adopted.remove(&partition),
        };
    }
}
