//! How much memory and disk the database of the image service takes on Redis.
//!
//! ```console
//! $ cargo run --release -p glance --example sizing -- 10000 100000
//! $ cargo run --release -p glance --example sizing -- --properties 5 10000
//! $ cargo run --release -p glance --example sizing -- --cluster 10000
//! ```
//!
//! For each number it starts a `redis-server` of its own and makes that many images, each active, with 3 properties, 2 tags and a
//! location: 7 rows. Then it asks the server what each key takes (`MEMORY USAGE`), and how large its files are. With `--properties` an image has
//! so many. With `--cluster` it is a cluster of three primaries, and all that is told is what each of them takes.

#![recursion_limit = "256"]

use std::time::Instant;

use futures::{StreamExt, TryStreamExt, stream};
use glance::db::{Context, ImageStatus, ImageValues, LocationValues, image_create, open};
use redis::aio::MultiplexedConnection;
use rome_redis::testkit::{LocalCluster, LocalServer};

type Done<T = ()> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

#[tokio::main]
async fn main() -> Done {
    let mut arguments = std::env::args().skip(1);
    let (mut properties, mut on_cluster) = (3, false);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--properties" => properties = arguments.next().ok_or("--properties needs a number")?.parse()?,
            "--cluster" => on_cluster = true,
            number if on_cluster => size_of_cluster(number.parse()?, properties).await?,
            number => size(number.parse()?, properties).await?,
        }
    }
    Ok(())
}

/// Makes the images in the database that the URL names.
async fn fill(url: &str, number: u64, properties: u64) -> Done {
    let db = &open(url).await?;
    let all = stream::iter(0..number).map(async |n| image_create(db, &Context::admin(), &image(n, properties)).await);
    Ok(all.buffer_unordered(64).try_for_each(async |_| Ok(())).await?)
}

async fn size_of_cluster(number: u64, properties: u64) -> Done {
    let cluster = LocalCluster::with(3, 0, &[]);
    let used = |node| -> Done<u64> {
        let info: String = cluster.ask(node, "INFO memory");
        value(&info, "used_memory")
    };
    let empty = (0..3).map(used).collect::<Done<Vec<_>>>()?;
    fill(&cluster.url(), number, properties).await?;
    let full = (0..3).map(used).collect::<Done<Vec<_>>>()?;
    let each: Vec<u64> = full.iter().zip(&empty).map(|(full, empty)| full - empty).collect();
    let used: u64 = each.iter().sum();
    println!("{number} images on a cluster: {used} bytes, {} an image; of the nodes {each:?}", used / number);
    Ok(())
}

/// The values of an image, all of them different.
fn image(number: u64, properties: u64) -> ImageValues {
    let hex = |bytes: usize, salt: u64| {
        let mix = |at: usize| (number + salt).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(at as u32 * 7 % 64);
        (0..bytes.div_ceil(8)).map(|at| format!("{:016x}", mix(at))).collect::<String>()
    };
    let property = |name: &str, value: String| (name.to_owned(), Some(value));
    let own = |at: u64| match at {
        0 => property("architecture", "x86_64".to_owned()),
        1 => property("os_distro", ["ubuntu", "debian", "fedora"][(number % 3) as usize].to_owned()),
        2 => property("build", format!("2026-{number:06}")),
        more => property(&format!("custom_{more}"), format!("value-{:06}", number * more)),
    };
    ImageValues {
        name: Some(Some(format!("ubuntu-24.04-server-{number:06}"))),
        status: Some(ImageStatus::Active),
        owner: Some(Some(hex(16, number / 100))),
        disk_format: Some(Some("qcow2".to_owned())),
        container_format: Some(Some("bare".to_owned())),
        size: Some(Some((number * 7919 % 20_000_000) as i64 * 1000)),
        checksum: Some(Some(hex(16, 1))),
        os_hash_algo: Some(Some("sha512".to_owned())),
        os_hash_value: Some(Some(hex(64, 2))),
        properties: Some((0..properties).map(own).collect()),
        tags: Some(vec!["server".to_owned(), format!("team-{}", number % 50)]),
        locations: Some(vec![LocationValues::new(
            format!("file:///var/lib/glance/store1/{}", hex(16, 3)),
            serde_json::json!({ "store": "store1" }),
        )]),
        ..ImageValues::default()
    }
}

async fn size(number: u64, properties: u64) -> Done {
    let mut server = LocalServer::with(&["--appendonly", "yes", "--auto-aof-rewrite-percentage", "0"]);
    let client = redis::Client::open(server.url())?;
    let config = redis::AsyncConnectionConfig::new().set_response_timeout(None);
    let mut admin = client.get_multiplexed_async_connection_with_config(&config).await?;
    let empty = info(&mut admin, "used_memory").await?;
    let begun = Instant::now();
    fill(&server.url(), number, properties).await?;
    let took = begun.elapsed().as_secs_f64();
    let used = info(&mut admin, "used_memory").await? - empty;
    println!("\n{number} images in {took:.1} s, {:.0} a second", number as f64 / took);
    println!(
        "memory {used} bytes, {} an image; resident {}",
        used / number,
        info(&mut admin, "used_memory_rss").await?
    );

    let mut keys: Vec<String> = redis::cmd("KEYS").arg("*").query_async(&mut admin).await?;
    keys.sort();
    println!("{:16} {:>9} {:>12} {:>10}", "key", "members", "bytes", "a member");
    for key in keys {
        let kind: String = redis::cmd("TYPE").arg(&key).query_async(&mut admin).await?;
        let count = if kind == "hash" { "HLEN" } else { "ZCARD" };
        let members: u64 = redis::cmd(count).arg(&key).query_async(&mut admin).await?;
        let bytes: u64 =
            redis::cmd("MEMORY").arg("USAGE").arg(&key).arg("SAMPLES").arg(0).query_async(&mut admin).await?;
        println!("{key:16} {members:>9} {bytes:>12} {:>10.1}", bytes as f64 / members as f64);
    }

    let grown = info(&mut admin, "aof_current_size").await?;
    redis::cmd("BGREWRITEAOF").exec_async(&mut admin).await?;
    while info(&mut admin, "aof_rewrite_in_progress").await? + info(&mut admin, "aof_rewrite_scheduled").await? > 0 {
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    let rewritten = info(&mut admin, "aof_current_size").await?;
    let begun = Instant::now();
    redis::cmd("SAVE").exec_async(&mut admin).await?;
    let saved = begun.elapsed().as_secs_f64();
    let rdb = std::fs::metadata(server.folder().join("dump.rdb"))?.len();
    println!("append-only file {grown} bytes, {rewritten} after a rewrite; snapshot {rdb}, in {saved:.1} s");
    let begun = Instant::now();
    server.kill();
    server.restart();
    println!("started again in {:.1} s", begun.elapsed().as_secs_f64());
    Ok(())
}

/// A number out of `INFO`.
async fn info(admin: &mut MultiplexedConnection, name: &str) -> Done<u64> {
    let info: String = redis::cmd("INFO").query_async(admin).await?;
    value(&info, name)
}

fn value(info: &str, name: &str) -> Done<u64> {
    let line = info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    Ok(line.ok_or_else(|| format!("the server does not tell its {name}"))?.trim().parse()?)
}
