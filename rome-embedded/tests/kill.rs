//! A process that is killed at a random moment loses nothing that it was told is done, and leaves nothing torn.
//!
//! The test runs its own binary again as the process to kill: with `ROME_KILL_PATH` set, the test below writes and
//! prints what is acknowledged, until it is killed.
#![allow(clippy::unwrap_used)]

mod harness;

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration as Time;

use harness::*;
use rome_embedded::{EmbeddedOptions, EmbeddedStore};
use rome_store::{Applied, ApplyOptions, Durability, Partition, Read, Reply, SequenceId, Span, Store};

const WRITERS: u64 = 4;
const PARTS: u8 = 5;

/// Writes until it is killed. Each writer counts in records of its own, which must always be equal.
async fn write_for_ever(path: &Path) {
    let store = Arc::new(EmbeddedStore::open(path, EmbeddedOptions::default()).unwrap());
    let mut writers = Vec::new();
    for writer in 0..WRITERS {
        let store = Arc::clone(&store);
        writers.push(tokio::spawn(async move {
            let lane = store.reserve(SequenceId::Lanes, 1).await.unwrap();
            let mut count = count_of(&store, writer, 0).await;
            for seq in 1.. {
                count += 1;
                let mut effects: Vec<_> =
                    (0..PARTS).map(|part| put(ROWS, [writer as u8, part], count.to_be_bytes())).collect();
                effects.push(put(INDEX, [[writer as u8].as_slice(), &count.to_be_bytes()].concat(), ""));
                effects.push(put(ROWS, [0xFF, writer as u8, count as u8], vec![1; 500 + count as usize % 3000]));
                let applied = store
                    .apply(vec![(Partition(0), tx(id(lane, seq), effects))], ApplyOptions::new(Durability::Local))
                    .await;
                assert!(matches!(applied.unwrap()[..], [Applied::Done { .. }]));
                let mut out = std::io::stdout().lock();
                writeln!(out, "ack {lane} {writer} {count}").unwrap();
                out.flush().unwrap();
            }
        }));
    }
    for writer in writers {
        writer.await.unwrap();
    }
}

async fn count_of(store: &EmbeddedStore, writer: u64, part: u8) -> u64 {
    let read = Read::Get { space: ROWS, key: vec![writer as u8, part].into() };
    let replies = store.read(&[(Partition(0), vec![read])], Default::default()).await.unwrap();
    match &replies[0].replies[0] {
        Reply::Record(Some((_, value))) => u64::from_be_bytes(value[..].try_into().unwrap()),
        _ => 0,
    }
}

/// What the file holds of each writer, if nothing is torn.
fn verify(path: &Path) -> Vec<u64> {
    let store = EmbeddedStore::open(path, EmbeddedOptions::default()).unwrap();
    let counts = (0..WRITERS).map(|writer| {
        let counts: Vec<u64> = (0..PARTS).map(|part| wait(count_of(&store, writer, part))).collect();
        assert!(counts.iter().all(|count| *count == counts[0]), "writer {writer} is torn: {counts:?}");
        let span = Span::prefix(INDEX, vec![writer as u8]);
        assert_eq!(try_read(&store, Read::count(span)).unwrap(), Reply::Count(counts[0].into()));
        counts[0]
    });
    let counts: Vec<u64> = counts.collect();
    assert_eq!(seq(&store), counts.iter().sum::<u64>());
    counts
}

#[test]
fn killed_writers_lose_nothing_that_was_acknowledged() {
    if let Some(path) = std::env::var_os("ROME_KILL_PATH") {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
        return runtime.block_on(write_for_ever(Path::new(&path)));
    }
    let rounds: u64 = std::env::var("ROME_CRASH_ROUNDS").map_or(20, |rounds| rounds.parse().unwrap());
    let folder = Folder::new("kill");
    let mut acknowledged = vec![0u64; WRITERS as usize];
    let mut lanes = Vec::new();
    let mut total = 0;
    for round in 0..rounds {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "killed_writers_lose_nothing_that_was_acknowledged", "--nocapture"])
            .env("ROME_KILL_PATH", folder.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        // Killed after some acknowledgements and a little more, so that it is hit anywhere in a commit.
        let after = 1 + (round * 37) % 90;
        let mut seen = 0;
        let mut take = |line: String, acknowledged: &mut Vec<u64>| {
            let words: Vec<&str> = line.split_whitespace().collect();
            if let ["ack", lane, writer, count] = words[..] {
                // The kill may have cut the last line short, so a count may only look smaller than it was.
                let (writer, count): (usize, u64) = (writer.parse().unwrap(), count.parse().unwrap());
                acknowledged[writer] = acknowledged[writer].max(count);
                lanes.push((round, lane.parse::<u64>().unwrap()));
                return 1;
            }
            0
        };
        while seen < after {
            let line = lines.next().expect("the writer goes on until it is killed").unwrap();
            seen += take(line, &mut acknowledged);
        }
        std::thread::sleep(Time::from_micros((round * 7919) % 3000));
        child.kill().unwrap();
        for line in lines.map_while(Result::ok) {
            seen += take(line, &mut acknowledged);
        }
        child.wait().unwrap();
        total += seen;

        let held = verify(folder.path());
        for (writer, (held, acknowledged)) in held.iter().zip(&acknowledged).enumerate() {
            // At most one more was on its way when the process was killed.
            assert!(
                *held == *acknowledged || *held == *acknowledged + 1,
                "round {round}, writer {writer}: {held} held, {acknowledged} acknowledged"
            );
        }
        acknowledged = held;
    }
    lanes.sort_unstable_by_key(|(round, lane)| (*lane, *round));
    lanes.dedup();
    for pair in lanes.windows(2) {
        assert_ne!(pair[0].1, pair[1].1, "a lane was given out in two processes");
    }
    println!("{rounds} kills, {total} acknowledged transactions");
}
