//! What a query holds in memory follows its answer, not the size of its tables: the peak of what is allocated while it runs, by a
//! counting allocator.
//!
//! `cargo test -p rome-shapes --test memory -- --nocapture` prints the peaks.
#![allow(clippy::unwrap_used, missing_docs)]

use std::fmt::Write;

use futures::future::BoxFuture;
use futures::{Stream, TryStreamExt};
use peak_alloc::PeakAlloc;
use rome_core::store::memory::MemoryStore;
use rome_orm::expr::count;
use rome_orm::prelude::*;
use rome_orm::query::{Hints, Query};
use rome_shapes::{Event, Image, Loaded, Tag, World};
use std::sync::Arc;

#[global_allocator]
static ALLOCATED: PeakAlloc = PeakAlloc;

/// Images in the small world, and in the large one.
const FEW: u64 = 2_000;
const MANY: u64 = 20_000;

/// What a peak may be in the large world, beside half as much again as in the small one.
const BESIDES: usize = 64 << 10;
/// What a query may hold that has to read all rows: a batch of a megabyte, as it came and as rows. All images take five.
const BATCH: usize = 3 << 20;

/// A query whose answer has as many rows in both worlds, or gives its rows one by one. Says how many there were.
struct Case {
    name: &'static str,
    /// Whether all rows have to be read for it.
    reads_all: bool,
    ask: for<'a> fn(&'a Database) -> BoxFuture<'a, rome_orm::Result<usize>>,
}

fn newest(db: &Database) -> Query<'_, Image> {
    db.query::<Image>().order_by((Image::CREATED.desc(), Image::ID.desc()))
}

async fn first(query: Query<'_, Image>) -> rome_orm::Result<usize> {
    Ok(query.limit(25).all().await?.len())
}

async fn all<R>(rows: impl Stream<Item = rome_orm::Result<R>>) -> rome_orm::Result<usize> {
    rows.try_fold(0, |n, _| async move { Ok(n + 1) }).await
}

fn common() -> Condition<Tag> {
    Tag::NAME.eq(0).and(Tag::VALUE.eq(1))
}

const OWNERS: [u64; 5] = [3, 14, 15, 92, 65];

const CASES: &[Case] = &[
    Case { name: "newest 25", reads_all: false, ask: |db| Box::pin(first(newest(db))) },
    Case {
        name: "newest 25 of five owners (merge)",
        reads_all: false,
        ask: |db| Box::pin(first(newest(db).filter(Image::OWNER.is_in(OWNERS)))),
    },
    Case {
        name: "newest 25 of an owner or a visibility (merge)",
        reads_all: false,
        ask: |db| Box::pin(first(newest(db).filter(Image::OWNER.eq(3).or(Image::VISIBILITY.eq(0))))),
    },
    Case {
        name: "25 after a marker",
        reads_all: false,
        ask: |db| {
            Box::pin(first(newest(db).filter(Condition::after((Image::CREATED.desc(), Image::ID.desc()), (250, 0)))))
        },
    },
    Case {
        name: "newest 25 that pass a test of rows",
        reads_all: false,
        ask: |db| Box::pin(first(newest(db).filter(Image::SIZE.lt(250)))),
    },
    Case {
        name: "newest 25 with a common tag (semi)",
        reads_all: false,
        ask: |db| Box::pin(first(newest(db).filter(Image::TAGS.any(common())))),
    },
    Case {
        name: "newest 25 with a rare tag (semi)",
        reads_all: false,
        ask: |db| Box::pin(first(newest(db).filter(Image::TAGS.any(Tag::NAME.eq(9))))),
    },
    Case {
        name: "newest 25 without a common tag (anti)",
        reads_all: false,
        ask: |db| Box::pin(first(newest(db).filter(Image::TAGS.none(common())))),
    },
    Case {
        name: "join, newest 25 pairs",
        reads_all: false,
        ask: |db| Box::pin(async { Ok(newest(db).limit(25).join(Image::TAGS).all().await?.len()) }),
    },
    Case {
        name: "left join, newest 25 pairs",
        reads_all: false,
        ask: |db| Box::pin(async { Ok(newest(db).limit(25).left_join(Image::TAGS).all().await?.len()) }),
    },
    Case {
        name: "first 25 by a column in no index (top)",
        reads_all: true,
        ask: |db| Box::pin(first(db.query::<Image>().order_by((Image::SIZE.desc(), Image::ID.asc())))),
    },
    Case {
        name: "distinct values of an index's first column (skip)",
        reads_all: false,
        ask: |db| Box::pin(async { Ok(db.query::<Image>().select(Image::OWNER).distinct().all().await?.len()) }),
    },
    Case {
        name: "min and max of each group (skip)",
        reads_all: false,
        ask: |db| {
            Box::pin(async {
                let groups = db.query::<Image>().group_by(Image::GRADE);
                Ok(groups.select((Image::GRADE, min(Image::PRICE), max(Image::PRICE))).all().await?.len())
            })
        },
    },
    Case {
        name: "groups in an index's order, first ten",
        reads_all: true,
        ask: |db| {
            Box::pin(async {
                let groups = db.query::<Image>().group_by(Image::OWNER).order_by(Image::OWNER.asc()).limit(10);
                Ok(groups.select((Image::OWNER, count(), sum(Image::SIZE))).all().await?.len())
            })
        },
    },
    Case {
        name: "all groups in an index's order",
        reads_all: true,
        ask: |db| {
            Box::pin(async {
                let groups = db.query::<Image>().group_by(Image::OWNER).order_by(Image::OWNER.asc());
                Ok(groups.select((Image::OWNER, count(), sum(Image::SIZE))).all().await?.len())
            })
        },
    },
    Case {
        name: "few groups by a column in no index",
        reads_all: true,
        ask: |db| {
            Box::pin(async {
                let groups = db.query::<Event>().group_by(Event::FORM);
                Ok(groups.select((Event::FORM, sum(Event::AT))).all().await?.len())
            })
        },
    },
    Case {
        name: "first 25 by key of two fair indexes (intersect)",
        reads_all: false,
        ask: |db| {
            Box::pin(async {
                let both = db.query::<Event>().filter(Event::COLOR.eq(3)).filter(Event::FORM.eq(2));
                Ok(both.order_by(Event::ID.asc()).limit(25).all().await?.len())
            })
        },
    },
    Case {
        name: "count of rows that pass a test",
        reads_all: false,
        ask: |db| {
            Box::pin(async { Ok(usize::from(db.query::<Image>().filter(Image::SIZE.lt(250)).count().await? > 0)) })
        },
    },
    Case {
        name: "sum of a column",
        reads_all: true,
        ask: |db| Box::pin(async { db.query::<Image>().aggregate((sum(Image::SIZE),)).await.map(|_| 1) }),
    },
];

/// Queries that give all rows of their tables, one by one.
const STREAMS: &[Case] = &[
    Case { name: "stream of a table", reads_all: true, ask: |db| Box::pin(all(db.query::<Image>().stream())) },
    Case { name: "stream in the order of an index", reads_all: true, ask: |db| Box::pin(all(newest(db).stream())) },
    Case {
        name: "stream of rows that pass a test",
        reads_all: true,
        ask: |db| Box::pin(all(newest(db).filter(Image::SIZE.lt(500)).stream())),
    },
    Case {
        name: "stream of a union (merge)",
        reads_all: true,
        ask: |db| {
            let some = Image::OWNER.lt(50).or(Image::VISIBILITY.eq(1));
            Box::pin(all(newest(db).filter(some).stream()))
        },
    },
    Case {
        name: "stream of five owners (merge)",
        reads_all: true,
        ask: |db| Box::pin(all(newest(db).filter(Image::OWNER.is_in(OWNERS)).stream())),
    },
    Case { name: "stream of a join", reads_all: true, ask: |db| Box::pin(all(newest(db).join(Image::TAGS).stream())) },
    Case {
        name: "stream of a left join",
        reads_all: true,
        ask: |db| Box::pin(all(newest(db).left_join(Image::TAGS).stream())),
    },
];

/// The most rows that the queries below may keep, fewer than there are.
const KEPT: usize = 1_000;

/// Queries that would have to keep all rows.
const REFUSED: &[Case] = &[
    Case {
        name: "sort of all rows",
        reads_all: true,
        ask: |db| {
            let sorted = db.query::<Image>().hinted(hints()).order_by((Image::SIZE.desc(), Image::ID.asc()));
            Box::pin(async move { Ok(sorted.all().await?.len()) })
        },
    },
    Case {
        name: "join by a column in no index (hash table)",
        reads_all: true,
        ask: |db| {
            let joined = db.query::<Image>().hinted(hints()).join(Image::SIZE.on(Tag::VALUE));
            Box::pin(async move { Ok(joined.all().await?.len()) })
        },
    },
    Case {
        name: "groups of which each row has its own",
        reads_all: true,
        ask: |db| {
            let groups = db.query::<Image>().hinted(hints()).group_by(Image::TITLE);
            Box::pin(async move { Ok(groups.select((Image::TITLE, count())).all().await?.len()) })
        },
    },
];

const fn hints() -> Hints {
    Hints { compete: false, way: None, budget: None, batch: None, rows: Some(KEPT) }
}

async fn filled(rows: u64) -> Database {
    let db = Loaded::builder().open(Arc::new(MemoryStore::new())).await.unwrap();
    let World { images, tags, events, .. } = World::new(rows);
    for some in images.chunks(1000) {
        db.insert_many(some.iter().cloned()).await.unwrap();
    }
    for some in tags.chunks(1000) {
        db.insert_many(some.iter().cloned()).await.unwrap();
    }
    for some in events.chunks(1000) {
        db.insert_many(some.iter().cloned()).await.unwrap();
    }
    db
}

/// How many rows a query gives, and the most that it has allocated at once, in bytes.
async fn peak(db: &Database, case: &Case) -> (usize, usize) {
    // The planner knows the tables after the first time.
    (case.ask)(db).await.unwrap();
    let before = ALLOCATED.current_usage();
    ALLOCATED.reset_peak_usage();
    let rows = (case.ask)(db).await.unwrap();
    (rows, ALLOCATED.peak_usage().saturating_sub(before))
}

/// The most that a query has allocated at once, in bytes, until it was refused; and why it was.
async fn refusal(db: &Database, case: &Case) -> (usize, rome_orm::Error) {
    let before = ALLOCATED.current_usage();
    ALLOCATED.reset_peak_usage();
    let error = (case.ask)(db).await.map(|rows| panic!("{} gives {rows} rows", case.name)).unwrap_err();
    (ALLOCATED.peak_usage().saturating_sub(before), error)
}

// One test: what others allocate meanwhile would count too.
#[tokio::test]
async fn a_query_holds_what_its_answer_needs() {
    let (small, large) = (filled(FEW).await, filled(MANY).await);
    let mut broken = String::new();
    let cases = CASES.iter().map(|case| (case, false)).chain(STREAMS.iter().map(|case| (case, true)));
    for (case, streams) in cases {
        let ((few, least), (many, most)) = (peak(&small, case).await, peak(&large, case).await);
        println!("{:<52} {few:>6} {many:>6} rows {:>8} {:>8} KiB", case.name, least >> 10, most >> 10);
        assert!(few > 0, "{} has no rows", case.name);
        assert!(if streams { many > 4 * few } else { many == few }, "{}: {few} rows, {many} of many", case.name);
        if most > (least * 3 / 2 + BESIDES).max(if case.reads_all { BATCH } else { 0 }) {
            writeln!(broken, "{}: {least} bytes of few rows, {most} of many", case.name).unwrap();
        }
    }
    for case in REFUSED {
        let ((least, few), (most, many)) = (refusal(&small, case).await, refusal(&large, case).await);
        println!("{:<52} {:>20} {:>8} {:>8} KiB", case.name, "refused", least >> 10, most >> 10);
        for error in [few, many] {
            assert!(
                error.is_limit_exceeded() && error.to_string().contains(&KEPT.to_string()),
                "{}: {error}",
                case.name
            );
        }
        if most > (least * 3 / 2 + BESIDES).max(BATCH) {
            writeln!(broken, "{}: {least} bytes of few rows, {most} of many", case.name).unwrap();
        }
    }
    assert!(broken.is_empty(), "these hold more where there is more:\n{broken}");
}
