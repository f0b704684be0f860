//! Errors of Redis as errors of a store.

use redis::{ErrorKind, RedisError, ServerError, Value};
use rome_core::store::{StoreError, StoreErrorKind};

/// What the server answered instead of doing what it was asked to. It has done nothing of it.
pub(crate) fn refused(error: &ServerError) -> StoreError {
    let text = format!("{} {}", error.code(), error.details().unwrap_or_default());
    let says = |part: &str| text.contains(part);
    let (kind, message) = if says("OOM ") {
        (StoreErrorKind::Full, "the Redis server is out of memory, see its setting `maxmemory`")
    } else if says("MISCONF") {
        (StoreErrorKind::Unavailable, "the Redis server takes no writes because it cannot save to its disk")
    } else if says("READONLY") {
        (StoreErrorKind::Unavailable, "the Redis server is a replica and takes no writes")
    } else if says("UNBLOCKED") || says("WAIT cannot be used with replica") {
        // A primary that hands over ends the waits for its replicas, and takes no more of them.
        (StoreErrorKind::Unavailable, "the Redis server became a replica before its own replicas confirmed a write")
    } else if says("CLUSTERDOWN") {
        (StoreErrorKind::Unavailable, "the Redis Cluster has a slot that no node serves now")
    } else if ["LOADING", "BUSY ", "MASTERDOWN", "NOREPLICAS", "TRYAGAIN", "MOVED", "ASK"].into_iter().any(says) {
        (StoreErrorKind::Unavailable, "the Redis server cannot serve now")
    } else if says("WRONGTYPE") {
        (StoreErrorKind::Corrupt, "a key of the database holds something that ROME did not put there")
    } else if says("NOPERM") {
        (StoreErrorKind::Other, "the Redis user may not do this; docs/running-on-redis.md lists what it needs")
    } else if says("NOAUTH") || says("WRONGPASS") {
        (StoreErrorKind::Other, "the Redis server wants a user and password, `redis://user:password@host`")
    } else {
        (StoreErrorKind::Other, "the Redis server refused")
    };
    StoreError::new(kind, format!("{message}: {}", text.trim_end()))
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
    let (kind, message) = if error.kind() == ErrorKind::AuthenticationFailed || says("WRONGPASS") || says("NOAUTH") {
        (StoreErrorKind::Other, "refused the user or password; write `redis://user:password@host`")
    } else if says("DB index is out of range") || says("invalid DB index") {
        (StoreErrorKind::Invalid, "has no database of that number; see its setting `databases`")
    } else if says("certificate") || says("UnknownIssuer") {
        (StoreErrorKind::Invalid, "has a certificate that is not trusted; name the authority with `?ca=PATH`")
    } else if error.kind() == ErrorKind::InvalidClientConfig {
        (StoreErrorKind::Invalid, "cannot be used with these settings")
    } else if let ErrorKind::Server(_) | ErrorKind::Extension = error.kind() {
        (StoreErrorKind::Unavailable, "refused the connection")
    } else if tls {
        // A server without TLS waits for the rest of a command that it takes the greeting for.
        (StoreErrorKind::Unavailable, "cannot be reached; if it does not speak TLS on this port, write `redis://`")
    } else {
        (StoreErrorKind::Unavailable, "cannot be reached; if it speaks TLS on this port, write `rediss://`")
    };
    StoreError::new(kind, format!("the Redis server at {address} {message}")).with_source(error)
}

/// A call whose reply did not come. Whether it was carried out is not known.
pub(crate) fn lost(error: RedisError, address: &str) -> StoreError {
    let message = format!("the connection to the Redis server at {address} was lost");
    StoreError::new(StoreErrorKind::Unavailable, message).with_source(error).with_unknown_outcome()
}

/// A reply of the wrong form.
pub(crate) fn unexpected(reply: &Value) -> StoreError {
    if let Value::ServerError(error) = reply {
        return refused(error);
    }
    StoreError::new(StoreErrorKind::Other, format!("the Redis server gave a reply of the wrong form: {reply:?}"))
}

/// The database is not there any more.
pub(crate) fn gone() -> StoreError {
    let message = "the database is gone from the Redis server: someone removed its keys, or the server lost its data";
    StoreError::new(StoreErrorKind::Corrupt, message)
}

/// Stored data that contradicts itself.
pub(crate) fn corrupt(message: String) -> StoreError {
    StoreError::new(StoreErrorKind::Corrupt, message)
}
