//! What a server says of itself, and whether that is good enough.

use std::collections::HashMap;

use rome_store::{Durability, StoreError, StoreErrorKind, StoreResult};

/// The oldest server with `ZRANGE … BYLEX REV`.
const OLDEST: (u32, u32) = (6, 2);

/// What a server says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Server {
    info: HashMap<String, String>,
    /// The setting `appendfsync`; none if it may not be asked for.
    appendfsync: Option<String>,
}

impl Server {
    /// From the answers to `INFO` and to `CONFIG GET appendfsync`.
    pub(crate) fn new(info: &str, appendfsync: Option<String>) -> Self {
        let info = info.lines().filter_map(|line| line.split_once(':'));
        let info = info.map(|(name, value)| (name.to_owned(), value.trim().to_owned())).collect();
        Self { info, appendfsync }
    }

    fn says(&self, name: &str) -> &str {
        self.info.get(name).map_or("", String::as_str)
    }

    /// Names the process: another one, after a restart or a failover, has another id. Half of its 40 digits are plenty.
    pub(crate) fn run(&self) -> &str {
        let id = self.says("run_id");
        id.get(..20).unwrap_or(id)
    }

    /// Whether it is still reading its data.
    pub(crate) fn is_loading(&self) -> bool {
        self.says("loading") == "1"
    }

    /// How safe an acknowledged write is there.
    pub(crate) fn durability(&self) -> Durability {
        let syncs = self.says("aof_enabled") == "1" && self.appendfsync.as_deref() == Some("always");
        if syncs { Durability::Local } else { Durability::Memory }
    }

    /// Whether it may have lost acknowledged writes when it started or took over.
    pub(crate) fn may_have_lost(&self) -> bool {
        let was_replica = self.says("master_replid2").bytes().any(|byte| byte != b'0');
        was_replica || self.durability() == Durability::Memory
    }

    /// Refuses a server that could not keep the promises of a store, or is none of a cluster where one is wanted.
    pub(crate) fn admit(&self, in_cluster: bool) -> StoreResult<()> {
        let version = self.says("redis_version");
        let mut parts = version.split('.').map_while(|part| part.parse().ok());
        let number = (parts.next().unwrap_or(0), parts.next().unwrap_or(0));
        if number < OLDEST {
            let (major, minor) = OLDEST;
            let message = format!("the Redis server is version {version}; ROME needs {major}.{minor} or newer");
            return Err(StoreError::new(StoreErrorKind::Unsafe, message));
        }
        let message = match (self.says("cluster_enabled") == "1", in_cluster) {
            (true, false) => "is part of a cluster (setting `cluster-enabled`); write `redis-cluster://`",
            (false, true) => "is no part of a cluster (setting `cluster-enabled`); write `redis://`",
            _ => "",
        };
        if !message.is_empty() {
            return Err(StoreError::new(StoreErrorKind::Invalid, format!("the Redis server {message}")));
        }
        if self.says("role") != "master" {
            let message = "the Redis server is a replica (setting `replicaof`); name its primary instead";
            return Err(StoreError::new(StoreErrorKind::Unavailable, message));
        }
        let policy = self.says("maxmemory_policy");
        if policy != "noeviction" {
            let message = format!(
                "the Redis server may evict data: its setting `maxmemory-policy` is `{policy}`, ROME needs `noeviction`"
            );
            return Err(StoreError::new(StoreErrorKind::Unsafe, message));
        }
        Ok(())
    }

    /// What of its settings may lose acknowledged writes; none if nothing does.
    pub(crate) fn risk(&self) -> Option<String> {
        if self.durability() == Durability::Local {
            return None;
        }
        Some(match (self.says("aof_enabled"), &self.appendfsync) {
            ("1", Some(value)) => {
                format!("`appendfsync` is `{value}`: a crash of the machine may lose the last acknowledged writes")
            }
            ("1", None) => "`appendfsync` may not be read, so a crash of the machine may lose writes".to_owned(),
            _ => "`appendonly` is off: a crash of the server loses all writes since its last snapshot".to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "# Server\r\nredis_version:7.0.15\r\nrun_id:ab\r\nmaxmemory_policy:noeviction\r\nloading:0\r\n\
        aof_enabled:1\r\nrole:master\r\nmaster_replid2:0000\r\ncluster_enabled:0\r\n";

    fn with(name: &str, value: &str) -> Server {
        let mut server = Server::new(GOOD, Some("always".to_owned()));
        server.info.insert(name.to_owned(), value.to_owned());
        server
    }

    #[test]
    fn a_good_server_is_admitted_and_durable() {
        let server = with("run_id", "ab");
        assert!(server.admit(false).is_ok());
        assert!(server.admit(true).is_err());
        assert!(with("cluster_enabled", "1").admit(true).is_ok());
        assert_eq!(server.durability(), Durability::Local);
        assert_eq!((server.risk(), server.may_have_lost()), (None, false));
    }

    #[test]
    fn what_loses_data_is_refused_by_its_name() {
        for (name, value, kind, word) in [
            ("redis_version", "6.0.16", StoreErrorKind::Unsafe, "6.0.16"),
            ("redis_version", "", StoreErrorKind::Unsafe, "6.2"),
            ("cluster_enabled", "1", StoreErrorKind::Invalid, "cluster-enabled"),
            ("role", "slave", StoreErrorKind::Unavailable, "replicaof"),
            ("maxmemory_policy", "allkeys-lru", StoreErrorKind::Unsafe, "maxmemory-policy"),
            ("maxmemory_policy", "volatile-ttl", StoreErrorKind::Unsafe, "volatile-ttl"),
        ] {
            let error = with(name, value).admit(false).expect_err(name);
            assert_eq!(error.kind(), kind, "{name}");
            assert!(error.to_string().contains(word), "{error}");
        }
    }

    #[test]
    fn risks_are_named() {
        let everysec = Server::new(GOOD, Some("everysec".to_owned()));
        assert!(everysec.risk().is_some_and(|risk| risk.contains("`everysec`")));
        assert!(everysec.may_have_lost());
        assert!(with("aof_enabled", "0").risk().is_some_and(|risk| risk.contains("appendonly")));
        assert!(with("master_replid2", "0a0").may_have_lost());
    }
}
