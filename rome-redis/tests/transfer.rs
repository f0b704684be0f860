//! What scans transfer: their cost follows what they return, not how large the table is.
#![allow(clippy::unwrap_used)]

mod harness;

use std::sync::Arc;

use harness::*;
use redis::aio::MultiplexedConnection;
use rome_redis::RedisOptions;
use rome_redis::testkit::LocalServer;
use rome_store::{FilterRef, Read, RowFilter, Scanned, Span};

/// Keeps each row whose number is a multiple of this one.
struct Every(u32);

impl RowFilter for Every {
    fn keep(&self, key: &[u8], _: &[u8]) -> bool {
        std::str::from_utf8(key).unwrap().parse::<u32>().unwrap().is_multiple_of(self.0)
    }
}

fn every(n: u32) -> Option<FilterRef> {
    Some(FilterRef(Arc::new(Every(n))))
}

struct Meter(MultiplexedConnection);

/// What a scan has cost.
#[derive(Debug)]
struct Cost {
    round_trips: u64,
    /// Bytes that the server has sent.
    bytes: u64,
    /// Records that the scan says were read.
    records: u64,
}

impl Meter {
    async fn stat(&mut self, name: &str) -> u64 {
        let info: String = ask(&mut self.0, "INFO stats").await;
        info.lines().find_map(|line| line.strip_prefix(&format!("{name}:"))).unwrap().trim().parse().unwrap()
    }

    async fn of(&mut self, client: &Client, read: Read) -> (Scanned, Cost) {
        ask::<()>(&mut self.0, "CONFIG RESETSTAT").await;
        let scanned = client.scan(read).await;
        let bytes = self.stat("total_net_output_bytes").await;
        // The server reads once for each round trip, and once for each question.
        let round_trips = self.stat("total_reads_processed").await - 2;
        let records = scanned.transferred();
        (scanned, Cost { round_trips, bytes, records })
    }
}

/// By rounds, and by the script.
async fn clients(server: &LocalServer) -> [Client; 2] {
    let mut by_script = RedisOptions::default();
    by_script.always_by_script = true;
    [open(server).await, Client::by(&server.url(), by_script, 2).await]
}

fn key(n: u32) -> String {
    format!("{n:06}")
}

async fn add_rows(client: &Client, numbers: std::ops::Range<u32>, value: &'static [u8]) {
    let row = |n| [put(ROWS, key(n), value), put(INDEX, entry(b"x", key(n).as_bytes()), "")];
    for start in numbers.clone().step_by(5000) {
        client.write((start..numbers.end.min(start + 5000)).flat_map(row).collect()).await;
    }
}

/// A scan of rows, by themselves or through the index.
fn scan(by_index: bool, filter: Option<FilterRef>, want: Option<u32>, bytes: Option<u64>) -> Read {
    let span = |space| Span::all(space).within_bytes(bytes);
    if by_index {
        Read::ScanRows { index: span(INDEX), table: TABLE, filter, want, track: false }
    } else {
        Read::Scan { span: span(ROWS), filter, want, track: false }
    }
}

#[tokio::test]
async fn a_filtered_page_costs_the_same_however_large_the_table_is() {
    const VALUE: &[u8] = &[7; 100];
    let server = LocalServer::start();
    let clients = clients(&server).await;
    let mut meter = Meter(raw(&server).await);
    let mut written = 0;
    let mut before: Vec<(u64, u64)> = Vec::new();
    for rows in [2_000, 20_000] {
        add_rows(&clients[0], written..rows, VALUE).await;
        written = rows;
        let mut costs = Vec::new();
        for (want, passes) in [(10, 1), (10, 2), (10, 50), (25, 8)] {
            for (by_index, script) in [(false, false), (true, false), (false, true), (true, true)] {
                let read = scan(by_index, every(passes), Some(want), None);
                let (scanned, cost) = meter.of(&clients[usize::from(script)], read).await;
                let what = format!("{want} rows, one of {passes} passes, {by_index} {script}, of {rows}: {cost:?}");
                assert_eq!(scanned.len(), want as usize, "{what}");
                // The best that can be done is to read up to the last row that passes.
                let least = u64::from((want - 1) * passes + 1);
                assert_eq!(u64::from(scanned.visited), least, "{what}");
                assert!(cost.records <= if script { 4 * least + 64 } else { 3 * least + u64::from(want) }, "{what}");
                assert!(u64::from(scanned.surplus) <= cost.records - least, "{what}");
                // A record with its key, and keys ahead of it.
                assert!(cost.bytes <= 4096 + if script { 6 } else { 4 } * 200 * (least + u64::from(want)), "{what}");
                // Batches grow, so there are few of them.
                let rounds = 5 + 2 * u64::from((least / u64::from(want)).ilog2());
                assert!(cost.round_trips <= rounds, "{what}");
                costs.push((cost.round_trips, cost.records));
            }
        }
        if !before.is_empty() {
            assert_eq!(costs, before, "ten times the rows");
        }
        before = costs;
    }
}

#[tokio::test]
async fn a_scan_limited_in_bytes_transfers_about_as_many_by_the_script_too() {
    const VALUE: &[u8] = &[7; 100_000];
    let server = LocalServer::start();
    let clients = clients(&server).await;
    let mut meter = Meter(raw(&server).await);
    let mut written = 0;
    for rows in [40, 160] {
        add_rows(&clients[0], written..rows, VALUE).await;
        written = rows;
        for (by_index, script) in [(false, false), (true, false), (false, true), (true, true)] {
            let client = &clients[usize::from(script)];
            let (scanned, cost) = meter.of(client, scan(by_index, None, Some(200), Some(350_000))).await;
            let what = format!("{by_index} {script}, of {rows}: {cost:?}");
            assert_eq!((scanned.len(), scanned.visited), (4, 4), "{what}");
            let stopped = if by_index { entry(b"x", b"000003").to_vec() } else { b"000003".to_vec() };
            assert_eq!(scanned.stopped_at.as_deref(), Some(&*stopped), "{what}");
            // Where nothing is known of the rows' lengths, a first batch of 16 shows it.
            assert!(cost.bytes <= 1_700_000, "{what}");
        }
    }
}

#[tokio::test]
async fn a_scan_of_more_than_a_script_reads_at_first_is_whole() {
    const VALUE: &[u8] = &[7; 100_000];
    let server = LocalServer::start();
    let clients = clients(&server).await;
    add_rows(&clients[0], 0..200, VALUE).await;
    // Twenty megabytes: more than the first call gives, with a filter and without.
    for filter in [None, every(1), every(100)] {
        let kept =
            if filter.is_none() { 200 } else { clients[0].scan(scan(false, filter.clone(), None, None)).await.len() };
        for by_index in [false, true] {
            let scanned = clients[1].scan(scan(by_index, filter.clone(), None, None)).await;
            assert_eq!((scanned.len(), scanned.visited), (kept, 200), "{filter:?} {by_index}");
            assert_eq!(scanned.stopped_at, None);
        }
    }
    assert_eq!(clients[1].scan(scan(true, every(100), Some(2), None)).await.visited, 101);
}
