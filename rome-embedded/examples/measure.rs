//! A first measurement of the store against the engine used by hand: point gets, and durable commits of 16 writers.
//!
//! `cargo run --release -p rome-embedded --example measure`. The numbers are of one machine and one run.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use redb::{Database, ReadableDatabase, TableDefinition};
use rome_embedded::{EmbeddedOptions, EmbeddedStore, Verify};
use rome_store::{
    ApplyOptions, Durability, Effect, IndexId, MiniTx, Partition, Read, ReadOptions, Space, Span, Store, TableId, TxId,
};

const ROWS: u64 = 100_000;
const GETS: u64 = 500_000;
const WRITERS: u64 = 16;
const COMMITS: u64 = 250;
const TABLE: TableId = TableId(1);
const INDEX: IndexId = IndexId(1);
const RAW: TableDefinition<'static, &[u8], &[u8]> = TableDefinition::new("raw");

fn key(n: u64) -> [u8; 9] {
    let mut key = [1; 9];
    key[1..].copy_from_slice(&(n.wrapping_mul(0x9E37_79B9_7F4A_7C15) % ROWS).to_be_bytes());
    key
}

fn row(n: u64) -> [u8; 9] {
    let mut key = [1; 9];
    key[1..].copy_from_slice(&n.to_be_bytes());
    key
}

fn report(what: &str, times: u64, began: Instant) {
    let each = began.elapsed().as_secs_f64() / times as f64;
    println!("{what:45} {:>9.0} ns each, {:>10.0} per second", each * 1e9, 1.0 / each);
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::temp_dir().join(format!("rome-measure-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    raw(&folder.join("raw.redb"))?;
    store(&folder.join("store")).await?;
    std::fs::remove_dir_all(&folder)?;
    Ok(())
}

fn raw(path: &Path) -> Result<(), Box<dyn Error>> {
    let database = Database::create(path)?;
    let value = [7; 150];
    let writing = database.begin_write()?;
    {
        let mut table = writing.open_table(RAW)?;
        for n in 0..ROWS {
            table.insert(row(n).as_slice(), value.as_slice())?;
        }
    }
    writing.commit()?;
    let began = Instant::now();
    let mut read = 0;
    for n in 0..GETS {
        let reading = database.begin_read()?;
        let table = reading.open_table(RAW)?;
        read += table.get(key(n).as_slice())?.map_or(0, |value| value.value().to_vec().len());
    }
    report("raw: get in a read transaction", GETS, began);
    assert_eq!(read as u64, GETS * 150);

    let database = Arc::new(database);
    let began = Instant::now();
    let writers = (0..WRITERS).map(|writer| {
        let database = Arc::clone(&database);
        std::thread::spawn(move || -> Result<(), redb::Error> {
            for n in 0..COMMITS {
                let writing = database.begin_write()?;
                writing.open_table(RAW)?.insert(key(writer * COMMITS + n).as_slice(), [8; 150].as_slice())?;
                writing.commit()?;
            }
            Ok(())
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.join().expect("a writer")?;
    }
    report("raw: durable commit, 16 threads", WRITERS * COMMITS, began);
    Ok(())
}

async fn store(path: &Path) -> Result<(), Box<dyn Error>> {
    let store = Arc::new(EmbeddedStore::open(path, EmbeddedOptions::default())?);
    let value = Bytes::from(vec![7; 150]);
    let mut load = MiniTx::one(TxId { lane: 1_000, seq: 1 });
    for n in 0..ROWS {
        let key = Bytes::copy_from_slice(&row(n));
        let entry = Bytes::from([row(n * 7919 % ROWS).as_slice(), &row(n), &[0, 9]].concat());
        load.effects.push(Effect::Put { space: Space::Rows(TABLE), key, value: value.clone() });
        load.effects.push(Effect::Put { space: Space::Index(INDEX), key: entry, value: Bytes::new() });
    }
    let began = Instant::now();
    store.apply(vec![(Partition(0), load)], ApplyOptions::new(Durability::Local)).await?;
    report("store: load a row and an entry", ROWS, began);

    let began = Instant::now();
    for n in 0..GETS {
        let get = Read::Get { space: Space::Rows(TABLE), key: Bytes::copy_from_slice(&key(n)) };
        store.read(&[(Partition(0), vec![get])], ReadOptions::new()).await?;
    }
    report("store: get", GETS, began);

    for track in [false, true] {
        let scan = Read::Scan { span: Span::all(Space::Rows(TABLE)), filter: None, want: None, track };
        let began = Instant::now();
        store.read(&[(Partition(0), vec![scan])], ReadOptions::new()).await?;
        report(&format!("store: scan a row, track {track}"), ROWS, began);
        let index = Span::all(Space::Index(INDEX));
        let scan = Read::ScanRows { index, table: TABLE, filter: None, want: None, track };
        let began = Instant::now();
        store.read(&[(Partition(0), vec![scan])], ReadOptions::new()).await?;
        report(&format!("store: scan a row by index, track {track}"), ROWS, began);
    }

    let began = Instant::now();
    let mut writers = Vec::new();
    for writer in 0..WRITERS {
        let (store, value) = (Arc::clone(&store), value.clone());
        writers.push(tokio::spawn(async move {
            for n in 0..COMMITS {
                let mut tx = MiniTx::one(TxId { lane: writer, seq: n });
                let key = Bytes::copy_from_slice(&key(writer * COMMITS + n));
                tx.effects.push(Effect::Put { space: Space::Rows(TABLE), key, value: value.clone() });
                store.apply(vec![(Partition(0), tx)], ApplyOptions::new(Durability::Local)).await?;
            }
            Ok::<(), rome_store::StoreError>(())
        }));
    }
    for writer in writers {
        writer.await??;
    }
    report("store: durable commit, 16 tasks", WRITERS * COMMITS, began);

    drop(store);
    for verify in [Verify::Never, Verify::Always] {
        let began = Instant::now();
        let store = EmbeddedStore::open(path, EmbeddedOptions::default().verify(verify))?;
        report(&format!("store: open, verify {verify:?}"), 1, began);
        drop(store);
    }
    println!("file: {} bytes", std::fs::metadata(path.join("rome.redb"))?.len());
    Ok(())
}
