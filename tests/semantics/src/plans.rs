//! Which plan is taken, where the wrong one would be slow or refused.

use std::sync::Arc;

use rome_core::testkit::Recorder;
use rome_orm::prelude::*;
use rome_orm::store::memory::MemoryStore;

#[derive(Entity, Clone, Debug, Default, PartialEq)]
#[rome(table = "jobs")]
struct Job {
    #[rome(key)]
    id: u64,
    #[rome(index)]
    status: String,
    #[rome(index)]
    at: u64,
    #[rome(index)]
    kind: u32,
    #[rome(index)]
    owner: u32,
}

/// 3,000 jobs, of which the 20 newest are queued.
async fn jobs() -> Database {
    let db = Database::builder().entity::<Job>().open("memory:").await.unwrap();
    let status = |id| if id > 2980 { "queued" } else { "done" }.to_owned();
    let job = |id| Job { id, status: status(id), at: id, kind: (id % 20) as u32, owner: (id % 100) as u32 };
    db.insert_many((1..=3000).map(job)).await.unwrap();
    db
}

#[tokio::test]
async fn a_small_index_is_not_given_up_for_an_ordered_scan_that_hopes_to_end_early() {
    let db = jobs().await;
    for limit in [1, 2, 3, 25] {
        let queued = db.query::<Job>().filter(Job::STATUS.eq("queued")).order_by(Job::AT.asc()).limit(limit);
        let explain = queued.explain().await.unwrap();
        assert_eq!(explain.index(), Some("by_status"), "{explain}");
        let denied = queued.scan_policy(ScanPolicy::Deny);
        assert_eq!(denied.first().await.unwrap().unwrap().id, 2981);
    }
}

#[tokio::test]
async fn a_policy_that_denies_scans_takes_the_index_that_there_is() {
    let db = jobs().await;
    let done = db.query::<Job>().filter(Job::STATUS.eq("done")).order_by(Job::AT.asc()).limit(1);
    assert!(
        done.explain().await.unwrap().is_full_scan(),
        "the newest are a few, so the order of `at` finds a done one"
    );
    assert_eq!(done.scan_policy(ScanPolicy::Deny).one().await.unwrap().id, 1);
}

#[tokio::test]
async fn a_cursor_does_not_hide_a_scan_from_its_policy() {
    let db = jobs().await;
    let by_kind = db.query::<Job>().filter(Job::KIND.ne(3)).order_by(Job::ID.asc());
    let first = by_kind.clone().page(5).fetch().await.unwrap();
    let denied = by_kind.scan_policy(ScanPolicy::Deny).page(5).after(first.next).fetch().await;
    assert!(denied.unwrap_err().is_scan_denied());
}

#[tokio::test]
async fn a_long_list_is_not_taken_for_a_short_one() {
    let db = jobs().await;
    let both = db.query::<Job>().filter(Job::KIND.is_in(0..17)).filter(Job::OWNER.eq(5));
    let explain = both.explain().await.unwrap();
    assert_eq!(explain.index(), Some("by_owner"), "{explain}");
}

#[derive(Entity, Clone, Debug, Default, PartialEq)]
#[rome(table = "visits", index(place))]
struct Visit {
    #[rome(key)]
    day: u32,
    #[rome(key)]
    number: u32,
    place: String,
}

/// How many entries of the index by place a query visits, which gives the same rows without it.
async fn visited(filter: Condition<Visit>) -> u64 {
    let recorder = Arc::new(Recorder::new(Arc::new(MemoryStore::new())));
    let db = Database::builder().entity::<Visit>().open(recorder.clone()).await.unwrap();
    let place = |n: u32| format!("{}-{}", if n.is_multiple_of(2) { "inn" } else { "mill" }, n % 4);
    let visit = |n: u32| Visit { day: n / 100, number: n % 100, place: place(n) };
    db.insert_many((0..1000).map(visit)).await.unwrap();
    let query = db.query::<Visit>().filter(filter).order_by(Visit::PLACE.asc());
    let found = query.clone().ignore_indexes().all().await.unwrap();
    recorder.clear();
    assert_eq!(query.use_index("by_place").all().await.unwrap(), found);
    recorder.tally().visited
}

#[tokio::test]
async fn conditions_on_the_key_narrow_an_index_behind_its_own_columns() {
    let inn = || Visit::PLACE.eq("inn-0");
    assert_eq!(visited(inn()).await, 250);
    assert_eq!(visited(inn() & Visit::DAY.ge(8)).await, 50);
    assert_eq!(visited(inn() & Visit::DAY.eq(8) & Visit::NUMBER.lt(40)).await, 10);
    // Bounds that leave one value are that value.
    assert_eq!(visited(inn() & Visit::DAY.between(8, 8) & Visit::NUMBER.lt(40)).await, 10);
    let behind = Condition::after((Visit::DAY.asc(), Visit::NUMBER.asc()), (8, 40));
    assert_eq!(visited(inn() & behind & Visit::DAY.lt(9)).await, 14);
}

#[tokio::test]
async fn bounds_and_beginnings_of_one_column_narrow_it_together() {
    assert_eq!(visited(Visit::PLACE.starts_with("inn")).await, 500);
    assert_eq!(visited(Visit::PLACE.starts_with("inn") & Visit::PLACE.gt("inn-0")).await, 250);
    assert_eq!(visited(Visit::PLACE.like("inn%") & Visit::PLACE.lt("inn-2")).await, 250);
}

#[tokio::test]
async fn lookups_by_key_are_tested_for_the_marker_even_where_all_lie_before_it() {
    let db = Database::builder().entity::<Visit>().open("memory:").await.unwrap();
    db.insert_many((0..1000).map(|n| Visit { day: n / 100, number: n % 100, ..Default::default() })).await.unwrap();
    let order = (Visit::DAY.asc(), Visit::NUMBER.asc());
    for (marker, left) in [((5, 0), 0), ((2, 3), 1), ((1, 4), 2), ((1, 3), 3), ((0, 0), 4)] {
        let keys = Visit::DAY.is_in([1, 2]) & Visit::NUMBER.is_in([3, 4]);
        let query = db.query::<Visit>().filter(keys & Condition::after(order, marker));
        assert!(query.explain().await.unwrap().to_string().contains("by key"));
        assert_eq!(query.count().await.unwrap(), left, "{marker:?}");
    }
}
