//! The store: what the contract asks for, handed to the parts that do it.

use redis::Value;
use rome_store::{
    Applied, ApplyOptions, Capabilities, Consistency, Durability, MiniTx, Partition, Read, ReadOptions, ReadReply,
    Scheme, SequenceId, Store, StoreError, StoreErrorKind, StoreFuture, StoreResult,
};

use crate::apply::Applier;
use crate::database;
use crate::error;
use crate::options::RedisOptions;
use crate::partition_keys::PartitionKeys;
use crate::read;
use crate::request;
use crate::reserve;
use crate::route::Router;
use crate::setup::Setup;

/// The most effects of one transaction: the server does nothing else while it carries them out.
const MOST_EFFECTS: usize = 1 << 16;

/// A database on one Redis server, or on a Redis Cluster.
///
/// All calls to a server share one connection, and go out together where they come together. A connection that is lost is made
/// again; what happens to calls that it took along is said at [`Store::apply`] and [`Store::read`]. On a cluster, the store
/// follows its slots through failovers and resharding.
#[derive(Debug)]
pub struct RedisStore {
    router: Router,
    partition_keys: Vec<PartitionKeys>,
    applier: Applier,
    capabilities: Capabilities,
}

impl RedisStore {
    /// Opens the database that the URL names, with default options. It is made if it is not there.
    ///
    /// - On a server: `redis://[user:password@]host[:port][/number][?prefix=NAME]`.
    /// - On a cluster: `redis-cluster://[user:password@]host[:port][,host[:port]…][?prefix=NAME&partitions=16]`, with some of
    ///   its nodes.
    /// - With TLS: `rediss://…[?ca=PATH]`, `rediss-cluster://…[?ca=PATH]`.
    ///
    /// All [options](RedisOptions) are parameters too: `prefix`, `partitions`, `ca`, and the times `patience`, `refused_patience`,
    /// `connect_timeout`, `response_timeout` and `replica_timeout`, whole numbers with `ms`, `s`, `m` or `h`, as in `patience=1s`.
    ///
    /// A handle may be used from any tokio runtime, and from several at the same time: it has a connection in each, made when
    /// it is first used there. Outside of a runtime its calls are refused ([`StoreErrorKind::Invalid`]).
    ///
    /// # Errors
    /// As [`open_with`](Self::open_with).
    ///
    /// # Examples
    /// ```no_run
    /// use rome_redis::RedisStore;
    ///
    /// # async fn example() -> Result<(), rome_store::StoreError> {
    /// let store = RedisStore::open("redis://localhost?prefix=kennel").await?;
    /// let large = RedisStore::open("redis-cluster://one:7000,two:7000?prefix=kennel").await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn open(url: &str) -> StoreResult<Self> {
        Self::open_with(url, RedisOptions::default()).await
    }

    /// The schemes of its URLs: `redis` and `redis-cluster`, and `rediss` and `rediss-cluster` for TLS.
    #[must_use]
    pub fn schemes() -> [Scheme; 4] {
        let scheme = |name, form| Scheme::new(name, form, async |url: String| Self::open(&url).await);
        [
            scheme("redis", "redis://HOST"),
            scheme("redis-cluster", "redis-cluster://HOST"),
            scheme("rediss", "rediss://HOST"),
            scheme("rediss-cluster", "rediss-cluster://HOST"),
        ]
    }

    /// Opens the database that the URL names. Parameters in the URL come before the options.
    ///
    /// Takes three round trips; on a cluster two more, one to all nodes and one to all partitions. Where the database is new, a
    /// look at the names of all keys of each server.
    ///
    /// # Errors
    /// [`StoreErrorKind::Unavailable`] if a server cannot be reached or is a replica, or the cluster does not serve;
    /// [`StoreErrorKind::Unsafe`] if one may evict data (`maxmemory-policy`) or is older than 6.2;
    /// [`StoreErrorKind::Invalid`] if the URL makes no sense, the server has no database of that number, is or is not part of a
    /// cluster, if keys that are not ROME's lie under the prefix, or if the database has another number of partitions;
    /// [`StoreErrorKind::Denied`] for a wrong password; [`StoreErrorKind::Gone`] if a partition is gone.
    pub async fn open_with(url: &str, options: RedisOptions) -> StoreResult<Self> {
        let setup = Setup::new(url, options)?;
        let router = Router::new(&setup)?;
        let database::Database { partition_keys, durability } = database::open(&router).await?;
        let name = if setup.is_cluster() { "redis-cluster" } else { "redis" };
        let mut capabilities = Capabilities::new(1, name, durability, true);
        capabilities.max_effects = MOST_EFFECTS;
        (capabilities.cheap_reverse_scans, capabilities.cheap_counts) = (true, true);
        capabilities.partitions = u32::try_from(partition_keys.len()).unwrap_or(u32::MAX);
        tracing::debug!(name, partitions = partition_keys.len(), prefix = %setup.options.prefix, "opened the store");
        Ok(Self { router, partition_keys, applier: Applier::default(), capabilities })
    }

    /// The error for partitions of which one is gone, or has lost what says of which database it is. Costs a round trip for each.
    async fn is_gone(&self, partition_keys: Vec<&PartitionKeys>, error: StoreError) -> StoreError {
        let until = self.router.setup.patience().until;
        let mut damaged = None;
        for keys in partition_keys {
            // There is no connection for a partition that is gone.
            let Ok(conn) = self.router.conn(keys, None, until).await else { return error };
            let mut ask = redis::pipe();
            ask.cmd("HMGET").arg(&keys.layout.meta).arg("format").arg("id").arg("seq");
            let replies = conn.node.link.inquire(&conn.live, &ask).await;
            let Ok([Value::Array(fields)]) = replies.as_deref() else { return error };
            let missing = fields.iter().filter(|field| matches!(field, Value::Nil)).count();
            if missing == fields.len() {
                return error;
            }
            if missing > 0 {
                damaged = Some(keys.number);
            }
        }
        damaged.map_or(error, |number| {
            error::corrupt(format!("the record of partition {number} is damaged: fields of it are missing"))
        })
    }

    /// The partition that has the sequences.
    fn zero(&self) -> StoreResult<&PartitionKeys> {
        request::admit_partition(&self.partition_keys, Partition(0))
    }

    /// Where each step is to be carried out, if all of them can be.
    fn admit(
        &self,
        batch: Vec<(Partition, MiniTx)>,
        durability: Durability,
    ) -> StoreResult<Vec<(&PartitionKeys, MiniTx)>> {
        request::admit_durability(durability)?;
        let mut steps = Vec::with_capacity(batch.len());
        for (partition, tx) in batch {
            let keys = request::admit_partition(&self.partition_keys, partition)?;
            request::admit(&tx, &self.capabilities)?;
            steps.push((keys, tx));
        }
        Ok(steps)
    }
}

impl Store for RedisStore {
    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    fn read<'a>(
        &'a self,
        batch: &'a [(Partition, Vec<Read>)],
        options: ReadOptions,
    ) -> StoreFuture<'a, Vec<ReadReply>> {
        Box::pin(async move {
            if let Consistency::At(_) = options.consistency {
                return Err(StoreError::snapshot_gone());
            }
            let mut reads = batch.iter().flat_map(|(_, reads)| reads);
            reads.try_for_each(|read| read.check_known(self.capabilities.contract))?;
            if let Some(scans) = read::counts_as_scans(batch) {
                let mut replies = self.read(&scans, options).await?;
                read::scans_as_counts(batch, &mut replies);
                return Ok(replies);
            }
            let mut asked = Vec::with_capacity(batch.len());
            for (partition, reads) in batch {
                asked.push((request::admit_partition(&self.partition_keys, *partition)?, reads.as_slice()));
            }
            match read::read(&self.router, &asked, options).await {
                Err(error) if error.kind() == StoreErrorKind::Gone => {
                    let partition_keys = asked.iter().map(|(keys, _)| *keys).collect();
                    Err(Box::pin(self.is_gone(partition_keys, error)).await)
                }
                done => done,
            }
        })
    }

    fn apply(&self, batch: Vec<(Partition, MiniTx)>, options: ApplyOptions) -> StoreFuture<'_, Vec<Applied>> {
        Box::pin(async move {
            let steps = self.admit(batch, options.durability)?;
            let numbers: Vec<u32> = steps.iter().map(|(keys, _)| keys.number).collect();
            let applied = match self.applier.apply(&self.router, steps, options.durability).await {
                Err(error) if error.kind() == StoreErrorKind::Gone => {
                    let partition_keys =
                        self.partition_keys.iter().filter(|keys| numbers.contains(&keys.number)).collect();
                    Err(Box::pin(self.is_gone(partition_keys, error)).await)
                }
                done => done,
            };
            tracing::trace!(durability = ?options.durability, outcomes = ?applied, "apply");
            applied
        })
    }

    fn reserve(&self, sequence: SequenceId, n: u32) -> StoreFuture<'_, u64> {
        Box::pin(async move { reserve::numbers(&self.router, self.zero()?, sequence, n, 0).await })
    }

    fn raise(&self, sequence: SequenceId, least: u64) -> StoreFuture<'_, u64> {
        Box::pin(async move { reserve::numbers(&self.router, self.zero()?, sequence, 0, least).await })
    }
}
