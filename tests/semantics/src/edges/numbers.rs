//! Numbers at the ends of their types: stored, found, ordered, summed.

use rome_orm::prelude::*;

use crate::sessions::laws;

#[derive(Entity, Clone, Debug, Default, PartialEq)]
#[rome(
    table = "numbers",
    index(signed),
    index(unsigned, desc(float)),
    index(desc(huge)),
    sum(signed, by = half),
    count(by = half)
)]
struct Number {
    #[rome(key)]
    id: u64,
    half: u8,
    signed: i64,
    unsigned: u64,
    huge: i128,
    #[rome(unique)]
    hugest: u128,
    #[rome(index)]
    small_float: f32,
    #[rome(index(desc))]
    float: f64,
}

#[derive(Entity, Clone, Debug, Default, PartialEq)]
struct Pair {
    #[rome(key)]
    a: i64,
    #[rome(key)]
    b: u128,
}

const N: usize = 7;
const SIGNED: [i64; N] = [i64::MIN, i64::MIN + 1, -1, 0, 1, i64::MAX - 1, i64::MAX];
const UNSIGNED: [u64; N] = [0, 1, 1 << 53, i64::MAX as u64, i64::MAX as u64 + 1, u64::MAX - 1, u64::MAX];
const HUGE: [i128; N] = [i128::MIN, i128::MIN + 1, -1, 0, 1, i128::MAX - 1, i128::MAX];
const HUGEST: [u128; N] = [0, 1, 1 << 100, i128::MAX as u128, i128::MAX as u128 + 1, u128::MAX - 1, u128::MAX];
const FLOATS: [f64; N] = [f64::NEG_INFINITY, f64::MIN, -0.0, f64::MIN_POSITIVE, 0.1 + 0.2, f64::INFINITY, f64::NAN];
const SMALL_FLOATS: [f32; N] = [f32::NEG_INFINITY, f32::MIN, -0.0, f32::MIN_POSITIVE, 0.1, f32::INFINITY, f32::NAN];

fn numbers() -> impl Iterator<Item = Number> {
    (0..N).map(|n| Number {
        id: UNSIGNED[n],
        half: u8::from(n % 2 == 1),
        signed: SIGNED[n],
        unsigned: UNSIGNED[n],
        huge: HUGE[n],
        hugest: HUGEST[n],
        small_float: SMALL_FLOATS[n],
        float: FLOATS[n],
    })
}

laws! { [Number, Pair]
    async fn numbers_at_the_ends_of_their_types_are_found_and_ordered(db) {
        db.insert_many(numbers()).await.unwrap();
        for (n, number) in numbers().enumerate() {
            let stored = db.get::<Number>(number.id).await.unwrap().unwrap();
            assert_eq!(format!("{stored:?}"), format!("{number:?}"));
            let run_time = |name: &str, text: String| {
                let column = Number::column(name).unwrap();
                column.eq(column.parse(&text).unwrap()).unwrap()
            };
            for (what, condition) in [
                ("signed", Number::SIGNED.eq(SIGNED[n])),
                ("unsigned", Number::UNSIGNED.eq(UNSIGNED[n])),
                ("huge", Number::HUGE.eq(HUGE[n])),
                ("hugest", Number::HUGEST.eq(HUGEST[n])),
                ("float", Number::FLOAT.eq(FLOATS[n])),
                ("small float", Number::SMALL_FLOAT.eq(SMALL_FLOATS[n])),
                ("in a list of floats", Number::FLOAT.is_in([FLOATS[n]])),
                ("signed at run time", run_time("signed", SIGNED[n].to_string())),
                ("hugest at run time", run_time("hugest", HUGEST[n].to_string())),
                ("float at run time", run_time("float", FLOATS[n].to_string())),
            ] {
                let found = db.query::<Number>().filter(condition.clone()).select(Number::ID).all().await.unwrap();
                assert_eq!(found, [number.id], "{what} {n}");
                assert_eq!(db.query::<Number>().filter(!condition).count().await.unwrap(), 6, "not {what} {n}");
            }
            for (what, condition) in [
                ("signed", Number::SIGNED.gt(SIGNED[n])),
                ("unsigned", Number::UNSIGNED.gt(UNSIGNED[n])),
                ("huge", Number::HUGE.gt(HUGE[n])),
                ("hugest", Number::HUGEST.gt(HUGEST[n])),
                ("float", Number::FLOAT.gt(FLOATS[n])),
                ("small float", Number::SMALL_FLOAT.gt(SMALL_FLOATS[n])),
            ] {
                assert_eq!(db.query::<Number>().filter(condition).count().await.unwrap(), (6 - n) as u64, "{what} above {n}");
            }
        }
        let ordered = db.query::<Number>().order_by(Number::FLOAT.asc()).select(Number::FLOAT).all().await.unwrap();
        assert_eq!(format!("{ordered:?}"), format!("{FLOATS:?}"));
        let ordered = db.query::<Number>().order_by(Number::HUGE.desc()).select(Number::HUGE).all().await.unwrap();
        assert!(ordered.iter().eq(HUGE.iter().rev()), "{ordered:?}");
        assert!(db.admin().check().await.unwrap().is_clean());
    }

    async fn calculations_beyond_the_ends_are_refused_and_change_nothing(db) {
        db.insert_many(numbers()).await.unwrap();
        let query = || db.query::<Number>();
        assert_eq!(query().aggregate(Number::SIGNED.sum()).await.unwrap(), Some(-2));
        let groups = query().group_by(Number::HALF).select((Number::HALF, Number::SIGNED.sum())).all().await.unwrap();
        let exact = |of: usize| SIGNED.iter().skip(of).step_by(2).map(|n| i128::from(*n)).sum::<i128>();
        let half = |of| i64::try_from(exact(of)).unwrap();
        assert_eq!(groups, [(0, Some(half(0))), (1, Some(half(1)))]);
        let last = || query().filter(Number::SIGNED.eq(i64::MAX));
        for error in [
            query().aggregate(Number::UNSIGNED.sum()).await.map(drop).unwrap_err(),
            last().update(Number::SIGNED.set(Number::SIGNED + 1)).await.map(drop).unwrap_err(),
            query().update(Number::UNSIGNED.set(Number::UNSIGNED - 1)).await.map(drop).unwrap_err(),
            query().filter((Number::HUGE / -1).gt(0)).count().await.map(drop).unwrap_err(),
        ] {
            assert!(error.is_overflow(), "{error}");
        }
        assert_eq!(query().filter((Number::UNSIGNED - 1).lt(0)).count().await.unwrap(), 1);
        let unchanged = query().order_by(Number::ID.asc()).all().await.unwrap();
        assert_eq!(format!("{unchanged:?}"), format!("{:?}", numbers().collect::<Vec<_>>()));
    }

    async fn composite_keys_at_the_ends_are_in_order(db) {
        let pairs = SIGNED.into_iter().flat_map(|a| [0, 1, u128::MAX].map(|b| Pair { a, b }));
        let stored = db.insert_many(pairs).await.unwrap();
        assert_eq!(db.query::<Pair>().order_by((Pair::A.asc(), Pair::B.asc())).all().await.unwrap(), stored);
        assert_eq!(db.query::<Pair>().filter(Pair::A.eq(i64::MIN)).count().await.unwrap(), 3);
        let end = db.query::<Pair>().filter(Pair::A.ge(i64::MAX) & Pair::B.gt(1)).select(Pair::B);
        assert_eq!(end.all().await.unwrap(), [u128::MAX]);
        assert_eq!(db.query::<Pair>().filter(Pair::B.eq(u128::MAX)).count().await.unwrap(), 7);
    }
}
