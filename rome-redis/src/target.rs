//! Which server or cluster a URL names.

use std::fmt;

use rome_store::StoreResult;

use crate::error::invalid;

/// Where a database is. Its URLs may hold a password, so `Debug` does not show them.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Target {
    /// One server, by its URL.
    Server(String),
    /// A cluster, by some of its nodes.
    Cluster {
        /// `redis` or `rediss`.
        scheme: &'static str,
        /// User and password with the `@` behind them, or nothing.
        login: String,
        /// Hosts and ports.
        nodes: Vec<String>,
    },
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Server(_) => f.debug_struct("Server").finish_non_exhaustive(),
            Self::Cluster { scheme, nodes, .. } => {
                f.debug_struct("Cluster").field("scheme", scheme).field("nodes", nodes).finish_non_exhaustive()
            }
        }
    }
}

impl Target {
    /// What a URL without parameters names.
    ///
    /// # Errors
    /// When it is the URL of a cluster and makes no sense. That of a server is looked at later.
    pub(crate) fn of(url: &str) -> StoreResult<Self> {
        let (scheme, rest) = match url.split_once("://") {
            Some(("redis-cluster", rest)) => ("redis", rest),
            Some(("rediss-cluster", rest)) => ("rediss", rest),
            _ => return Ok(Self::Server(url.to_owned())),
        };
        let (login, rest) = rest.rsplit_once('@').map_or(("", rest), |(login, rest)| (login, rest));
        let (nodes, path) = rest.split_once('/').unwrap_or((rest, ""));
        let malformed = |what: &str| {
            let form = "`redis-cluster://[user:password@]host:port[,host:port…][?prefix=NAME]`";
            invalid(format!("not the URL of a Redis Cluster, {what}; write {form}"))
        };
        if !path.is_empty() {
            return Err(malformed("which has one database, without a number"));
        }
        let nodes: Vec<String> = nodes.split(',').map(with_port).collect();
        if nodes.iter().any(|node| node.starts_with(':')) {
            return Err(malformed("a host is missing"));
        }
        let login = if login.is_empty() { String::new() } else { format!("{login}@") };
        Ok(Self::Cluster { scheme, login, nodes })
    }

    /// Whether calls go through TLS.
    pub(crate) fn is_tls(&self) -> bool {
        match self {
            Self::Server(url) => url.starts_with("rediss:"),
            Self::Cluster { scheme, .. } => *scheme == "rediss",
        }
    }

    /// The URL of a node of a cluster, or of the one server.
    pub(crate) fn url(&self, node: &str) -> String {
        match self {
            Self::Server(url) => url.clone(),
            Self::Cluster { scheme, login, .. } => format!("{scheme}://{login}{node}"),
        }
    }
}

fn with_port(node: &str) -> String {
    let host_end = node.rfind(']').map_or(0, |end| end + 1);
    if node.get(host_end..).is_some_and(|rest| rest.contains(':')) { node.to_owned() } else { format!("{node}:6379") }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn cluster(url: &str) -> (String, Vec<String>) {
        let target = Target::of(url).unwrap();
        match target.clone() {
            Target::Cluster { nodes, .. } => (target.url("x:1"), nodes),
            server @ Target::Server(_) => panic!("{server:?}"),
        }
    }

    #[test]
    fn nodes_of_a_cluster_are_told_apart() {
        assert_eq!(cluster("redis-cluster://a:1,b"), ("redis://x:1".to_owned(), vec!["a:1".into(), "b:6379".into()]));
        assert_eq!(cluster("rediss-cluster://u:p@[::1]").1, ["[::1]:6379"]);
        assert_eq!(cluster("rediss-cluster://u:p@a").0, "rediss://u:p@x:1");
        assert!(Target::of("redis-cluster://a:1/3").is_err());
        assert!(Target::of("redis-cluster://a,,b").is_err());
    }

    #[test]
    fn a_server_is_named_by_its_url() {
        let server = Target::of("rediss://u:p@h/2").unwrap();
        assert!(server.is_tls());
        assert_eq!(server.url("anything"), "rediss://u:p@h/2");
    }
}
