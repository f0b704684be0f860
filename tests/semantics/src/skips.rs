//! Distinct values of the leading columns of an index cost what they are, not what the rows are that have them.
#![allow(clippy::duplicated_attributes, reason = "indexes share columns")]

use rome_orm::expr::count_distinct;
use rome_orm::metrics::{Cost, Measure};
use rome_orm::prelude::*;

use crate::stores::{Place, open, places};

#[derive(Entity, Clone, Debug, PartialEq, Default)]
#[rome(table = "visits", index(owner, at), index(desc(city), at), index(kind, owner, at), global_index(zone, at))]
struct Visit {
    #[rome(key)]
    id: u64,
    owner: u64,
    at: Option<i64>,
    city: Option<String>,
    kind: u32,
    zone: u32,
    #[rome(index)]
    number: u64,
    plain: u64,
}

/// How many owners there are.
const OWNERS: u64 = 100;

/// Some owners have no time at all, others have some rows without one.
fn visit(id: u64) -> Visit {
    let owner = id % OWNERS;
    let at = (owner % 10 != 3 && !id.is_multiple_of(7)).then(|| i64::try_from(id * 37 % 1_000).unwrap());
    let city = (owner > 4).then(|| format!("city {}", owner % 20));
    Visit { id, owner, at, city, kind: u32::try_from(owner % 2).unwrap(), zone: 1, number: id * 3, plain: id }
}

async fn fill(db: &Database, rows: std::ops::Range<u64>) {
    for first in rows.clone().step_by(1000) {
        db.insert_many((first..rows.end.min(first + 1000)).map(visit)).await.unwrap();
    }
    // What was committed is finished in all partitions, so that reads meet nobody.
    while db.query::<Visit>().all().measured().await.1.applies > 0 {}
}

/// Places with 1,000 and with 4,000 rows, and in how many partitions they lie.
async fn each_size(check: impl AsyncFn(&str, &Database, u64, u64)) {
    for place in places() {
        let db = open!(place, [Visit]);
        let partitions = partitions(&place);
        for rows in [1_000, 4_000] {
            fill(&db, db.query::<Visit>().count().await.unwrap()..rows).await;
            check(&format!("{}, {rows} rows", place.name), &db, rows, partitions).await;
        }
    }
}

fn partitions(place: &Place) -> u64 {
    place.name.split_once(" in ").map_or(1, |(_, n)| n.split(' ').next().unwrap().parse().unwrap())
}

/// The first three owners from the tenth on.
async fn owners(session: &Session) -> Vec<u64> {
    let query = session.query::<Visit>().filter(Visit::OWNER.ge(10)).order_by(Visit::OWNER.asc());
    query.select(Visit::OWNER).distinct().limit(3).all().await.unwrap()
}

/// Asserts that `values` values cost a seek each in each partition, and as many entries again at most. Where a value has fewer than
/// four entries in a partition, they are scanned.
fn assert_seeks(what: &str, cost: Cost, values: u64, (rows, partitions): (u64, u64)) {
    let seeks = (2 * values + 32) * partitions;
    let scan = if rows < 4 * values * partitions { rows } else { 0 };
    assert!(cost.entries_read <= seeks.max(scan), "{what}: {cost}");
    assert!(cost.reads <= values + 8, "{what}: {cost}");
    assert_eq!(cost.rows_read, 0, "{what}: {cost}");
}

#[tokio::test]
async fn distinct_values_cost_what_they_are() {
    each_size(async |name, db, rows, partitions| {
        let all = db.query::<Visit>();
        let (owners, cost) = all.clone().select(Visit::OWNER).distinct().all().measured().await;
        let mut owners = owners.unwrap();
        owners.sort_unstable();
        assert_eq!(owners, (0..OWNERS).collect::<Vec<_>>(), "{name}");
        assert_seeks(name, cost, OWNERS, (rows, partitions));

        let (count, cost) = all.clone().select(Visit::OWNER).distinct().count().measured().await;
        assert_eq!(count.unwrap(), OWNERS, "{name}");
        assert_seeks(name, cost, OWNERS, (rows, partitions));

        let cities = all.clone().order_by(Visit::CITY.asc()).select(Visit::CITY).distinct();
        let (found, cost) = cities.all().measured().await;
        let mut expected: Vec<Option<String>> = (0..20).map(|n| Some(format!("city {n}"))).collect();
        expected.push(None);
        expected.sort();
        assert_eq!(found.unwrap(), expected, "{name}");
        assert_seeks(name, cost, 21, (rows, partitions));

        // By entries that may lie apart from their rows.
        let (zones, cost) = all.clone().select(Visit::ZONE).distinct().all().measured().await;
        assert_eq!(zones.unwrap(), [1], "{name}");
        assert_seeks(name, cost, 1, (rows, partitions));

        // Behind a column that is fixed, and up to a bound.
        let of_kind = all.filter(Visit::KIND.eq(1)).filter(Visit::OWNER.lt(50));
        let (found, cost) =
            of_kind.order_by(Visit::OWNER.desc()).select((Visit::OWNER, Visit::KIND)).distinct().all().measured().await;
        let expected: Vec<(u64, u32)> = (0..50).rev().filter(|n| n % 2 == 1).map(|n| (n, 1)).collect();
        assert_eq!(found.unwrap(), expected, "{name}");
        assert_seeks(name, cost, 25, (rows, partitions));
    })
    .await;
}

#[tokio::test]
async fn distinct_values_stop_with_the_limit() {
    each_size(async |name, db, rows, partitions| {
        let last = db.query::<Visit>().order_by(Visit::OWNER.desc()).select(Visit::OWNER).distinct();
        let (found, cost) = last.clone().offset(2).limit(3).all().measured().await;
        assert_eq!(found.unwrap(), [97, 96, 95], "{name}");
        assert_seeks(name, cost, 5, (rows, partitions));
        assert!(cost.entries_read <= 10 * partitions, "{name}: {cost}");
        let (first, cost) = last.first().measured().await;
        assert_eq!(first.unwrap(), Some(99), "{name}");
        // In several partitions it is looked at whether both were of one moment.
        assert!(cost.reads <= 1 + u64::from(partitions > 1) && cost.entries_read <= partitions, "{name}: {cost}");
    })
    .await;
}

#[tokio::test]
async fn distinct_values_that_hardly_repeat_are_scanned_in_batches() {
    each_size(async |name, db, rows, _| {
        let (numbers, cost) = db.query::<Visit>().select(Visit::NUMBER).distinct().all().measured().await;
        assert_eq!(numbers.unwrap().len() as u64, rows, "{name}");
        assert!(cost.entries_read <= rows, "{name}: {cost}");
        assert!(cost.reads <= 2 * u64::from(rows.ilog2()), "{name}: {cost}");
    })
    .await;
}

#[tokio::test]
async fn the_ends_of_each_group_cost_what_the_groups_are() {
    each_size(async |name, db, rows, partitions| {
        let all = db.query::<Visit>();
        let naive = all.clone().ignore_indexes();
        macro_rules! check {
            ($what:literal, $groups:expr, $entries:expr, |$query:ident| $asked:expr) => {{
                let $query = all.clone().group_by(Visit::OWNER);
                let (found, cost) = $asked.all().measured().await;
                let $query = naive.clone().group_by(Visit::OWNER);
                assert_eq!(found.unwrap(), $asked.all().await.unwrap(), "{name}, {}", $what);
                assert_eq!(cost.rows_read, 0, "{name}, {}: {cost}", $what);
                let seeks = $entries * ($groups + 8) * partitions + 32 * partitions;
                let scan = if rows < 8 * OWNERS * partitions { $entries * rows } else { 0 };
                assert!(cost.entries_read <= seeks.max(scan), "{name}, {}: {cost}", $what);
                assert!(cost.reads <= $groups + 8, "{name}, {}: {cost}", $what);
            }};
        }
        check!("groups alone", OWNERS, 2, |query| query);
        check!("the greatest", OWNERS, 2, |query| query.select((Visit::OWNER, max(Visit::AT))));
        check!("the least", OWNERS, 3, |query| query.select((Visit::OWNER, min(Visit::AT))));
        check!("both", OWNERS, 4, |query| query.select((Visit::OWNER, min(Visit::AT), max(Visit::AT))));
        check!("by the greatest", OWNERS, 4, |query| query
            .having(max(Visit::AT).gt(900))
            .order_by((max(Visit::AT).desc(), Visit::OWNER.asc()))
            .select((Visit::OWNER, min(Visit::AT), max(Visit::AT))));
        check!("the first", 5, 4, |query| query.offset(2).limit(3).select((
            Visit::OWNER,
            min(Visit::AT),
            max(Visit::AT)
        )));
        check!("the last", 5, 4, |query| query.order_by(Visit::OWNER.desc()).limit(5).select((
            Visit::OWNER,
            min(Visit::AT),
            max(Visit::AT)
        )));
        check!("the last that have a time", 32, 4, |query| query
            .having(max(Visit::AT).is_not_null())
            .order_by(Visit::OWNER.desc())
            .limit(8)
            .select((Visit::OWNER, min(Visit::AT), max(Visit::AT))));
        let [cities, expected] = [all.clone(), naive.clone()].map(|query| {
            let groups = query.group_by(Visit::CITY).order_by(Visit::CITY.desc().nulls_last());
            groups.select((Visit::CITY, max(Visit::AT), min(Visit::AT)))
        });
        assert_eq!(cities.all().await.unwrap(), expected.all().await.unwrap(), "{name}");

        let distinct = (count_distinct(Visit::OWNER), count_distinct(Visit::CITY));
        let (found, cost) = all.aggregate(distinct).measured().await;
        assert_eq!(found.unwrap(), (OWNERS, 20), "{name}");
        assert_seeks(name, cost, OWNERS + 21 + 32, (rows, partitions));
    })
    .await;
}

#[tokio::test]
async fn groups_in_the_order_of_an_index_are_read_as_far_as_the_limit() {
    each_size(async |name, db, rows, partitions| {
        let all = db.query::<Visit>();
        let naive = all.clone().ignore_indexes();
        macro_rules! check {
            ($what:literal, $read:ident, |$query:ident| $asked:expr) => {{
                let [asked, expected] = [all.clone(), naive.clone()].map(|$query| $asked);
                let (found, cost) = asked.all().measured().await;
                assert_eq!(found.unwrap(), expected.all().await.unwrap(), "{name}, {}", $what);
                // The rows of three groups, in batches that double.
                let most = 4 * (4 * rows / OWNERS + 64 + 16 * partitions);
                assert!(cost.$read <= most.min(rows), "{name}, {}: {cost}", $what);
                assert!(cost.reads <= 12, "{name}, {}: {cost}", $what);
            }};
        }
        check!("entries", entries_read, |query| {
            query.group_by(Visit::OWNER).limit(3).select((Visit::OWNER, count(), sum(Visit::AT)))
        });
        check!("rows", rows_read, |query| {
            let groups = query.group_by(Visit::OWNER).order_by(Visit::OWNER.desc()).offset(1).limit(2);
            groups.select((Visit::OWNER, count(), max(Visit::PLAIN)))
        });
        check!("by the key", rows_read, |query| {
            query.group_by(Visit::ID).limit(3).select((Visit::ID, max(Visit::PLAIN)))
        });
    })
    .await;
}

#[tokio::test]
async fn a_session_that_saw_distinct_values_conflicts_with_a_new_one_and_not_with_one_more_row_of_an_old_one() {
    for place in places() {
        let db = open!(place, [Visit]);
        fill(&db, 0..4_000).await;
        let witness = |id: u64| Visit { id, owner: 9_999, ..visit(0) };
        for (at, (owner, conflicts)) in [(10, false), (12, false), (70, false), (5, false)].into_iter().enumerate() {
            let session = db.session();
            assert_eq!(owners(&session).await, [10, 11, 12], "{}", place.name);
            session.insert(witness(50_000 + at as u64)).await.unwrap();
            // Behind all that there is of the owner.
            db.insert(Visit { id: 60_000 + at as u64, owner, at: Some(1_000_000), ..visit(0) }).await.unwrap();
            assert_eq!(session.commit().await.is_err_and(|error| error.is_conflict()), conflicts, "{}", place.name);
        }
        db.query::<Visit>().filter(Visit::OWNER.eq(11)).delete().await.unwrap();
        let session = db.session();
        assert_eq!(owners(&session).await, [10, 12, 13], "{}", place.name);
        session.insert(witness(50_009)).await.unwrap();
        db.insert(Visit { id: 70_000, owner: 11, ..visit(0) }).await.unwrap();
        assert!(session.commit().await.unwrap_err().is_conflict(), "{}", place.name);
        // What the session itself writes is among them.
        let session = db.session();
        session.query::<Visit>().filter(Visit::OWNER.eq(10)).delete().await.unwrap();
        session.insert(Visit { id: 70_001, owner: 12, ..visit(0) }).await.unwrap();
        assert_eq!(owners(&session).await, [11, 12, 13], "{}", place.name);
    }
}
