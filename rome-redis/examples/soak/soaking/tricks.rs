//! Faults that are the same on one server and on many.

use std::thread::sleep;
use std::time::Duration;

use rome_redis::testkit::LocalServer;

use super::bed::Random;
use super::proxy::{Proxy, Trick};

/// How often a request or a reply gets lost on one way to a server.
const TIMES: u64 = 10;

/// Loses requests and replies; says how many.
pub fn drop_replies(way: &Proxy, random: &Random) -> u64 {
    let before = way.tricked();
    for _ in 0..TIMES {
        let trick = random.pick(&[Trick::LoseReply, Trick::LoseReply, Trick::LoseRequest, Trick::Delay]);
        let played = way.tricked();
        way.play_with_scripts(trick);
        for _ in 0..20 {
            sleep(Duration::from_millis(10));
            if way.tricked() > played {
                break;
            }
        }
        way.play_nothing();
        // By now it was sent again, by another connection.
        if trick == Trick::Delay && way.tricked() > played {
            sleep(Duration::from_millis(random.below(60)));
            way.let_go();
        }
    }
    u64::from(way.tricked() - before)
}

/// Asks a server something.
pub fn ask<T: redis::FromRedisValue>(server: &LocalServer, command: &str) -> redis::RedisResult<T> {
    let mut words = command.split(' ');
    let mut cmd = redis::cmd(words.next().unwrap_or_default());
    cmd.arg(words.collect::<Vec<_>>());
    let mut connection = redis::Client::open(server.url())?.get_connection_with_timeout(Duration::from_secs(2))?;
    connection.set_read_timeout(Some(Duration::from_secs(10)))?;
    cmd.query(&mut connection)
}

/// Closes all connections of clients, again and again; says how often.
pub fn drop_connections(server: &LocalServer, random: &Random) -> u64 {
    (0..TIMES)
        .map(|_| {
            sleep(Duration::from_millis(10 + random.below(40)));
            ask::<u64>(server, "CLIENT KILL TYPE normal SKIPME yes").map_or(0, |killed| killed.min(1))
        })
        .sum()
}

/// The server has no memory left for a moment.
pub fn fill(server: &LocalServer, random: &Random) {
    ask::<()>(server, "CONFIG SET maxmemory 1").unwrap();
    sleep(Duration::from_millis(100 + random.below(200)));
    ask::<()>(server, "CONFIG SET maxmemory 0").unwrap();
}

/// The settings of a server that may or may not keep files.
pub fn settings(keeps_files: bool) -> Vec<&'static str> {
    let file = if keeps_files { ["yes", "always"] } else { ["no", "no"] };
    vec!["--appendonly", file[0], "--appendfsync", file[1], "--repl-diskless-sync-delay", "0"]
}

/// Waits until a replica is in step.
pub fn wait_until_in_step(replica: &LocalServer) {
    while !ask::<String>(replica, "INFO replication").is_ok_and(|info| info.contains("master_link_status:up")) {
        sleep(Duration::from_millis(10));
    }
}
