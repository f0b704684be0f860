//! Relations in relations, set operations in set operations, and text of any length.

use rome_orm::expr::{Expr, Groups, count, sum};
use rome_orm::prelude::*;

use super::{Knot, knots, on_a_worker};
use crate::stores::{open, places};

#[test]
fn relations_are_loaded_down_to_a_limit_and_refused_below_it() {
    on_a_worker(async || {
        for place in places() {
            let db = open!(place, [Knot]);
            db.insert_many(knots()).await.unwrap();
            for levels in [1, 2, 9, 32, 33, 1000, 100_000] {
                let mut load = Knot::DOWN.limit(5);
                for _ in 1..levels {
                    load = Knot::DOWN.with(load);
                }
                let _ = format!("{:?}", load.clone());
                let query = db.query::<Knot>().filter(Knot::ID.eq(0)).with(load);
                match query.all().await {
                    Ok(mut rows) if levels <= 32 => {
                        let mut depth = 0;
                        while let Some(row) = rows.pop() {
                            depth += 1;
                            rows = if depth <= levels { row.down.get().unwrap().to_vec() } else { Vec::new() };
                        }
                        assert_eq!(depth, 10.min(levels + 1), "{levels} levels on {}", place.name);
                    }
                    Err(error) if levels > 32 => {
                        assert!(
                            error.is_limit_exceeded() && error.to_string().contains("32 levels of relations"),
                            "{error}"
                        );
                    }
                    other => panic!("{levels} levels on {}: {other:?}", place.name),
                }
                // Where there is no row, too.
                let none = db.query::<Knot>().filter(Knot::ID.eq(99)).with(Knot::UP);
                none.all().await.unwrap();
            }
        }
    });
}

#[test]
fn queries_in_queries_are_asked_down_to_a_limit_and_refused_below_it() {
    on_a_worker(async || {
        for place in places() {
            let db = open!(place, [Knot]);
            db.insert_many(knots()).await.unwrap();
            for levels in [1, 3, 16, 17, 1000, 100_000] {
                let mut condition = Knot::AGE.eq(3);
                for level in 0..levels {
                    let inner = db.query::<Knot>().filter(condition).select(Knot::ID);
                    condition = if level % 2 == 0 { Knot::ID.in_query(&inner) } else { !Knot::ID.not_in_query(&inner) };
                }
                let _ = format!("{condition:?}");
                let query = db.query::<Knot>().filter(condition);
                let (found, plan) = (query.count().await, query.explain().await);
                match (found, plan) {
                    (Ok(1), Ok(_)) if levels <= 16 => {}
                    (Err(found), Err(plan)) if levels > 16 => {
                        assert!(found.is_limit_exceeded() && plan.is_limit_exceeded(), "{found}");
                        assert!(found.to_string().contains("16 subqueries"), "{found}");
                    }
                    other => panic!("{levels} levels on {}: {other:?}", place.name),
                }
            }
        }
    });
}

#[test]
fn set_operations_are_one_level_to_the_right_and_limited_inwards() {
    on_a_worker(async || {
        for place in places() {
            let db = open!(place, [Knot]);
            db.insert_many(knots()).await.unwrap();
            let one = |id: u32| db.query::<Knot>().filter(Knot::ID.eq(id)).select(Knot::ID);
            let long = (1..300).fold(one(0).union_all(one(0)), |set, id| set.union_all(one(id % 10)));
            assert_eq!(long.count().await.unwrap(), 301, "{}", place.name);
            assert_eq!(long.union(one(3)).count().await.unwrap(), 10, "{}", place.name);
            for levels in [5, 30, 31, 1000, 100_000] {
                let inwards = (1..levels).fold(one(0).union(one(1)), |set, id| one(id % 10).union(set));
                let cut = (1..levels).fold(one(0).union(one(1)), |set, id| set.limit(5).union(one(id % 10)));
                for set in [inwards, cut.clone()] {
                    match set.clone().all().await {
                        Ok(rows) => assert!(rows.len() > 4 && levels <= 31, "{levels}"),
                        Err(error) => {
                            assert!(
                                error.is_limit_exceeded() && levels > 5 && error.to_string().contains("set operations")
                            )
                        }
                    }
                    let _ = format!("{set:?}");
                }
            }
        }
    });
}

#[test]
fn what_groups_are_asked_is_limited() {
    on_a_worker(async || {
        let db = Database::builder().entity::<Knot>().open("memory:").await.unwrap();
        db.insert_many(knots()).await.unwrap();
        let groups = || db.query::<Knot>().group_by(Knot::AGE);
        let flat = (0..10_000).fold(count().gt(0), |e, n| count().ne(n + 100) & e);
        assert_eq!(groups().having(flat).count().await.unwrap(), 10);
        let deep = (0..1000).fold(count().gt(0), |e, n| if n % 2 == 0 { count().gt(n) | e } else { count().gt(n) & e });
        assert!(groups().having(deep).count().await.unwrap_err().is_limit_exceeded());
        let total = |n: i64| -> Expr<Groups<Knot>, Option<i64>> { sum(Knot::SIZE + Some(n)) };
        let many = Condition::any((0..1001).map(|n| total(n).gt(Some(0))));
        let error = groups().having(many).count().await.unwrap_err();
        assert!(error.is_limit_exceeded() && error.to_string().contains("1001 aggregates"), "{error}");
        let error = groups().order_by(vec![count().desc(); 600_000]).all().await.unwrap_err();
        assert!(error.is_limit_exceeded(), "{error}");
    });
}

#[test]
fn assignments_and_conditions_on_one_row_are_limited() {
    on_a_worker(async || {
        for place in places() {
            let db = open!(place, [Knot]);
            db.insert_many(knots()).await.unwrap();
            let deep = |n: u32| {
                (0..n).fold(
                    Knot::AGE.ge(0),
                    |e, n| if n % 2 == 0 { Knot::AGE.eq(n) | e } else { Knot::AGE.ne(n + 50) & e },
                )
            };
            let error = db.update_if::<Knot>(1_u32, deep(1000), Knot::NAME.set("x")).await.unwrap_err();
            assert!(error.is_limit_exceeded() && error.to_string().contains("`knots`"), "{error}");
            assert_eq!(db.update_if::<Knot>(1_u32, deep(60), Knot::NAME.set("x")).await.unwrap().name, "x");
            let many = (0..600_000).fold(Knot::SIZE + Some(0), |e, _| e + Some(0));
            let error = db.query::<Knot>().update(Knot::SIZE.set(many.clone())).await.unwrap_err();
            assert!(error.is_limit_exceeded() && error.to_string().contains("`knots`"), "{error}");
            assert!(
                db.update_if::<Knot>(1_u32, Knot::AGE.ge(0), Knot::SIZE.set(many))
                    .await
                    .unwrap_err()
                    .is_limit_exceeded()
            );
            // Many filters together are one condition.
            let filtered = (0..200_000).fold(db.query::<Knot>(), |query, n| query.filter(Knot::AGE.ne(n + 50)));
            assert!(filtered.delete().await.unwrap_err().is_limit_exceeded());
            assert_eq!(db.query::<Knot>().count().await.unwrap(), 10, "{}", place.name);
        }
    });
}

#[test]
fn a_page_after_many_columns_grows_no_further_than_the_limit() {
    on_a_worker(async || {
        let db = Database::builder().entity::<Knot>().open("memory:").await.unwrap();
        db.insert_many(knots()).await.unwrap();
        // What a service makes of a sort by n columns after a row: n conditions of 1 to n parts.
        let after = |n: u32| {
            let before = |at: u32| Condition::all((0..at).map(|_| Knot::AGE.eq(5)));
            Condition::any((0..n).map(|at| before(at) & Knot::AGE.gt(5)))
        };
        assert_eq!(db.query::<Knot>().filter(after(100)).count().await.unwrap(), 4);
        let error = db.query::<Knot>().filter(after(4000)).count().await.unwrap_err();
        assert!(error.is_limit_exceeded() && error.to_string().contains("500000 parts"), "{error}");
        let error =
            db.query::<Knot>().filter(Condition::any((0..90).map(|_| Knot::NAME.eq("x".repeat(1 << 20))))).all().await;
        assert!(error.unwrap_err().to_string().contains("64 MiB"));
        // A column that is named again has no say.
        let once = db.query::<Knot>().order_by((Knot::AGE.desc(), Knot::ID.asc())).page(3);
        let again: Vec<_> = [Knot::AGE.desc().untyped(), Knot::ID.asc().untyped()]
            .into_iter()
            .chain(vec![Knot::AGE.asc().untyped(); 20_000])
            .collect();
        let again = db.query::<Knot>().order_by(again);
        let first = once.clone().fetch().await.unwrap();
        let second = again.clone().page(3).after(first.next.clone()).fetch().await.unwrap();
        assert_eq!(second.items, once.after(first.next).fetch().await.unwrap().items);
        assert!(again.explain().await.unwrap().to_string().len() < 500);
        let error = Knot::column(&"x".repeat(1 << 20)).unwrap_err();
        assert!(error.to_string().len() < 200, "{error}");
        let error = db.query::<Knot>().use_index("x".repeat(1 << 20)).all().await.unwrap_err();
        assert!(error.to_string().len() < 20_000 && format!("{error:?}").len() < 20_000);
    });
}
