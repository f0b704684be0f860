//! Makes partitions, and adopts them for the server process that serves them (see `script/open.lua`).

use std::hash::{BuildHasher, Hasher, RandomState};

use redis::Value;
use rome_store::{StoreError, StoreErrorKind, StoreResult};

use super::conn::{PartitionConn, Stop};
use super::redirect::Redirect;
use crate::error;
use crate::link::Link;
use crate::partition_keys::PartitionKeys;
use crate::reply::{text, unexpected};
use crate::setup::Setup;

/// The version of the layout and of the scripts' conventions.
const FORMAT: &str = "1";

/// Whether a partition that is not there is made.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Make<'a> {
    /// It is not.
    Never,
    /// It is, as a part of this database; partition 0 is told how many there are.
    Partition {
        /// The id of the database.
        database: &'a str,
        /// How many partitions it has.
        partitions: u32,
    },
    /// All partitions have been made: from now on one that is not there is a loss.
    Complete,
}

/// A partition that was looked for.
#[derive(Debug)]
pub(crate) enum Opened {
    Absent,
    There {
        /// The id of the database.
        database: String,
        /// How many partitions it has; said by partition 0.
        partitions: u32,
        /// Whether all of them were made; said by partition 0.
        complete: bool,
    },
}

impl Opened {
    /// Makes sure that it is a partition of the open database.
    pub(crate) fn is_there(&self, setup: &Setup) -> StoreResult<()> {
        match self {
            Self::Absent => Err(error::gone()),
            Self::There { database, .. } => setup.is_database(database),
        }
    }
}

/// Looks for a partition at a server, makes it if it may, and adopts it for the server's process.
pub(crate) async fn open(partition: &PartitionKeys, conn: &PartitionConn, make: Make<'_>) -> Result<Opened, Stop> {
    let PartitionConn { node, live, asking } = conn;
    let link = &node.link;
    let setup = &link.setup;
    let mut keys = vec![&*partition.layout.meta];
    if partition.number == 0 {
        keys.push(&*partition.layout.sequences);
    }
    let mut call = setup.scripts.open.call(keys.into_iter());
    call.arg(FORMAT).arg(live.run()).arg(far()).arg(u8::from(live.server().may_have_lost()));
    match make {
        Make::Never => call.arg("").arg("").arg(""),
        Make::Partition { database, partitions } => call.arg("make").arg(database).arg(partitions),
        Make::Complete => call.arg("complete").arg("").arg(""),
    };
    let mut ask = redis::pipe();
    if *asking {
        ask.cmd("ASKING");
    }
    ask.add_command(call);
    let mut reply = link.inquire(live, &ask).await?.pop().unwrap_or_default();
    if crate::script::is_unknown(&reply) {
        link.inquire(live, &setup.scripts.load()).await?;
        reply = link.inquire(live, &ask).await?.pop().unwrap_or_default();
    }
    if let Some(redirect) = Redirect::of(&reply, &link.address) {
        return Err(Stop::Redirected(redirect));
    }
    let Value::Array(answer) = &reply else { return Err(unexpected(&reply).into()) };
    let answer: Vec<String> = answer.iter().map(text).collect::<StoreResult<_>>()?;
    match answer.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["", database, partitions, complete] => Ok(Opened::There {
            database: database.to_owned(),
            partitions: partitions.parse().map_err(|_| unexpected(&reply))?,
            complete: complete == "1",
        }),
        ["absent"] => Ok(Opened::Absent),
        ["format", format] => {
            let message = format!("the database is of format {format}; this version of ROME reads {FORMAT}");
            Err(StoreError::new(StoreErrorKind::Invalid, message).into())
        }
        ["foreign"] => Err(foreign(link, &String::from_utf8_lossy(&partition.layout.meta)).into()),
        _ => Err(unexpected(&reply).into()),
    }
}

/// Refuses to make a database among keys that someone else made. Looks at the names of all keys of a server once.
pub(crate) async fn check_empty(
    link: &Link,
    partitions: &[PartitionKeys],
    until: tokio::time::Instant,
) -> StoreResult<()> {
    let live = link.live(until, true).await?;
    let mut cursor = "0".to_owned();
    loop {
        let mut scan = redis::pipe();
        let pattern = format!("{{{}.*", link.setup.options.prefix);
        scan.cmd("SCAN").arg(&cursor).arg("MATCH").arg(pattern).arg("COUNT").arg(1000);
        let Some(Value::Array(mut answer)) = link.inquire(&live, &scan).await?.pop() else {
            return Err(StoreError::new(StoreErrorKind::Other, "the Redis server cannot list its keys"));
        };
        if let Some(Value::Array(keys)) = answer.pop() {
            for key in &keys {
                let key = text(key)?;
                if partitions.iter().any(|partition| partition.layout.has(&key)) {
                    return Err(foreign(link, &key));
                }
            }
        }
        cursor = answer.pop().as_ref().map(text).transpose()?.unwrap_or_default();
        if cursor == "0" || cursor.is_empty() {
            return Ok(());
        }
    }
}

/// An id that no other database has.
pub(crate) fn new_id() -> String {
    format!("{:016x}{:016x}", random(), random())
}

/// How far numbers move on that may have been given out: beyond all that were, and not as far as others moved.
fn far() -> u64 {
    (1 << 32) + (random() >> 32)
}

fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

fn foreign(link: &Link, key: &str) -> StoreError {
    let message = format!(
        "the key `{key}` on the Redis server at {} is not ROME's; choose another prefix with `?prefix=NAME`",
        link.address
    );
    StoreError::new(StoreErrorKind::Invalid, message)
}
