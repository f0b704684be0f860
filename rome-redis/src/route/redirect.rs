//! Redirects: the server has done nothing, and another node, or the same one later, will.

use redis::Value;
use rome_store::{StoreError, StoreErrorKind};

use crate::error;

/// Whom to ask again, or when.
#[derive(Debug)]
pub(crate) enum Redirect {
    /// The slot belongs to this node.
    Moved(String),
    /// The slot is on its way to this node, and these keys are there already.
    Ask(String),
    /// Later: the slot is being moved, the node is loading or runs a long script, or the cluster has not yet found a new primary.
    Wait(StoreError),
}

impl Redirect {
    /// What a reply says of it; none if it is no such refusal. `asked` is the node that gave it.
    pub(crate) fn of(reply: &Value, asked: &str) -> Option<Self> {
        let Value::ServerError(refusal) = reply else { return None };
        // The slot, and host and port.
        let node = || match refusal.details()?.split_whitespace().nth(1)?.rsplit_once(':')? {
            ("", port) => Some(address(host(asked), port)),
            (host, port) => Some(address(host, port)),
        };
        match refusal.code() {
            "MOVED" => Some(node().map_or_else(|| Self::Wait(error::refused(refusal)), Self::Moved)),
            "ASK" => Some(node().map_or_else(|| Self::Wait(error::refused(refusal)), Self::Ask)),
            "TRYAGAIN" | "BUSY" | "CLUSTERDOWN" | "LOADING" | "MASTERDOWN" => Some(Self::Wait(error::refused(refusal))),
            _ => error::is_read_only(refusal).then(|| Self::Wait(error::refused(refusal))),
        }
    }

    /// As an error, for when there is no time left.
    pub(crate) fn into_error(self) -> StoreError {
        match self {
            Self::Moved(node) | Self::Ask(node) => on_the_move(&node),
            Self::Wait(error) => error,
        }
    }
}

pub(super) fn on_the_move(node: &str) -> StoreError {
    let message = format!("a slot of the Redis Cluster is on the move, to the node at {node}");
    StoreError::new(StoreErrorKind::Unavailable, message)
}

/// The address of a node. Hosts with colons in them need brackets.
pub(super) fn address(host: &str, port: impl std::fmt::Display) -> String {
    if host.contains(':') && !host.starts_with('[') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

/// The host of an address.
pub(super) fn host(address: &str) -> &str {
    address.rsplit_once(':').map_or(address, |(host, _)| host)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn redirect(line: &str) -> Option<Redirect> {
        Redirect::of(&redis::parse_redis_value(format!("-{line}\r\n").as_bytes()).unwrap(), "asked:1")
    }

    #[test]
    fn a_replica_is_known_by_what_it_refuses() {
        assert!(matches!(redirect("READONLY You can't write against a read only replica."), Some(Redirect::Wait(_))));
        let of_script =
            "ERR Error running script (call to f_0a): @user_script:1: @user_script: 1: -READONLY You can't write";
        assert!(matches!(redirect(of_script), Some(Redirect::Wait(_))));
        assert!(redirect("ERR something else").is_none());
    }

    #[test]
    fn redirections_name_their_node() {
        let moved = |line| match redirect(line) {
            Some(Redirect::Moved(node) | Redirect::Ask(node)) => node,
            other => panic!("{line}: {other:?}"),
        };
        assert_eq!(moved("MOVED 3999 127.0.0.1:6381"), "127.0.0.1:6381");
        assert_eq!(moved("ASK 3999 h:6381"), "h:6381");
        assert_eq!(moved("MOVED 3999 :6381"), "asked:6381");
        assert_eq!(moved("MOVED 3999 ::1:6381"), "[::1]:6381");
    }

    #[test]
    fn some_refusals_pass_and_others_do_not() {
        for line in
            ["TRYAGAIN x", "BUSY x", "CLUSTERDOWN x", "LOADING x", "MASTERDOWN x", "READONLY x", "MOVED x", "ASK x"]
        {
            let Some(Redirect::Wait(error)) = redirect(line) else { panic!("{line}") };
            assert_eq!(
                error.kind(),
                StoreErrorKind::Unavailable,
                "{line}: with another one it would not be asked again"
            );
        }
        assert!(redirect("OOM x").is_none());
        assert!(redirect("ERR x").is_none());
    }
}
