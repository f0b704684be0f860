//! Limits that end exactly where a chunk of a scan does.
#![allow(clippy::unwrap_used)]

mod harness;

use std::sync::Arc;

use harness::*;
use rome_redis::RedisOptions;
use rome_redis::testkit::LocalServer;
use rome_store::{FilterRef, Read, RowFilter, Span};

/// The most members that a round visits.
const CHUNK: u32 = 4096;

fn key(n: u32) -> String {
    format!("{n:06}")
}

/// Keeps every hundredth row.
struct Hundredth;

impl RowFilter for Hundredth {
    fn keep(&self, key: &[u8], _: &[u8]) -> bool {
        key.ends_with(b"00")
    }
}

async fn rows(client: &Client, numbers: std::ops::Range<u32>) {
    let row = |n| [put(ROWS, key(n), "1"), put(INDEX, entry(b"x", key(n).as_bytes()), "")];
    client.write(numbers.flat_map(row).collect()).await;
}

/// A scan of rows, by themselves or through the index.
fn scan(by_index: bool, reverse: bool, limit: Option<u32>, filter: Option<FilterRef>, want: Option<u32>) -> Read {
    let span = |space| Span::all(space).reversed(reverse).limited(limit);
    if by_index {
        Read::ScanRows { index: span(INDEX), table: TABLE, filter, want, track: false }
    } else {
        Read::Scan { span: span(ROWS), filter, want, track: false }
    }
}

/// The n-th key that a scan of `there` rows meets.
fn met(there: u32, reverse: bool, by_index: bool, n: u32) -> Vec<u8> {
    let key = key(if reverse { there - n } else { n - 1 });
    if by_index { entry(b"x", key.as_bytes()).to_vec() } else { key.into_bytes() }
}

#[tokio::test]
async fn a_limit_may_end_where_a_chunk_does() {
    let server = LocalServer::start();
    let mut by_script = RedisOptions::default();
    by_script.always_by_script = true;
    let clients = [open(&server).await, Client::by(&server.url(), by_script, 2).await];
    let mut written = 0;
    for there in [CHUNK, 2 * CHUNK + 1] {
        rows(&clients[0], written..there).await;
        written = there;
        for (limit, case) in [CHUNK, 2 * CHUNK].into_iter().flat_map(|limit| (0..16).map(move |case| (limit, case))) {
            let [by_index, reverse, by_want, script] = [1, 2, 4, 8].map(|bit| case & bit != 0);
            let (span_limit, want) = if by_want { (None, Some(limit)) } else { (Some(limit), None) };
            let seen = clients[usize::from(script)].scan(scan(by_index, reverse, span_limit, None, want)).await;
            let what = format!("{limit} of {there}, {by_index} {reverse} {by_want} {script}");
            let returned = limit.min(there);
            assert_eq!((seen.len(), seen.visited), (returned as usize, returned), "{what}");
            let stop = (limit < there).then(|| met(there, reverse, by_index, limit));
            assert_eq!(seen.stopped_at.as_deref(), stop.as_deref(), "{what}");
        }
    }
}

#[tokio::test]
async fn so_may_one_of_a_scan_that_looks_for_few_rows() {
    let server = LocalServer::start();
    let client = open(&server).await;
    let mut written = 0;
    // Such a scan visits as many as are wanted, then twice as many as it has visited.
    for limit in [200, 600, 1800, 5400] {
        for there in [limit, limit + 1, limit + 1000] {
            rows(&client, written..written.max(there)).await;
            written = written.max(there);
            for case in 0..4 {
                let (by_index, reverse) = (case & 1 != 0, case & 2 != 0);
                let filter = Some(FilterRef(Arc::new(Hundredth)));
                let seen = client.scan(scan(by_index, reverse, Some(limit), filter, Some(200))).await;
                let what = format!("{limit} of {written}, {by_index} {reverse}");
                let visited: Vec<_> = (1..=limit).map(|n| met(written, reverse, false, n)).collect();
                let kept = visited.iter().filter(|key| key.ends_with(b"00")).count();
                assert_eq!((seen.len(), seen.visited), (kept, limit), "{what}");
                let stop = (limit < written).then(|| met(written, reverse, by_index, limit));
                assert_eq!(seen.stopped_at.as_deref(), stop.as_deref(), "{what}");
            }
        }
    }
}
