//! A Redis of the benchmark's own.

use std::process::{Command, Stdio};

use anyhow::{Result, ensure};
use rome_redis::testkit::LocalServer;

/// A server that syncs each write to its disk before it answers (`appendfsync always`), or one that keeps nothing.
pub fn redis(durable: bool) -> Result<LocalServer> {
    let version = Command::new("redis-server").arg("--version").stdout(Stdio::null()).status();
    ensure!(
        version.is_ok_and(|status| status.success()),
        "redis-server is not installed: apt-get install redis-server, or run benches/servers"
    );
    Ok(if durable { LocalServer::durable() } else { LocalServer::start() })
}
