//! The clock: one client's latencies, or what many clients get done.

use std::time::{Duration, Instant};

use anyhow::Result;

use crate::{operation::Request, peer::Peer};

/// How many clients a slot has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Load {
    /// One client, of whom the median time is taken.
    One,
    /// Sixteen, of whom the rate is taken.
    Sixteen,
    /// Sixty-four, of whom the rate is taken: only for what servers insert.
    SixtyFour,
}

impl Load {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::One, Self::Sixteen, Self::SixtyFour];

    /// How many clients that are.
    pub const fn clients(self) -> usize {
        match self {
            Self::One => 1,
            Self::Sixteen => 16,
            Self::SixtyFour => 64,
        }
    }
}

/// A client hands the worker back after this many operations, as one that waits for its next HTTP request would.
const TURN: usize = 16;

/// What one peer did in one slot.
#[derive(Debug)]
pub struct Slot {
    /// Operations done.
    pub done: u64,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// The median operation in microseconds; zero in the throughput measurement.
    pub p50: f64,
    /// Microseconds of processor time for each operation, of this process and the server.
    pub cost: f64,
}

/// The requests of one client.
#[derive(Debug)]
pub enum Requests {
    /// Reads, asked again and again.
    Cycle(Vec<Request>),
    /// Writes, each asked once; the slot ends with them.
    Once(Vec<Request>),
}

impl Requests {
    fn into_iter(self) -> Box<dyn Iterator<Item = Request> + Send> {
        match self {
            Self::Cycle(requests) => Box::new((0..).map(move |turn: usize| requests[turn % requests.len()].clone())),
            Self::Once(requests) => Box::new(requests.into_iter()),
        }
    }
}

/// One client, each operation timed. Making the request and dropping the reply are outside the clock.
pub async fn latency<P: Peer>(peer: P, requests: Requests, limit: Duration) -> Result<Slot> {
    let client = async move {
        let mut times: Vec<u64> = Vec::with_capacity(4096);
        let began = Instant::now();
        for request in requests.into_iter() {
            let start = Instant::now();
            let reply = peer.run(request).await?;
            let time = start.elapsed();
            drop(reply);
            times.push(time.as_nanos() as u64);
            if began.elapsed() >= limit && times.len() >= 3 {
                break;
            }
        }
        let seconds = began.elapsed().as_secs_f64();
        times.sort_unstable();
        let p50 = times.get(times.len() / 2).copied().unwrap_or_default() as f64 / 1_000.0;
        anyhow::Ok(Slot { done: times.len() as u64, seconds, p50, cost: 0.0 })
    };
    tokio::spawn(client).await?
}

/// Many clients at once; what counts is how many operations they finish a second.
pub async fn throughput<P: Peer>(peer: P, requests: Vec<Requests>, limit: Duration) -> Result<Slot> {
    let began = Instant::now();
    let clients: Vec<_> = requests
        .into_iter()
        .map(|requests| {
            let peer = peer.clone();
            tokio::spawn(async move {
                let mut done = 0;
                for request in requests.into_iter() {
                    drop(peer.run(request).await?);
                    done += 1;
                    if began.elapsed() >= limit {
                        break;
                    }
                    if done % TURN == 0 {
                        tokio::task::yield_now().await;
                    }
                }
                anyhow::Ok(done as u64)
            })
        })
        .collect();
    let mut done = 0;
    for client in clients {
        done += client.await??;
    }
    Ok(Slot { done, seconds: began.elapsed().as_secs_f64(), p50: 0.0, cost: 0.0 })
}

/// The middle of some numbers; NaN of none.
pub fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    match numbers.len() {
        0 => f64::NAN,
        length if length % 2 == 1 => numbers[length / 2],
        length => (numbers[length / 2 - 1] + numbers[length / 2]) / 2.0,
    }
}
