//! What a question costs: one read of counters, however many rows there are.

use std::sync::Arc;

use rome_core::testkit::{Call, ReadKind, Recorder};
use rome_orm::prelude::*;

use super::{Image, Owner, Part, image};
use crate::stores::{places, places_of_one_partition};

const ROWS: u32 = 500;

#[tokio::test]
async fn a_question_is_one_read_and_reads_no_row() {
    for place in places_of_one_partition() {
        let recorder = Arc::new(Recorder::new(place.open().await));
        let db = Database::builder().entity::<Owner>().entity::<Image>();
        let db = db.open(recorder.clone()).await.unwrap();
        db.insert_many((0..3).map(|id| Owner { id })).await.unwrap();
        db.insert_many((0..ROWS).map(|n| image(n, n % 3, n))).await.unwrap();
        recorder.clear();
        assert_eq!(db.query::<Image>().count().await.unwrap(), u64::from(ROWS));
        let calls = recorder.calls();
        let [Call::Read { kinds, records: 1, .. }] = calls.as_slice() else { panic!("on {}: {calls:?}", place.name) };
        assert_eq!(kinds.as_slice(), [ReadKind::Get]);
        recorder.clear();
        let of_owner = db.query::<Image>().filter(Image::OWNER.eq(1));
        of_owner.aggregate((count(), sum(Image::SIZE), avg(Image::SIZE))).await.unwrap();
        let calls = recorder.calls();
        let [Call::Read { kinds, records: 2, .. }] = calls.as_slice() else { panic!("on {}: {calls:?}", place.name) };
        assert_eq!(kinds.as_slice(), [ReadKind::Get; 3]);
        recorder.clear();
        let of_owner = db.query::<Image>().filter(Image::OWNER.eq(1)).group_by(Image::STATE);
        of_owner.select((Image::STATE, count(), sum(Image::SIZE))).all().await.unwrap();
        let calls = recorder.calls();
        let [Call::Read { kinds, visited: 2, .. }] = calls.as_slice() else { panic!("on {}: {calls:?}", place.name) };
        assert_eq!(kinds.as_slice(), [ReadKind::Scan]);
    }
}

#[tokio::test]
async fn a_question_of_one_partition_is_one_read_however_many_there_are() {
    for place in places() {
        let recorder = Arc::new(Recorder::new(place.open().await));
        let db = Database::builder().entity::<Part>().open(recorder.clone()).await.unwrap();
        db.insert_many((0..60).map(|n| Part { owner: n % 7, n, size: 1 })).await.unwrap();
        // The first question finishes what the insert has left to do in the background.
        assert_eq!(db.query::<Part>().filter(Part::OWNER.eq(3)).count().await.unwrap(), 9, "on {}", place.name);
        recorder.clear();
        assert_eq!(db.query::<Part>().filter(Part::OWNER.eq(3)).count().await.unwrap(), 9, "on {}", place.name);
        let tally = recorder.tally();
        assert_eq!((tally.reads, tally.applies, tally.records), (1, 0, 1), "on {}", place.name);
    }
}

#[tokio::test]
async fn a_write_costs_as_many_calls_as_without_counters() {
    for place in places_of_one_partition() {
        let recorder = Arc::new(Recorder::new(place.open().await));
        let db = Database::builder().entity::<Part>().open(recorder.clone()).await.unwrap();
        db.insert(Part { owner: 1, n: 1, size: 1 }).await.unwrap();
        recorder.clear();
        db.insert(Part { owner: 1, n: 2, size: 1 }).await.unwrap();
        let calls = recorder.calls();
        // The row, and two counters.
        let [Call::Apply { effects: 3, .. }] = calls.as_slice() else { panic!("on {}: {calls:?}", place.name) };
        recorder.clear();
        db.update(&Part { owner: 1, n: 2, size: 1 }).await.unwrap();
        let calls = recorder.calls();
        // Nothing to add.
        let [_, Call::Apply { effects: 1, .. }] = calls.as_slice() else { panic!("on {}: {calls:?}", place.name) };
    }
}
