//! The store: what the contract asks for, handed to the parts that do it.

use std::hash::{DefaultHasher, Hash, Hasher};

use async_trait::async_trait;
use redis::Value;
use rome_core::store::{
    Applied, Capabilities, Consistency, Durability, MiniTx, OwnerTag, Partition, Read, ReadReply, SequenceId, Store,
    StoreError, StoreErrorKind, StoreResult,
};

use crate::apply::Applier;
use crate::apply::outcome::decimal;
use crate::error;
use crate::layout::sequence_field;
use crate::link::{Link, alone};
use crate::options::RedisOptions;
use crate::read;
use crate::request;

/// The most effects of one transaction: the server does nothing else while it carries them out.
const MOST_EFFECTS: usize = 1 << 16;

/// A database on one Redis server.
///
/// All calls share one connection, and go out together where they come together. A connection that is lost is made
/// again; what happens to calls that it took along is said at [`Store::apply`] and [`Store::read`].
#[derive(Debug)]
pub struct RedisStore {
    link: Link,
    applier: Applier,
    capabilities: Capabilities,
    owner: OwnerTag,
}

impl RedisStore {
    /// Opens the database that the URL names, with default options:
    /// `redis://[user:password@]host[:port][/number][?prefix=NAME]`, or `rediss://…[?ca=PATH]` for TLS. It is made if it
    /// is not there.
    ///
    /// # Errors
    /// As [`open_with`](Self::open_with).
    ///
    /// # Examples
    /// ```no_run
    /// use rome_redis::RedisStore;
    ///
    /// # async fn example() -> Result<(), rome_core::store::StoreError> {
    /// let store = RedisStore::open("redis://localhost?prefix=kennel").await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn open(url: &str) -> StoreResult<Self> {
        Self::open_with(url, RedisOptions::default()).await
    }

    /// Opens the database that the URL names. Parameters in the URL come before the options.
    ///
    /// Takes three round trips, and where the database is new, a look at the names of all keys of the server.
    ///
    /// # Errors
    /// [`StoreErrorKind::Unavailable`] if the server cannot be reached or is a replica; [`StoreErrorKind::Unsafe`] if it
    /// may evict data (`maxmemory-policy`) or is older than 6.2; [`StoreErrorKind::Invalid`] if the URL makes no sense,
    /// the server has no database of that number, is part of a cluster, or if keys that are not ROME's lie under the
    /// prefix; [`StoreErrorKind::Other`] for a wrong password.
    pub async fn open_with(url: &str, options: RedisOptions) -> StoreResult<Self> {
        let link = Link::new(url, options)?;
        let greeting = link.open().await?;
        let mut capabilities = Capabilities::new("redis", greeting.durability, true);
        capabilities.max_effects = MOST_EFFECTS;
        let mut hasher = DefaultHasher::new();
        link.database().hash(&mut hasher);
        // A process that may have lost writes does not get another owner: its `seq` was moved on instead.
        let owner = OwnerTag(hasher.finish());
        tracing::debug!(address = %link.address, prefix = %link.options.prefix, "opened the store");
        Ok(Self { link, applier: Applier::default(), capabilities, owner })
    }
}

#[async_trait]
impl Store for RedisStore {
    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    async fn read(&self, batch: &[(Partition, Vec<Read>)], _: Consistency) -> StoreResult<Vec<ReadReply>> {
        for (partition, _) in batch {
            request::admit_partition(*partition)?;
        }
        // There is one partition, so also several lists of reads are answered from one state of it.
        if let [(_, reads)] = batch {
            return Ok(vec![read::read(&self.link, reads).await?]);
        }
        let all: Vec<Read> = batch.iter().flat_map(|(_, reads)| reads.iter().cloned()).collect();
        let reply = read::read(&self.link, &all).await?;
        let mut replies = reply.replies.into_iter();
        let part = |(_, reads): &(Partition, Vec<Read>)| ReadReply {
            seq: reply.seq,
            replies: replies.by_ref().take(reads.len()).collect(),
            blockers: Vec::new(),
        };
        Ok(batch.iter().map(part).collect())
    }

    async fn apply(&self, batch: Vec<(Partition, MiniTx)>, durability: Durability) -> StoreResult<Vec<Applied>> {
        request::admit_durability(durability)?;
        for (partition, tx) in &batch {
            request::admit_partition(*partition)?;
            request::admit(tx, &self.capabilities)?;
        }
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        let txs: Vec<MiniTx> = batch.into_iter().map(|(_, tx)| tx).collect();
        let applied = self.applier.apply(&self.link, &txs, durability).await;
        tracing::trace!(
            reads = txs.iter().map(|tx| tx.reads.len()).sum::<usize>(),
            effects = txs.iter().map(|tx| tx.effects.len()).sum::<usize>(),
            ?durability,
            outcomes = ?applied,
            "apply"
        );
        applied
    }

    async fn reserve(&self, sequence: SequenceId, n: u32) -> StoreResult<u64> {
        let mut patience = self.link.patience();
        let layout = &self.link.layout;
        let mut call = self.link.scripts.reserve.call([&*layout.meta, &*layout.sequences].into_iter());
        call.arg(self.link.database()).arg(sequence_field(sequence)).arg(n);
        let call = alone(call);
        let reply = loop {
            let live = self.link.live(patience.until).await?;
            match self.link.call(&live, &call).await {
                // A block whose reply was lost is skipped.
                Err(error) if error.kind() == StoreErrorKind::Unavailable && patience.is_left() => {}
                other => break other?.into_iter().next().unwrap_or_default(),
            }
        };
        let Value::BulkString(answer) = &reply else { return Err(error::unexpected(&reply)) };
        match answer.split_first() {
            Some((b'D', last)) => {
                let last = decimal(last).ok_or_else(|| error::unexpected(&reply))?;
                Ok((last - u64::from(n)).saturating_add(1))
            }
            Some((b'O', _)) => {
                let message = format!("the sequence {sequence:?} is used up");
                Err(StoreError::new(StoreErrorKind::Overflow, message))
            }
            _ => Err(error::gone()),
        }
    }

    fn owner(&self, _: Partition) -> OwnerTag {
        self.owner
    }
}
