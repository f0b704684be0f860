//! One row by its key from the in-memory store, through all of ROME, beside a clone out of a locked BTreeMap.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use rome_benches::model::{self, Image};
use rome_benches::peer::{Peer, SyncPeer};
use rome_benches::peers::{btree::BTree, rome::Rome};

const IMAGES: u64 = 10_000;

fn point_get(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime without drivers");
    let rome = runtime.block_on(async {
        let mut rome = Rome::open("memory:").await.expect("memory is always there");
        rome.load(IMAGES).await.expect("an empty database takes rows");
        rome
    });
    let mut btree = BTree::default();
    btree.load(IMAGES).expect("maps take rows");
    let id = model::image_id(4_711);
    criterion.bench_function("point get/rome memory", |bench| {
        bench.iter(|| runtime.block_on(rome.database().get::<Image>(black_box(id))).expect("memory does not fail"));
    });
    criterion.bench_function("point get/btree", |bench| {
        bench.iter(|| btree.get(black_box(id)).expect("maps do not fail"));
    });
}

criterion_group!(benches, point_get);
criterion_main!(benches);
