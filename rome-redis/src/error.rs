//! Errors of Redis as errors of a store.
//!
//! A message begins with what happened and where, then comes what the server or the system said, and last what may help; advice
//! that cannot be the cause is not given. What a server said is cut and without control characters, and of a reply only kind and
//! length are told: stored content is in no error.

use std::error::Error as _;
use std::fmt;

use redis::{ErrorKind, RedisError, ServerError};
use rome_store::{StoreError, StoreErrorKind};

/// The most characters of what a server said that are told.
const MOST_TOLD: usize = 200;

/// What the server answered instead of doing what it was asked to. It has done nothing of it.
pub(crate) fn refused(error: &ServerError) -> StoreError {
    let text = format!("{} {}", error.code(), error.details().unwrap_or_default());
    let says = |part: &str| text.contains(part);
    let unavailable = StoreErrorKind::Unavailable;
    let (kind, what, advice) = if says("OOM ") {
        let advice = "give it more by its setting `maxmemory`, or remove what is not needed: it still takes removals";
        (StoreErrorKind::Full, "the Redis server is out of memory", advice)
    } else if says("MISCONF") {
        let what = "the Redis server takes no writes because it cannot save to its disk";
        (unavailable, what, "see its log and the room on its disk")
    } else if says("READONLY") {
        (
            unavailable,
            "the Redis server is a replica and takes no writes",
            "name its primary, if that is another one for good",
        )
    } else if says("UNBLOCKED") || says("WAIT cannot be used with replica") {
        // A primary that hands over ends the waits for its replicas, and takes no more of them.
        (unavailable, "the Redis server became a replica before its own replicas confirmed a write", "")
    } else if says("CLUSTERDOWN") {
        (unavailable, "the Redis Cluster has a slot that no node serves now", "see `CLUSTER INFO` and `CLUSTER NODES`")
    } else if says("LOADING") {
        (unavailable, "the Redis server is still reading its data", "it serves when that is done")
    } else if says("BUSY ") {
        (unavailable, "the Redis server is busy with a long script", "")
    } else if says("MASTERDOWN") {
        (unavailable, "the Redis server is a replica that has lost its primary", "")
    } else if says("NOREPLICAS") {
        let what = "the Redis server has fewer replicas than it needs to take writes";
        (unavailable, what, "see its setting `min-replicas-to-write`")
    } else if ["TRYAGAIN", "MOVED", "ASK"].into_iter().any(says) {
        (unavailable, "a slot of the Redis Cluster is on the move", "")
    } else if [
        "hash value is not an integer",
        "increment or decrement would overflow",
        "data string too short",
        "attempt to ",
        "bad argument ",
    ]
    .into_iter()
    .any(says)
    {
        // A script failed on it, or a command on a number.
        (StoreErrorKind::Corrupt, "the stored data is damaged: the Redis server cannot make sense of it", "")
    } else if says("WRONGTYPE") {
        (StoreErrorKind::Corrupt, "a key of the database holds something that ROME did not put there", "")
    } else if says("NOPERM") {
        let advice = "docs/running-on-redis.md lists what a user needs";
        (StoreErrorKind::Denied, "the Redis server does not let this user do that", advice)
    } else if says("NOAUTH") {
        let advice = "write `redis://user:password@host`";
        (StoreErrorKind::Denied, "the Redis server wants a user and password", advice)
    } else if says("WRONGPASS") {
        let advice = "look at them in the URL, `redis://user:password@host`; what is no letter or digit is escaped, `@` is `%40`";
        (StoreErrorKind::Denied, "the Redis server refused the user or password", advice)
    } else {
        (StoreErrorKind::Other, "the Redis server refused", "")
    };
    let advice = if advice.is_empty() { String::new() } else { format!("; {advice}") };
    StoreError::new(kind, format!("{what}: {}{advice}", told(text.trim_end())))
}

/// What a server said, without the arguments of a command that it repeats, and not at any length.
fn told(text: &str) -> String {
    let text = text.split(", with args beginning with").next().unwrap_or_default();
    let mut told: String = text.chars().take(MOST_TOLD).flat_map(char::escape_debug).collect();
    if text.chars().nth(MOST_TOLD).is_some() {
        told.push('…');
    }
    told
}

/// Whether a server refused a write because it is a replica. Before Redis 7.0 a script's error has a code of its own, and this in
/// its text.
pub(crate) fn is_read_only(error: &ServerError) -> bool {
    error.code() == "READONLY" || error.details().is_some_and(|details| details.contains("-READONLY "))
}

/// A connection that could not be made. `address` has no password in it; `tls` says whether TLS was tried.
pub(crate) fn unreachable(error: RedisError, address: &str, tls: bool) -> StoreError {
    let text = error.to_string();
    let says = |part: &str| text.contains(part);
    let unavailable = StoreErrorKind::Unavailable;
    let (kind, what, advice) = if error.is_connection_refusal() {
        let what = format!("connection refused by {address}, where no Redis server listens");
        (unavailable, what, "start the server, or look at the host and the port in the URL")
    } else if says("WRONGPASS") || says("NOAUTH") || error.kind() == ErrorKind::AuthenticationFailed {
        let advice = "look at them in the URL, `redis://user:password@host`; what is no letter or digit is escaped, `@` is `%40`";
        (StoreErrorKind::Denied, format!("user or password refused by the Redis server at {address}"), advice)
    } else if says("NOPERM") {
        let advice = "docs/running-on-redis.md lists what a user needs";
        (StoreErrorKind::Denied, format!("the Redis server at {address} does not let this user do that"), advice)
    } else if says("DB index is out of range") || says("invalid DB index") {
        let what = format!("the Redis server at {address} has no database of that number");
        (StoreErrorKind::Invalid, what, "see its setting `databases`")
    } else if says("certificate") || says("UnknownIssuer") {
        let what = format!("the certificate of the Redis server at {address} is not trusted");
        (StoreErrorKind::Invalid, what, "name the authority with `?ca=PATH`")
    } else if error.kind() == ErrorKind::InvalidClientConfig {
        (StoreErrorKind::Invalid, format!("the Redis server at {address} cannot be used with these settings"), "")
    } else if let ErrorKind::Server(_) | ErrorKind::Extension = error.kind() {
        (unavailable, format!("connection refused by the Redis server at {address}"), "")
    } else if says("lookup") || says("resolve") {
        (unavailable, format!("the host of {address} cannot be found"), "")
    } else if is_elsewhere(&error) {
        (unavailable, format!("{address} cannot be reached"), "")
    } else if tls {
        // A server without TLS waits for the rest of a command that it takes the greeting for.
        let what = format!("no TLS connection to {address}");
        (unavailable, what, "if the server does not speak TLS on this port, write `redis://`")
    } else {
        let what = format!("no connection to a Redis server at {address}");
        (unavailable, what, "if the server speaks TLS on this port, write `rediss://`")
    };
    StoreError::new(kind, what).with_source(Cause { error, advice })
}

/// What made a connection fail, and what may help.
#[derive(Debug)]
struct Cause {
    error: RedisError,
    advice: &'static str,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&told(&self.error.to_string()))?;
        if self.advice.is_empty() { Ok(()) } else { write!(f, "; {}", self.advice) }
    }
}

impl std::error::Error for Cause {}

/// Whether the network said that there is no way, so that what is spoken there cannot be the trouble.
fn is_elsewhere(error: &RedisError) -> bool {
    use std::io::ErrorKind::{AddrNotAvailable, HostUnreachable, NetworkDown, NetworkUnreachable};
    let io = error.source().and_then(|source| source.downcast_ref::<std::io::Error>());
    io.is_some_and(|io| matches!(io.kind(), HostUnreachable | NetworkUnreachable | NetworkDown | AddrNotAvailable))
}

/// Whether nobody listens where a server should.
pub(crate) fn is_refusal(error: &StoreError) -> bool {
    let cause = error.source().and_then(|source| source.downcast_ref::<Cause>());
    cause.is_some_and(|cause| cause.error.is_connection_refusal())
}

/// A call whose reply did not come. Whether it was carried out is not known.
pub(crate) fn lost(error: RedisError, address: &str) -> StoreError {
    let message = format!("the connection to the Redis server at {address} was lost");
    StoreError::new(StoreErrorKind::Unavailable, message)
        .with_source(Cause { error, advice: "" })
        .with_unknown_outcome()
}

/// The database is not there any more.
pub(crate) fn gone() -> StoreError {
    let message = "the database is gone from the Redis server: its keys were removed, or the server lost its data; restore a \
                   backup, or open it again to begin with an empty one";
    StoreError::new(StoreErrorKind::Gone, message)
}

/// Another database is where this one was.
pub(crate) fn another() -> StoreError {
    let message = "the database is gone from the Redis server: another one is there under the same prefix; look at the address, \
                   restore a backup, or open it again to use the other one";
    StoreError::new(StoreErrorKind::Gone, message)
}

/// Stored data that contradicts itself.
pub(crate) fn corrupt(message: String) -> StoreError {
    StoreError::new(StoreErrorKind::Corrupt, message)
}

/// A request or a setting that makes no sense.
pub(crate) fn invalid(message: String) -> StoreError {
    StoreError::new(StoreErrorKind::Invalid, message)
}
