//! What ROME on Redis costs beside Redis by hand, in processor time of the client and of the server, apart.
//!
//! `cargo run --release --bin redis-costs [-- CLIENTS [TEXT [ROUNDS [aof]]]]`: so many clients (16), operations whose name
//! contains the text, medians of so many rounds (9), with `aof` on a server that syncs each write. Each round makes a fixed
//! number of calls by hand and as many by ROME, one after the other.

use std::time::Instant;

use anyhow::Result;
use rome_benches::measure::{Load, median};
use rome_benches::model;
use rome_benches::operation::{Dice, Operation, Request, request};
use rome_benches::peer::Peer;
use rome_benches::peers::{redis::RawRedis, rome::Rome};
use rome_benches::{processor, servers};

const IMAGES: u64 = 10_000;

/// Microseconds an operation: of the client, of the server, on the clock.
type Cost = [f64; 3];

#[tokio::main]
async fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let clients: u64 = arguments.next().map_or(Ok(16), |clients| clients.parse())?;
    let wanted = arguments.next().unwrap_or_default();
    let rounds: u64 = arguments.next().map_or(Ok(9), |rounds| rounds.parse())?;
    let server = servers::redis(arguments.next().is_some())?;
    let mut raw = RawRedis::connect(&server.url()).await?;
    let id = raw.server_id().await?;
    raw.load(IMAGES).await?;
    let mut rome = Rome::open_on_server(&server.url()).await?;
    rome.load(IMAGES).await?;
    println!("{clients} clients, µs an operation: processor time of client and server, and by the clock");
    println!("{:<38} {:>22} {:>22}   ratios: client server both clock", "", "by hand", "ROME");
    for operation in Operation::ALL {
        if !operation.is_for_servers() || !operation.name().contains(&wanted) || !rome.answers(operation, Load::One) {
            continue;
        }
        let (mut by_hand, mut by_rome) = (Vec::new(), Vec::new());
        for round in 0..rounds {
            by_hand.push(cost(&raw, id, operation, clients, round).await?);
            by_rome.push(cost(&rome, id, operation, clients, round).await?);
        }
        let of = |costs: &[Cost]| [0, 1, 2].map(|part| median(costs.iter().map(|cost| cost[part]).collect()));
        let (hand, rome) = (of(&by_hand), of(&by_rome));
        let ratio = |part: fn(Cost) -> f64| part(rome) / part(hand);
        println!(
            "{:<38} {:>7.1}{:>7.1}{:>8.1} {:>7.1}{:>7.1}{:>8.1}           {:>6.2} {:>6.2} {:>5.2} {:>5.2}",
            operation.name(),
            hand[0],
            hand[1],
            hand[2],
            rome[0],
            rome[1],
            rome[2],
            ratio(|cost| cost[0]),
            ratio(|cost| cost[1]),
            ratio(|cost| cost[0] + cost[1]),
            ratio(|cost| cost[2]),
        );
    }
    Ok(())
}

/// What one round costs. Rows that it inserts are removed again, or were inserted before, outside the measurement.
async fn cost<P: Peer>(peer: &P, server: u32, operation: Operation, clients: u64, round: u64) -> Result<Cost> {
    let calls: u64 = if operation == Operation::GetMany || operation == Operation::ByOwner { 1_600 } else { 6_400 };
    let share = calls / clients;
    let fresh = |client: u64, n: u64| IMAGES + 1 + client * share + n;
    let ask = |client: u64| {
        let mut dice = Dice::new(round * 64 + client);
        let one = |n: u64| match operation {
            Operation::Insert => Ok(Request::Insert(model::image(fresh(client, n)))),
            Operation::Delete => Ok(Request::Delete(model::image_id(fresh(client, n)))),
            _ => request(operation, IMAGES, &mut dice),
        };
        (0..share).map(one).collect::<Result<Vec<_>>>()
    };
    let requests = (0..clients).map(ask).collect::<Result<Vec<_>>>()?;
    let made = || (0..clients).flat_map(|client| (0..share).map(move |n| fresh(client, n)));
    if operation == Operation::Delete {
        let images: Vec<_> = made().map(model::image).collect();
        for images in images.chunks(1_000) {
            peer.run(Request::InsertMany(images.to_vec())).await?;
        }
    }
    let (own, both, begun) = (processor::time(None), processor::time(Some(server)), Instant::now());
    let tasks: Vec<_> = requests
        .into_iter()
        .map(|requests| {
            let peer = peer.clone();
            tokio::spawn(async move {
                for request in requests {
                    peer.run(request).await?;
                }
                anyhow::Ok(())
            })
        })
        .collect();
    for task in tasks {
        task.await??;
    }
    let clock = begun.elapsed().as_secs_f64() * 1e6;
    let (own_after, both_after) = (processor::time(None), processor::time(Some(server)));
    let client = (own_after - own) as f64 / 1e3;
    let server = (both_after - both) as f64 / 1e3 - client;
    if operation == Operation::Insert {
        let ids: Vec<_> = made().map(model::image_id).collect();
        for ids in ids.chunks(1_000) {
            peer.remove(ids.to_vec()).await?;
        }
    }
    Ok([client, server, clock].map(|time| time / (share * clients) as f64))
}
