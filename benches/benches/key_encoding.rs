//! Values as ordered key bytes.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use rome_benches::model;
use rome_orm::value::{Value, key};

fn key_encoding(criterion: &mut Criterion) {
    let image = model::image(42);
    let values = [
        ("small int", Value::Int(7)),
        ("int", Value::Int(i128::from(image.size))),
        ("text of 32", Value::Text(image.owner.clone())),
        ("uuid", Value::Uuid(image.id)),
        ("timestamp", Value::Timestamp(image.created_at.into())),
    ];
    for (name, value) in &values {
        let mut encoded = Vec::with_capacity(64);
        criterion.bench_function(&format!("key/encode/{name}"), |bench| {
            bench.iter(|| {
                encoded.clear();
                key::encode(black_box(value).as_ref(), false, &mut encoded);
                encoded.len()
            });
        });
        criterion.bench_function(&format!("key/decode/{name}"), |bench| {
            bench.iter(|| key::decode(black_box(&encoded), false).expect("it was just encoded"));
        });
    }
}

criterion_group!(benches, key_encoding);
criterion_main!(benches);
