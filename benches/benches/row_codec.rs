//! One image to bytes and back: ROME's rows beside those that the raw competitor writes by hand.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use rome_benches::model::{self, Image};
use rome_benches::peers::raw;
use rome_orm::model::Row as _;
use rome_orm::value::{RowReader, RowWriter};

fn encode(image: &Image) -> Vec<u8> {
    let mut row = RowWriter::with_capacity(192);
    image.write(&mut row);
    row.finish()
}

fn row_codec(criterion: &mut Criterion) {
    let image = model::image(42);
    let by_rome = encode(&image);
    let by_hand = raw::encode(&image);
    println!("a row takes {} bytes with ROME, key included, and {} by hand, without", by_rome.len(), by_hand.len());
    criterion.bench_function("row/encode/rome", |bench| bench.iter(|| encode(black_box(&image))));
    criterion.bench_function("row/encode/hand", |bench| bench.iter(|| raw::encode(black_box(&image))));
    criterion.bench_function("row/decode/rome", |bench| {
        bench.iter(|| Image::read(&mut RowReader::new(black_box(&by_rome))).expect("it was just written"));
    });
    criterion.bench_function("row/decode/hand", |bench| {
        bench.iter(|| raw::decode(image.id, black_box(&by_hand)).expect("it was just written"));
    });
    criterion.bench_function("row/clone", |bench| bench.iter(|| black_box(&image).clone()));
}

criterion_group!(benches, row_codec);
criterion_main!(benches);
