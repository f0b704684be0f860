//! Opening a database: finding its partitions, or making them.
//!
//! Partition 0 is made first and says how many there are; each of the others has the same id. Last of all, partition 0 takes note
//! that all were made. Until then whoever opens the database makes those that are missing; after that a missing one is a loss, and
//! is not covered up by an empty one. Programs may do all of this at the same time: what one has made the others find.

use std::sync::Arc;
use tokio::time::Instant;

use futures::future::try_join_all;
use rome_store::{Durability, StoreError, StoreErrorKind, StoreResult};

use crate::error;
use crate::node::Node;
use crate::partition_keys::PartitionKeys;
use crate::route::{self, Make, Opened, Router};

/// How many partitions a new database on a cluster has.
const PARTITIONS: u32 = 16;

/// An open database.
pub(crate) struct Database {
    pub(crate) partition_keys: Vec<PartitionKeys>,
    /// How safe an acknowledged write is at each server.
    pub(crate) durability: Durability,
}

/// Opens the database, and makes it if it is not there.
pub(crate) async fn open(router: &Router) -> StoreResult<Database> {
    let setup = &router.setup;
    let until = setup.patience().until;
    let prefix = &setup.options.prefix;
    let wanted = if setup.is_cluster() { setup.options.partitions } else { Some(1) };
    let zero = PartitionKeys::new(prefix, 0, 1);
    let mut opened = router.open(&zero, Make::Never, until).await?;
    let mut durability = Durability::Local;
    let servers = router.servers().await?;
    for server in &servers {
        durability = durability.min(server.link.live(until, true).await?.server().durability());
    }
    if matches!(opened, Opened::Absent) {
        opened = make(router, &zero, wanted.unwrap_or(PARTITIONS), &servers, until).await?;
    }
    let Opened::There { database, partitions, complete } = opened else { return Err(error::gone()) };
    setup.is_database(&database)?;
    if let Some(wanted) = wanted.filter(|wanted| *wanted != partitions) {
        return Err(other_number(wanted, partitions, setup.is_cluster()));
    }
    let partition_keys = keys_of_all(prefix, partitions);
    let make = if complete { Make::Never } else { Make::Partition { database: &database, partitions } };
    for other in
        try_join_all(partition_keys.iter().skip(1).map(|partition| router.open(partition, make, until))).await?
    {
        other.is_there(setup)?;
    }
    if !complete && partitions > 1 {
        router.open(&zero, Make::Complete, until).await?;
    }
    Ok(Database { partition_keys, durability })
}

/// Makes partition 0, unless keys that are not ROME's lie where the partitions will be.
async fn make(
    router: &Router,
    zero: &PartitionKeys,
    partitions: u32,
    servers: &[Arc<Node>],
    until: Instant,
) -> StoreResult<Opened> {
    let partition_keys = keys_of_all(&router.setup.options.prefix, partitions);
    for server in servers {
        if let Err(error) = route::check_empty(&server.link, &partition_keys, until).await {
            // Another program may be making the same database. Then partition 0, which is made first, is there by now.
            return match router.open(zero, Make::Never, until).await? {
                Opened::Absent => Err(error),
                there @ Opened::There { .. } => Ok(there),
            };
        }
    }
    router.open(zero, Make::Partition { database: &route::new_id(), partitions }, until).await
}

fn keys_of_all(prefix: &str, partitions: u32) -> Vec<PartitionKeys> {
    (0..partitions).map(|number| PartitionKeys::new(prefix, number, partitions)).collect()
}

fn other_number(wanted: u32, partitions: u32, is_cluster: bool) -> StoreError {
    let message = if is_cluster {
        format!("the database has {partitions} partitions and was opened for {wanted}; the number cannot be changed")
    } else {
        format!("the database has {partitions} partitions, as on a cluster; a single server has one")
    };
    StoreError::new(StoreErrorKind::Invalid, message)
}
