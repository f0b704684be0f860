//! The rules of `docs/semantics.md`, section by section, on each store.

#![allow(clippy::unwrap_used, missing_docs)]

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use chrono::{DateTime, TimeDelta, Utc};
use futures::TryStreamExt;
use rome_orm::prelude::*;

#[derive(ColumnEnum, Clone, Copy, Debug, Default, PartialEq)]
enum Coat {
    #[default]
    Short,
    Long,
}

#[derive(Entity, Clone, Debug, Default, PartialEq)]
#[allow(clippy::duplicated_attributes, reason = "two indexes begin with the same column")]
#[rome(table = "rows", index(small, text), index(small, desc(text)))]
struct Row {
    #[rome(key)]
    id: u64,
    #[rome(index)]
    some: Option<i32>,
    small: u8,
    huge: i128,
    text: String,
    float: f64,
    single: f32,
    at: Option<DateTime<Utc>>,
    coat: Coat,
    words: Vec<Option<String>>,
}

#[derive(Entity, Clone, Debug, Default, PartialEq)]
#[rome(table = "pages", unique(site, path))]
struct Page {
    #[rome(key, auto)]
    id: Id<Page>,
    site: Option<u32>,
    path: String,
    #[rome(unique)]
    title: Option<String>,
    #[rome(created_at)]
    created: DateTime<Utc>,
    #[rome(updated_at)]
    updated: DateTime<Utc>,
    #[rome(version)]
    version: u64,
    #[rome(soft_delete)]
    gone: Option<DateTime<Utc>>,
}

/// An open database on one of the stores.
struct Opened {
    db: Database,
    folder: Option<PathBuf>,
    /// The server of the store, which is stopped at the end.
    #[cfg(feature = "redis")]
    _server: Option<rome_redis::testkit::LocalServer>,
}

impl Opened {
    fn new(db: Database, folder: Option<PathBuf>) -> Self {
        Self {
            db,
            folder,
            #[cfg(feature = "redis")]
            _server: None,
        }
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        if let Some(folder) = &self.folder {
            let _ = std::fs::remove_dir_all(folder);
        }
    }
}

async fn open(url: &str) -> Database {
    Database::builder().entity::<Row>().entity::<Page>().open(url).await.unwrap()
}

/// A folder that is not there yet.
fn new_folder() -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let name = format!("rome-law-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    std::env::temp_dir().join(name)
}

/// An empty database on each store.
async fn stores() -> Vec<Opened> {
    let mut all = vec![Opened::new(open("memory:").await, None)];
    if cfg!(feature = "embedded") {
        let folder = new_folder();
        let db = open(&format!("embedded:{}", folder.display())).await;
        all.push(Opened::new(db, Some(folder)));
    }
    #[cfg(feature = "redis")]
    {
        let server = rome_redis::testkit::LocalServer::start();
        let db = open(&server.url()).await;
        let mut opened = Opened::new(db, None);
        opened._server = Some(server);
        all.push(opened);
    }
    all
}

fn row(id: u64) -> Row {
    Row { id, ..Row::default() }
}

fn page(path: &str) -> Page {
    Page { site: Some(1), path: path.into(), ..Page::default() }
}

async fn ids(db: &Database, filter: Condition<Row>) -> Vec<u64> {
    db.query::<Row>().filter(filter).order_by(Row::ID.asc()).select(Row::ID).all().await.unwrap()
}

async fn ordered(db: &Database, order: impl rome_orm::expr::Orders<Row>) -> Vec<u64> {
    db.query::<Row>().order_by(order).select(Row::ID).all().await.unwrap()
}

#[tokio::test]
async fn null_is_unknown() {
    for Opened { db, .. } in &stores().await {
        let word = |word: &str| Some(word.to_owned());
        db.insert_many([
            Row { some: Some(5), words: vec![word("a")], ..row(1) },
            Row { some: Some(7), words: vec![word("b"), None], ..row(2) },
            row(3),
        ])
        .await
        .unwrap();
        assert_eq!(ids(db, Row::SOME.ne(5)).await, [2]);
        assert_eq!(ids(db, !Row::SOME.eq(5)).await, [2]);
        assert_eq!(ids(db, Row::SOME.eq(None)).await, [0; 0]);
        assert_eq!(ids(db, Row::SOME.is_null()).await, [3]);
        assert_eq!(ids(db, !(Row::SOME.eq(5) & Row::ID.eq(3))).await, [1, 2]);
        assert_eq!(ids(db, Row::SOME.eq(5) | Row::ID.eq(3)).await, [1, 3]);
        assert_eq!(ids(db, Row::SOME.is_in([0i32; 0])).await, [0; 0]);
        assert_eq!(ids(db, Row::SOME.not_in([0i32; 0])).await, [1, 2, 3]);
        assert_eq!(ids(db, Row::SOME.not_in([Some(5), None])).await, [0; 0]);
        assert_eq!(ids(db, !Row::WORDS.contains("a")).await, [3]);
        assert_eq!(ids(db, (Row::SOME + 1).is_null()).await, [3]);
        assert_eq!(ordered(db, Row::SOME.asc()).await, [3, 1, 2]);
        assert_eq!(ordered(db, Row::SOME.desc()).await, [2, 1, 3]);
        assert_eq!(ordered(db, Row::SOME.asc().nulls_last()).await, [1, 2, 3]);
        assert_eq!(ordered(db, Row::SOME.desc().nulls_first()).await, [3, 2, 1]);
    }
}

#[tokio::test]
async fn the_key_breaks_ties_in_the_direction_of_the_last_part() {
    for Opened { db, .. } in &stores().await {
        db.insert_many((1..=4).map(|id| Row { some: Some(1), small: (id % 2) as u8, ..row(id) })).await.unwrap();
        assert_eq!(ordered(db, Row::SOME.asc()).await, [1, 2, 3, 4]);
        assert_eq!(ordered(db, Row::SOME.desc()).await, [4, 3, 2, 1]);
        let named = db.query::<Row>().order_by((Row::SMALL.desc(), Row::ID.asc())).select(Row::ID);
        assert_eq!(named.all().await.unwrap(), [1, 3, 2, 4]);
        assert_eq!(named.clone().offset(1).limit(2).all().await.unwrap(), [3, 2]);
        // Without an order, pages and streams go by the key.
        let page = db.query::<Row>().select(Row::ID).page(3).fetch().await.unwrap();
        assert_eq!(page.items, [1, 2, 3]);
        let stream: Vec<u64> = db.query::<Row>().select(Row::ID).stream().try_collect().await.unwrap();
        assert_eq!(stream, [1, 2, 3, 4]);
    }
}

#[tokio::test]
async fn a_descending_index_gives_its_own_order_and_the_reverse() {
    for Opened { db, .. } in &stores().await {
        let text = |id: u64| if id < 3 { "a" } else { "b" }.to_owned();
        db.insert_many((1..=4).map(|id| Row { small: 1, text: text(id), ..row(id) })).await.unwrap();
        let query = || db.query::<Row>().use_index("by_small_text_desc").limit(9);
        for (query, expected) in [
            (query().order_by((Row::SMALL.asc(), Row::TEXT.desc())), [4, 3, 2, 1]),
            (query().order_by((Row::SMALL.desc(), Row::TEXT.asc())), [1, 2, 3, 4]),
        ] {
            assert!(!query.explain().await.unwrap().sorts_in_memory());
            assert_eq!(query.keys().await.unwrap(), expected);
            assert_eq!(query.clone().select(Row::ID).all().await.unwrap(), expected);
        }
        let paged = db.query::<Row>().order_by((Row::SMALL.asc(), Row::TEXT.desc())).select(Row::ID);
        let first = paged.clone().page(3).fetch().await.unwrap();
        let second = paged.page(3).after(first.next).fetch().await.unwrap();
        assert_eq!((first.items, second.items), (vec![4, 3, 2], vec![1]));
    }
}

#[tokio::test]
async fn a_limited_or_takes_the_order_of_an_index_where_that_is_cheaper() {
    for Opened { db, .. } in &stores().await {
        db.insert_many((1..=3000).map(|id| Row { some: Some((id % 7) as i32), small: (id % 5) as u8, ..row(id) }))
            .await
            .unwrap();
        let either = Row::SMALL.eq(1).or(Row::SMALL.eq(2));
        let newest = db.query::<Row>().filter(either.clone()).order_by(Row::SOME.desc()).limit(5);
        let explain = newest.explain().await.unwrap();
        assert!(!explain.sorts_in_memory(), "{explain}");
        let rare = Row::SMALL.eq(77).or(Row::SMALL.eq(78));
        let explain = db.query::<Row>().filter(rare).order_by(Row::SOME.desc()).limit(5).explain().await.unwrap();
        assert!(explain.to_string().contains("of 2 ways"), "{explain}");
        let all = db.query::<Row>().filter(either).order_by(Row::SOME.desc()).ignore_indexes().limit(5);
        assert_eq!(newest.all().await.unwrap(), all.all().await.unwrap());
    }
}

#[tokio::test]
async fn what_rome_keeps_is_not_assigned() {
    for Opened { db, .. } in &stores().await {
        let page = db.insert(Page::default()).await.unwrap();
        for set in [Page::CREATED.set(Utc::now()), Page::UPDATED.set(Utc::now()), Page::VERSION.set(9u64)] {
            let refused = db.query::<Page>().update(set).await.unwrap_err();
            assert!(refused.is_invalid() && refused.to_string().contains("set by ROME itself"), "{refused}");
        }
        assert_eq!(db.get::<Page>(page.id).await.unwrap(), Some(page));
    }
}

#[tokio::test]
async fn a_cursor_belongs_to_its_query_and_outlives_its_row() {
    for Opened { db, .. } in &stores().await {
        db.insert_many((1..=5).map(row)).await.unwrap();
        let by_key = db.query::<Row>().order_by(Row::ID.asc());
        let first = by_key.clone().page(2).fetch().await.unwrap();
        let cursor = first.next.unwrap();
        db.delete_by_key::<Row>(2u64).await.unwrap();
        db.insert(row(0)).await.unwrap();
        let second = by_key.clone().page(2).after(&cursor).fetch().await.unwrap();
        assert_eq!(second.items, [row(3), row(4)]);
        for other in [
            db.query::<Row>().order_by(Row::ID.desc()),
            by_key.clone().filter(Row::ID.gt(0)),
            by_key.clone().with_deleted(),
        ] {
            assert!(other.page(2).after(&cursor).fetch().await.unwrap_err().is_invalid_cursor());
        }
        let mut forged = cursor.to_string();
        forged.replace_range(3..4, if &forged[3..4] == "A" { "B" } else { "A" });
        assert!(by_key.page(2).after(forged).fetch().await.unwrap_err().is_invalid_cursor());
    }
}

#[tokio::test]
async fn each_type_has_its_order() {
    for Opened { db, .. } in &stores().await {
        let floats = [f64::NAN, -0.0, 0.0, f64::INFINITY, f64::NEG_INFINITY, 1.5];
        let texts = ["ä", "a", "Z", "", "a\0", "ab"];
        let all = (1..).zip(floats.into_iter().zip(texts));
        db.insert_many(all.map(|(id, (float, text))| Row { float, text: text.into(), ..row(id) })).await.unwrap();
        assert_eq!(ordered(db, Row::FLOAT.asc()).await, [5, 2, 3, 6, 4, 1]);
        assert_eq!(ids(db, Row::FLOAT.eq(f64::NAN)).await, [1]);
        assert_eq!(ids(db, Row::FLOAT.eq(-0.0)).await, [2, 3]);
        assert_eq!(ids(db, Row::FLOAT.gt(f64::INFINITY)).await, [1]);
        assert_eq!(ordered(db, Row::TEXT.asc()).await, [4, 3, 2, 5, 6, 1]);
        assert_eq!(ids(db, Row::SMALL.eq(0) & Row::TEXT.eq("a")).await, [2]);
        assert_eq!(ids(db, Row::SMALL.eq(0) & Row::TEXT.starts_with("a")).await, [2, 5, 6]);
        db.query::<Row>().filter(Row::ID.le(3)).update(Row::COAT.set(Coat::Long)).await.unwrap();
        assert_eq!(ordered(db, Row::COAT.asc()).await, [1, 2, 3, 4, 5, 6], "`long` is before `short`");
    }
}

#[tokio::test]
async fn moments_have_microseconds_and_entries_a_limit() {
    for Opened { db, .. } in &stores().await {
        let fine = DateTime::<Utc>::from_timestamp(-1, 999_999_999).unwrap();
        let cut = DateTime::<Utc>::from_timestamp(-1, 999_999_000).unwrap();
        let stored = db.insert(Row { at: Some(fine), ..row(1) }).await.unwrap();
        assert_eq!(stored.at, Some(cut));
        assert_eq!(ids(db, Row::AT.eq(fine)).await, [1]);
        let long = db.insert(Row { text: "x".repeat(1024), ..row(2) }).await.unwrap_err();
        assert!(long.is_limit_exceeded(), "{long}");
        assert_eq!(db.query::<Row>().count().await.unwrap(), 1);
        let column = Row::column("small").unwrap();
        assert!(column.eq(1.5).unwrap_err().is_invalid());
        assert!(column.eq(256).unwrap_err().is_invalid());
        assert!(Row::column("smal").unwrap_err().is_invalid());
    }
}

#[tokio::test]
async fn patterns_match_characters() {
    for Opened { db, .. } in &stores().await {
        let texts = ["50%", "50x", "é", "e\u{301}", "STRASSE", "b\\", "Été"];
        db.insert_many((1..).zip(texts).map(|(id, text)| Row { text: text.into(), ..row(id) })).await.unwrap();
        for (pattern, expected) in
            [("50\\%", &[1][..]), ("50%", &[1, 2]), ("_", &[3]), ("__", &[4, 6]), ("b\\", &[6]), ("b\\\\", &[6])]
        {
            assert_eq!(ids(db, Row::TEXT.like(pattern)).await, expected, "{pattern}");
        }
        assert_eq!(ids(db, Row::TEXT.like("é%")).await, [3]);
        assert_eq!(ids(db, Row::TEXT.ilike("É%")).await, [3, 7]);
        assert_eq!(ids(db, Row::TEXT.ilike("straße")).await, [0; 0]);
        assert_eq!(ids(db, Row::TEXT.contains("strasse")).await, [0; 0]);
    }
}

#[tokio::test]
async fn arithmetic_is_exact_and_checked() {
    for Opened { db, .. } in &stores().await {
        db.insert_many([Row { some: Some(-7), small: 3, huge: i128::MAX, ..row(1) }, Row { small: 255, ..row(2) }])
            .await
            .unwrap();
        assert_eq!(ids(db, (Row::SMALL - 5).lt(0)).await, [1]);
        assert_eq!(ids(db, (Row::SMALL * 200).gt(255)).await, [1, 2]);
        assert_eq!(ids(db, (Row::SOME / 2).eq(-3) & (Row::SOME % 2).eq(-1)).await, [1]);
        assert_eq!(ids(db, (Row::SMALL / 0).eq(0) | (Row::SMALL / 0).ne(0)).await, [0; 0]);
        let one = db.query::<Row>().filter(Row::ID.eq(1));
        assert_eq!(one.update(Row::SOME.set(Row::SOME / 0)).await.unwrap(), 1);
        assert_eq!(db.get::<Row>(1u64).await.unwrap().unwrap().some, None);
        assert!(one.update(Row::SMALL.set(Row::SMALL / 0)).await.unwrap_err().is_invalid());
        let all = db.query::<Row>();
        assert!(all.update(Row::SMALL.set(Row::SMALL + 1)).await.unwrap_err().is_overflow());
        assert!(all.update(Row::HUGE.set(Row::HUGE + 1)).await.unwrap_err().is_overflow());
        assert_eq!(ids(db, Row::SMALL.eq(3)).await, [1], "no row was changed");
        one.update((Row::SINGLE.set(1e30), Row::FLOAT.set(f64::MAX))).await.unwrap();
        assert!(one.update(Row::SINGLE.set(Row::SINGLE * Row::SINGLE)).await.unwrap_err().is_overflow());
        one.update(Row::FLOAT.set(Row::FLOAT * 2.0)).await.unwrap();
        assert_eq!(db.get::<Row>(1u64).await.unwrap().unwrap().float, f64::INFINITY);
    }
}

#[tokio::test]
async fn what_was_read_is_checked_at_the_commit() {
    for Opened { db, .. } in &stores().await {
        db.insert_many([row(1), Row { some: Some(1), ..row(2) }]).await.unwrap();
        let conflicts = [
            // A row that changes, one that appears where there was none, a phantom in a range, and a count.
            (row(1), Row { small: 9, ..row(1) }),
            (row(3), row(3)),
            (row(4), Row { some: Some(1), ..row(4) }),
            (row(5), Row { some: Some(2), ..row(5) }),
        ];
        for (at, (asked, change)) in conflicts.into_iter().enumerate() {
            let s = db.session();
            match at {
                0 | 1 => drop(s.get::<Row>(asked.id).await.unwrap()),
                2 => drop(s.query::<Row>().filter(Row::SOME.eq(1)).all().await.unwrap()),
                _ => drop(s.query::<Row>().filter(Row::SOME.ge(2)).count().await.unwrap()),
            }
            s.insert(row(100 + at as u64)).await.unwrap();
            db.upsert(change).await.unwrap();
            assert!(s.commit().await.unwrap_err().is_conflict(), "case {at}");
        }
        // What is outside of the range does not matter.
        let s = db.session();
        s.query::<Row>().filter(Row::SOME.eq(1)).all().await.unwrap();
        s.insert(row(200)).await.unwrap();
        db.insert(Row { some: Some(50), ..row(201) }).await.unwrap();
        s.commit().await.unwrap();
        assert_eq!(db.query::<Row>().filter(Row::ID.between(100, 199)).count().await.unwrap(), 0);
    }
}

#[tokio::test]
async fn a_transaction_is_tried_again_and_gives_up_in_the_end() {
    for Opened { db, .. } in &stores().await {
        db.insert(row(1)).await.unwrap();
        let disturbed = async |attempts, fails: bool| {
            let options = TransactionOptions::new().max_attempts(attempts);
            db.transaction_with(options, async |s| {
                let row = s.get::<Row>(1u64).await?.ok_or_not_found()?;
                if row.small < 2 {
                    db.update(&Row { small: row.small + 1, ..row.clone() }).await?;
                    // It read more than one moment: what it says is not to be believed.
                    s.query::<Row>().count().await?;
                    if fails {
                        return Err(rome_orm::Error::invalid("an error from an inconsistent view"));
                    }
                }
                s.update(&Row { some: Some(1), ..row }).await
            })
            .await
        };
        let error = disturbed(2, true).await.unwrap_err();
        assert_eq!((error.is_conflict(), error.attempts()), (true, Some(2)), "{error}");
        db.update(&row(1)).await.unwrap();
        assert_eq!(disturbed(5, true).await.unwrap(), Row { some: Some(1), small: 2, ..row(1) });
    }
}

#[tokio::test]
async fn a_session_that_only_reads_is_answered_only_if_it_saw_one_moment() {
    for Opened { db, .. } in &stores().await {
        db.insert_many([row(1), row(2)]).await.unwrap();
        let s = db.session_with(TransactionOptions::new().read_only(true));
        s.get::<Row>(1u64).await.unwrap();
        db.update_many(&[Row { small: 1, ..row(1) }, Row { small: 1, ..row(2) }]).await.unwrap();
        s.get::<Row>(2u64).await.unwrap();
        assert!(s.commit().await.unwrap_err().is_conflict());
        let s = db.session_with(TransactionOptions::new().read_only(true));
        s.get_many::<Row>([1, 2]).await.unwrap();
        db.update(&row(1)).await.unwrap();
        assert!(s.insert(row(3)).await.unwrap_err().is_invalid());
        s.commit().await.unwrap();
    }
}

#[tokio::test]
async fn a_session_sees_its_own_writes_in_every_query() {
    for Opened { db, .. } in &stores().await {
        db.insert_many((1..=4).map(|id| Row { some: Some(id as i32), ..row(id) })).await.unwrap();
        let s = db.session();
        s.insert(Row { some: Some(0), ..row(9) }).await.unwrap();
        s.update(&Row { some: Some(10), ..row(1) }).await.unwrap();
        s.delete_by_key::<Row>(2u64).await.unwrap();
        let query = s.query::<Row>().filter(Row::SOME.is_not_null()).order_by(Row::SOME.asc()).select(Row::ID);
        assert_eq!(query.all().await.unwrap(), [9, 3, 4, 1]);
        assert_eq!(query.clone().limit(1).offset(1).all().await.unwrap(), [3]);
        assert_eq!(query.first().await.unwrap(), Some(9));
        assert_eq!(query.keys().await.unwrap(), [9, 3, 4, 1]);
        assert_eq!((query.count().await.unwrap(), query.exists().await.unwrap()), (4, true));
        let first = query.clone().page(3).fetch().await.unwrap();
        let second = query.clone().page(3).after(first.next).fetch().await.unwrap();
        assert_eq!((first.items, second.items), (vec![9, 3, 4], vec![1]));
        let streamed: Vec<u64> = query.stream().try_collect().await.unwrap();
        assert_eq!(streamed, [9, 3, 4, 1]);
        let distinct = s.query::<Row>().select(Row::SMALL).distinct();
        assert_eq!(distinct.all().await.unwrap(), [0]);
        assert_eq!(s.query::<Row>().filter(Row::SOME.ge(10)).update(Row::SMALL.set(1)).await.unwrap(), 1);
        assert_eq!(s.get::<Row>(1u64).await.unwrap().unwrap().small, 1);
        assert_eq!(db.query::<Row>().filter(Row::SMALL.eq(1)).count().await.unwrap(), 0);
        drop(s);
        assert_eq!(db.query::<Row>().count().await.unwrap(), 4);
    }
}

#[tokio::test]
async fn constraints_hold_and_a_failed_statement_leaves_nothing() {
    for Opened { db, .. } in &stores().await {
        let titled = |path: &str, title: &str| Page { title: Some(title.into()), ..page(path) };
        let home = db.insert(titled("home", "Home")).await.unwrap();
        assert!(db.insert(page("home")).await.unwrap_err().is_unique_violation());
        assert!(db.upsert(page("home")).await.unwrap_err().is_unique_violation());
        // A row with a NULL in it does not count.
        db.insert_many([Page { site: None, ..page("home") }, Page { site: None, ..page("home") }]).await.unwrap();

        let s = db.session();
        s.insert(page("before")).await.unwrap();
        let error = s.insert_many([page("new"), titled("newer", "Home")]).await.unwrap_err();
        assert_eq!((error.is_unique_violation(), error.violated_index()), (true, Some("unique_title")));
        assert_eq!(s.query::<Page>().filter(Page::PATH.starts_with("new")).count().await.unwrap(), 0);
        // What one row gives up another may take.
        s.update(&Page { title: None, ..home }).await.unwrap();
        s.insert(titled("newer", "Home")).await.unwrap();
        s.commit().await.unwrap();
        assert_eq!(db.query::<Page>().filter(Page::TITLE.eq("Home")).one().await.unwrap().path, "newer");
        assert_eq!(db.query::<Page>().filter(Page::PATH.eq("before")).count().await.unwrap(), 1);

        let lookup = db.query::<Page>().filter(Page::TITLE.eq("Home")).explain().await.unwrap();
        let range = db.query::<Page>().filter(Page::TITLE.ge("Home")).explain().await.unwrap();
        assert_eq!((lookup.index(), range.index()), (Some("unique_title"), None));
        let double = db.insert_many([row(1), row(1)]).await.unwrap_err();
        assert!(double.is_duplicate_key() && double.is_unique_violation(), "{double}");
        assert_eq!(db.query::<Row>().count().await.unwrap(), 0);
    }
}

#[tokio::test]
async fn columns_that_rome_keeps() {
    for Opened { db, .. } in &stores().await {
        let early = Utc::now() - TimeDelta::days(1);
        let first = db.insert(Page { created: early, updated: early, version: 9, ..page("a") }).await.unwrap();
        assert_eq!(first.created.timestamp_micros(), early.timestamp_micros());
        assert!(first.updated > early);
        assert_eq!(first.version, 1);
        let second = db.update(&Page { created: Utc::now(), ..first.clone() }).await.unwrap();
        assert_eq!((second.created, second.version), (first.created, 2));
        assert!(db.update(&first).await.unwrap_err().is_stale());
        let third = db.upsert(first.clone()).await.unwrap();
        assert_eq!((third.created, third.version), (first.created, 3));
        db.query::<Page>().update(Page::PATH.set("b")).await.unwrap();
        assert_eq!(db.get::<Page>(first.id).await.unwrap().unwrap().version, 4);
    }
}

#[tokio::test]
async fn a_soft_deletion_hides_the_row_and_keeps_its_place() {
    for Opened { db, .. } in &stores().await {
        let a = db.insert(page("a")).await.unwrap();
        db.delete(&a).await.unwrap();
        assert_eq!(db.get::<Page>(a.id).await.unwrap(), None);
        assert_eq!(db.query::<Page>().count().await.unwrap(), 0);
        assert_eq!(db.query::<Page>().with_deleted().count().await.unwrap(), 1);
        assert_eq!(db.query::<Page>().only_deleted().count().await.unwrap(), 1);
        assert!(db.delete(&a).await.unwrap_err().is_not_found());
        assert!(db.insert(page("a")).await.unwrap_err().is_unique_violation());
        assert!(db.insert(Page { id: a.id, ..page("b") }).await.unwrap_err().is_duplicate_key());
        let hidden = db.get_with_deleted::<Page>(a.id).await.unwrap().unwrap();
        assert!(db.update(&Page { gone: None, ..hidden }).await.unwrap_err().is_not_found());
        assert!(db.restore::<Page>(a.id).await.unwrap());
        assert!(db.get::<Page>(a.id).await.unwrap().is_some());
        db.delete(&db.get::<Page>(a.id).await.unwrap().unwrap()).await.unwrap();
        db.upsert(Page { id: a.id, ..page("a") }).await.unwrap();
        assert!(db.get::<Page>(a.id).await.unwrap().is_some());
        assert!(db.purge_by_key::<Page>(a.id).await.unwrap());
        assert!(!db.purge_by_key::<Page>(a.id).await.unwrap());
        let again = db.insert(page("a")).await.unwrap();
        assert!(again.id > a.id, "a generated key is not reused");
    }
}

#[cfg(feature = "embedded")]
#[tokio::test]
async fn a_cursor_outlives_a_restart() {
    let folder = new_folder();
    let url = format!("embedded:{}", folder.display());
    let db = open(&url).await;
    db.insert_many((1..=3).map(row)).await.unwrap();
    let cursor = db.query::<Row>().page(2).fetch().await.unwrap().next.unwrap();
    drop(db);
    let again = Opened::new(open(&url).await, Some(folder));
    assert_eq!(again.db.query::<Row>().page(2).after(cursor).fetch().await.unwrap().items, [row(3)]);
}

#[tokio::test]
async fn what_does_not_fit_is_refused_at_open() {
    mod before {
        use rome_orm::prelude::*;
        #[derive(Entity, Clone, Debug)]
        #[rome(table = "things")]
        pub struct Thing {
            #[rome(key)]
            pub id: u32,
            pub old: String,
        }
    }
    mod added {
        use rome_orm::prelude::*;
        #[derive(Entity, Clone, Debug, PartialEq)]
        #[rome(table = "things")]
        pub struct Thing {
            #[rome(key)]
            pub id: u64,
            #[rome(column = "old")]
            pub renamed: String,
            pub note: Option<String>,
            #[rome(default = 7)]
            pub size: u32,
        }
    }
    mod removed {
        use rome_orm::prelude::*;
        #[derive(Entity, Clone, Debug)]
        #[rome(table = "things", index(id))]
        pub struct Thing {
            #[rome(key)]
            pub id: i32,
        }
    }
    for Opened { db, .. } in &stores().await {
        let store = db.store();
        let first = Database::builder().entity::<before::Thing>().open(store.clone()).await.unwrap();
        first.insert(before::Thing { id: 1, old: "x".into() }).await.unwrap();
        let second = Database::builder().entity::<added::Thing>().open(store.clone()).await.unwrap();
        let expected = added::Thing { id: 1, renamed: "x".into(), note: None, size: 7 };
        assert_eq!(second.get::<added::Thing>(1u64).await.unwrap(), Some(expected));
        let error = Database::builder().entity::<removed::Thing>().open(store.clone()).await.unwrap_err();
        assert!(error.is_schema_mismatch());
        for part in ["`id`", "`old`", "no longer declared"] {
            assert!(error.to_string().contains(part), "{part}: {error}");
        }
    }
}
