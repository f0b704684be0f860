//! Conditions and calculations of every shape and size.

use rome_orm::expr::Expr;
use rome_orm::prelude::*;

use super::{Knot, knots, on_a_worker};
use crate::queries::random::Random;
use crate::stores::{open, places};

type Cond = Condition<Knot>;

/// How a condition grows by one more, and what it then gives.
struct Shape {
    name: &'static str,
    /// Whether it is one level however long it is.
    flat: bool,
    grow: fn(Cond, u32) -> Cond,
    /// How many of the ten rows pass after `n` steps from `age = 0`.
    rows: fn(u32) -> usize,
}

/// A leaf: true for one row, and for none from ten on.
fn leaf(n: u32) -> Cond {
    Knot::AGE.eq(n)
}

fn ten(n: u32) -> usize {
    10.min(n as usize + 1)
}

/// How many rows have no child among those that have none among those … of `age = 0`.
fn childless(n: u32) -> usize {
    let none = |among: Vec<u32>| (0..10).filter(|id| !among.contains(&(id + 1))).collect();
    // It goes in a circle of two from the tenth step on.
    (0..n.min(20 + n % 2)).fold(vec![0], |among, _| none(among)).len()
}

const SHAPES: &[Shape] = &[
    Shape { name: "e | x", flat: true, grow: |e, n| e | leaf(n), rows: ten },
    Shape { name: "x | e", flat: true, grow: |e, n| leaf(n) | e, rows: ten },
    Shape { name: "e & x", flat: true, grow: |e, n| e & Knot::AGE.ne(n), rows: |_| 1 },
    Shape { name: "x & e", flat: true, grow: |e, n| Knot::AGE.ne(n) & e, rows: |_| 1 },
    Shape { name: "any of one", flat: true, grow: |e, _| Condition::any([e]), rows: |_| 1 },
    Shape { name: "all of one", flat: true, grow: |e, _| Condition::all([e]), rows: |_| 1 },
    Shape { name: "any of all of one", flat: true, grow: |e, _| Condition::any([Condition::all([e])]), rows: |_| 1 },
    Shape { name: "any in any", flat: true, grow: |e, n| Condition::any([e, leaf(n)]), rows: ten },
    Shape { name: "any after any", flat: true, grow: |e, n| Condition::any([leaf(n), e]), rows: ten },
    Shape { name: "all in all", flat: true, grow: |e, _| Condition::all([Knot::AGE.ge(0_u32), e]), rows: |_| 1 },
    Shape {
        name: "or between two",
        flat: true,
        grow: |e, n| leaf(n) | e | leaf(n + 1),
        rows: |n| ten(n + u32::from(n > 0)),
    },
    Shape { name: "!e", flat: true, grow: |e, _| !e, rows: |n| if n % 2 == 0 { 1 } else { 9 } },
    Shape {
        name: "!any of one",
        flat: true,
        grow: |e, _| !Condition::any([e]),
        rows: |n| if n % 2 == 0 { 1 } else { 9 },
    },
    Shape { name: "or with nothing", flat: true, grow: |e, _| Condition::any([]) | e, rows: |_| 1 },
    Shape {
        name: "alternating",
        flat: false,
        grow: |e, n| if n % 2 == 0 { leaf(n) | e } else { Knot::AGE.ne(n + 100) & e },
        rows: |n| (0..10).filter(|age| age % 2 == 0 && *age <= n).count(),
    },
    Shape {
        name: "alternating from the left",
        flat: false,
        grow: |e, n| if n % 2 == 0 { e | leaf(n) } else { e & Knot::AGE.ne(n + 100) },
        rows: |n| (0..10).filter(|age| age % 2 == 0 && *age <= n).count(),
    },
    Shape {
        name: "not and or",
        flat: false,
        grow: |e, n| !(e | leaf(n + 100)),
        rows: |n| if n % 2 == 0 { 1 } else { 9 },
    },
    Shape {
        name: "exists",
        flat: false,
        grow: |e, _| Knot::UP.any(e),
        rows: |n| 10_usize.saturating_sub(n as usize).min(1),
    },
    Shape { name: "all", flat: false, grow: |e, _| Knot::UP.all(e), rows: ten },
    Shape { name: "none", flat: false, grow: |e, _| Knot::DOWN.none(e), rows: childless },
];

fn build(shape: &Shape, n: u32) -> Cond {
    (1..=n).fold(leaf(0), |e, n| (shape.grow)(e, n))
}

type Size = Expr<Knot, Option<i64>>;
type Grow = fn(Size, i64) -> Size;

/// Sums of `size`, grown by one step after the other.
const SUMS: &[(&str, Grow)] = &[
    ("e + n", |e, n| e + Some(n)),
    ("c + e", |e, _| Knot::SIZE + e),
    ("e - c", |e, _| e - Knot::SIZE),
    ("c - e", |e, _| Knot::SIZE - e),
    ("c * 1 - e", |e, _| (Knot::SIZE * Some(1)) - e),
    ("e / 1", |e, _| e / Some(1)),
    ("(e - 1) + (c * 2)", |e, _| (e - Some(1)) + (Knot::SIZE * Some(2))),
];

#[test]
fn a_condition_of_any_shape_and_size_is_answered_or_refused() {
    on_a_worker(async || {
        for place in places() {
            println!("on {}", place.name);
            let db = open!(place, [Knot]);
            db.insert_many(knots()).await.unwrap();
            for shape in SHAPES {
                for n in [0, 1, 2, 3, 10, 100, 1000, 30_000] {
                    let condition = build(shape, n);
                    let copy = condition.clone();
                    assert!(format!("{condition:?}").len() < 50_000 && format!("{condition:#?}").len() < 50_000);
                    let query = db.query::<Knot>().filter(condition);
                    let _ = format!("{query:?}");
                    match query.explain().await {
                        Ok(plan) => assert!(plan.to_string().len() < 50_000, "{}", shape.name),
                        Err(error) => {
                            assert!(error.is_limit_exceeded() && !shape.flat, "{} of {n}: {error}", shape.name)
                        }
                    }
                    match query.all().await {
                        Ok(found) => assert_eq!(found.len(), (shape.rows)(n), "{} of {n}", shape.name),
                        Err(error) => {
                            assert!(
                                error.is_limit_exceeded() && !shape.flat && n > 10,
                                "{} of {n}: {error}",
                                shape.name
                            );
                            assert!(error.to_string().contains("`knots`"), "{error}");
                        }
                    }
                    match db.query::<Knot>().filter(!copy).count().await {
                        Ok(left) => assert_eq!(left, 10 - (shape.rows)(n) as u64, "not {} of {n}", shape.name),
                        Err(error) => assert!(error.is_limit_exceeded() && !shape.flat && n > 10, "{error}"),
                    }
                }
            }
        }
    });
}

#[test]
fn a_million_steps_are_built_and_dropped() {
    on_a_worker(async || {
        let db = Database::builder().entity::<Knot>().open("memory:").await.unwrap();
        for shape in SHAPES {
            let condition = build(shape, 1_000_000);
            assert!(format!("{:?}", condition.clone()).len() < 50_000, "{}", shape.name);
            let _ = db
                .query::<Knot>()
                .filter(condition)
                .explain()
                .await
                .map_err(|error| assert!(error.is_limit_exceeded()));
        }
        for (name, step) in SUMS {
            let sum = (1..=1_000_000).fold(Knot::SIZE + Some(0), *step);
            assert!(format!("{:?}", sum.clone()).len() < 50_000, "{name}");
            let refused = db.query::<Knot>().filter(sum.eq(Some(1))).count().await.unwrap_err();
            assert!(refused.is_limit_exceeded(), "{refused}");
        }
    });
}

#[test]
fn a_calculation_is_flat_from_whichever_side_it_is_built() {
    on_a_worker(async || {
        for place in places() {
            let db = open!(place, [Knot]);
            db.insert_many(knots()).await.unwrap();
            for (name, step) in SUMS {
                for n in [0, 1, 2, 10, 1001, 50_000] {
                    let sum = (1..=n).fold(Knot::SIZE + Some(0), *step);
                    let by_hand = |size: i64| {
                        (1..=n).fold(size, |e, n| match *name {
                            "e + n" => e + n,
                            "c + e" => size + e,
                            "e - c" => e - size,
                            "c - e" | "c * 1 - e" => size - e,
                            "e / 1" => e,
                            _ => (e - 1) + size * 2,
                        })
                    };
                    let row = Knot { id: 5, ..Default::default() };
                    let size = 1;
                    assert_eq!(knots().nth(5).unwrap().size, Some(size));
                    let query =
                        db.query::<Knot>().filter(sum.clone().eq(Some(by_hand(size)))).filter(Knot::ID.eq(row.id));
                    assert_eq!(query.count().await.unwrap(), 1, "{name} of {n} on {}", place.name);
                    let written = query.explain().await.unwrap().to_string();
                    if n == 2 {
                        let text = match *name {
                            "c - e" => "(size - (size - (size + 0)))",
                            "e - c" => "(((size + 0) - size) - size)",
                            _ => "",
                        };
                        assert!(written.contains(text), "{written}");
                    }
                }
            }
            // Where neither side is a chain, the depth is that of the smaller one.
            let mut sum = Knot::SIZE + Some(0);
            for _ in 0..12 {
                sum = sum.clone() + (sum - Some(1));
            }
            db.query::<Knot>().filter(sum.gt(Some(0))).count().await.unwrap();
        }
    });
}

/// A random condition, and what it gives for a row: SQL's three values.
fn random(random: &mut Random, depth: u32, row: &[Knot]) -> (Cond, Vec<Option<bool>>) {
    let of = |test: &dyn Fn(&Knot) -> Option<bool>| row.iter().map(test).collect::<Vec<_>>();
    if depth == 0 || random.one_in(4) {
        let n = i64::from(random.below(9) as u32) - 4;
        return match random.below(3) {
            0 => (Knot::SIZE.lt(Some(n)), of(&|knot| knot.size.map(|size| size < n))),
            1 => (Knot::SIZE.is_null(), of(&|knot| Some(knot.size.is_none()))),
            _ => (Knot::AGE.eq(n.unsigned_abs() as u32), of(&|knot| Some(u64::from(knot.age) == n.unsigned_abs()))),
        };
    }
    let and = |a: &[Option<bool>], b: &[Option<bool>]| {
        let both = |pair: (&Option<bool>, &Option<bool>)| match pair {
            (Some(false), _) | (_, Some(false)) => Some(false),
            (Some(true), Some(true)) => Some(true),
            _ => None,
        };
        a.iter().zip(b).map(both).collect::<Vec<_>>()
    };
    let not = |a: &[Option<bool>]| a.iter().map(|a| a.map(|a| !a)).collect::<Vec<_>>();
    let (left, of_left) = self::random(random, depth - 1, row);
    if random.one_in(4) {
        return (!left, not(&of_left));
    }
    let (right, of_right) = self::random(random, depth - 1, row);
    match random.below(6) {
        0 => (left & right, and(&of_left, &of_right)),
        1 => (left | right, not(&and(&not(&of_left), &not(&of_right)))),
        2 => (Condition::all([left, right]), and(&of_left, &of_right)),
        3 => (Condition::any([left, right]), not(&and(&not(&of_left), &not(&of_right)))),
        4 => (Condition::any([Condition::all([left, right])]), and(&of_left, &of_right)),
        _ => (Condition::all([Condition::any([left, right])]), not(&and(&not(&of_left), &not(&of_right)))),
    }
}

#[test]
fn what_is_made_flat_means_what_it_meant() {
    on_a_worker(async || {
        for place in places() {
            let db = open!(place, [Knot]);
            db.insert_many(knots()).await.unwrap();
            let rows: Vec<Knot> = knots().collect();
            let mut random = Random::new(7);
            for case in 0..200 {
                let (condition, expected) = self::random(&mut random, 2 + case % 6, &rows);
                let passing: Vec<u32> = rows
                    .iter()
                    .zip(&expected)
                    .filter(|(_, holds)| **holds == Some(true))
                    .map(|(knot, _)| knot.id)
                    .collect();
                let query = db.query::<Knot>().filter(condition.clone()).order_by(Knot::ID.asc()).select(Knot::ID);
                assert_eq!(query.all().await.unwrap(), passing, "{condition:?} on {}", place.name);
            }
        }
    });
}
