//! Which plan is taken, where the wrong one would be slow or refused.

use rome::prelude::*;

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
    db.insert_all((1..=3000).map(job)).await.unwrap();
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
