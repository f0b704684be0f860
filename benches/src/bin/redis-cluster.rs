//! ROME on a Redis Cluster of three primaries beside the cluster client of the crate `redis`: a point get, a commit in one
//! slot, and a transaction in two.
//!
//! `cargo run --release --bin redis-cluster [-- ROUNDS]`. Each round runs each of them for a fixed number of times, one after
//! the other, so that what the machine does besides hits all; the medians of the rounds are compared.

use std::time::Instant;

use anyhow::{Context, Result};
use redis::{AsyncCommands, Script, cluster::ClusterClient};
use rome_orm::prelude::*;
use rome_redis::testkit::LocalCluster;

/// How many calls a round makes.
const CALLS: u64 = 2000;
const VALUE: &str = "about as long as a row of an image without its properties, which is some hundred and fifty bytes, \
                     in the form in which ROME stores it by default......";

/// A row that is alone in its partition's commit.
#[derive(Entity, Clone, Debug, Default, PartialEq)]
struct Image {
    #[rome(key)]
    id: u64,
    #[rome(index)]
    owner: u32,
    text: String,
}

fn image(id: u64) -> Image {
    Image { id, owner: u32::try_from(id % 100).unwrap_or_default(), text: VALUE.to_owned() }
}

/// What a commit needs at least: the row, its ordered key and its index entry.
const COMMIT: &str = "redis.call('HSET', KEYS[1], ARGV[1], ARGV[2]) redis.call('ZADD', KEYS[2], 0, ARGV[1]) \
                      redis.call('ZADD', KEYS[3], 0, ARGV[3]) return 1";

#[tokio::main]
async fn main() -> Result<()> {
    let rounds: usize = std::env::args().nth(1).map_or(Ok(7), |rounds| rounds.parse())?;
    let cluster = LocalCluster::start();
    let db = Database::builder().entity::<Image>().open(&format!("{}?prefix=bench", cluster.url())).await?;
    let nodes: Vec<String> =
        cluster.url().trim_start_matches("redis-cluster://").split(',').map(|node| format!("redis://{node}")).collect();
    let client = ClusterClient::new(nodes).context("the cluster client")?;
    let raw = client.get_async_connection().await?;
    for id in 0..CALLS {
        db.insert(image(id)).await?;
        let _: () = raw.clone().hset(format!("{{raw.{}}}:t", id % 16), id, VALUE).await?;
    }
    // Pairs of keys that lie in two partitions cannot be seen from outside; of random ones 15 of 16 do.
    let commit = Script::new(COMMIT);
    for clients in [1_u64, 16] {
        let mut times: [Vec<f64>; 5] = Default::default();
        for round in 0..rounds as u64 {
            let base = (clients * 1000 + round) * 10 * CALLS + CALLS;
            let (db, raw, commit) = (&db, &raw, &commit);
            times[0].push(
                timed(clients, async |n| {
                    let _: Option<String> = raw.clone().hget(format!("{{raw.{}}}:t", n % 16), n % CALLS).await?;
                    Ok(())
                })
                .await?,
            );
            times[1].push(
                timed(clients, async |n| {
                    db.get::<Image>(n % CALLS).await?;
                    Ok(())
                })
                .await?,
            );
            times[2].push(
                timed(clients, async |n| {
                    let tag = format!("{{raw.{}}}", n % 16);
                    let mut call = commit.key(format!("{tag}:t"));
                    call.key(format!("{tag}:p")).key(format!("{tag}:i"));
                    call.arg(base + n).arg(VALUE).arg(format!("{}.{}", n % 100, base + n));
                    let _: i64 = call.invoke_async(&mut raw.clone()).await?;
                    Ok(())
                })
                .await?,
            );
            times[3].push(
                timed(clients, async |n| {
                    db.insert(image(base + n)).await?;
                    Ok(())
                })
                .await?,
            );
            times[4].push(
                timed(clients, async |n| {
                    db.insert_many([image(base + 4 * CALLS + 2 * n), image(base + 4 * CALLS + 2 * n + 1)]).await?;
                    Ok(())
                })
                .await?,
            );
        }
        let [raw_get, get, raw_commit, one, two] = times.map(median);
        println!("{clients} clients, µs a call (medians of {rounds} rounds of {CALLS} calls)");
        println!("  point get          raw {raw_get:7.1}  rome {get:7.1}  ratio {:.2} (goal 1.15)", get / raw_get);
        println!(
            "  commit in one slot raw {raw_commit:7.1}  rome {one:7.1}  ratio {:.2} (goal 1.15)",
            one / raw_commit
        );
        println!("  two rows, mostly in two slots   rome {two:7.1}  to one slot {:.2} (goal 5)", two / one);
    }
    Ok(())
}

/// The time of a call in microseconds, as the clients together make them.
async fn timed(clients: u64, call: impl AsyncFn(u64) -> Result<()>) -> Result<f64> {
    let call = &call;
    let begun = Instant::now();
    let client = |at: u64| async move {
        for n in (at..CALLS).step_by(usize::try_from(clients)?) {
            call(n).await?;
        }
        anyhow::Ok(())
    };
    futures::future::try_join_all((0..clients).map(client)).await?;
    Ok(begun.elapsed().as_secs_f64() * 1e6 / CALLS as f64)
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 2).copied().unwrap_or_default()
}
