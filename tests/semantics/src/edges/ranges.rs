//! Ranges that are empty, inverted, or of one value; conditions that are never or always true; with indexes and without.

use rome_orm::prelude::*;

use crate::sessions::laws;

#[derive(Entity, Clone, Debug, Default, PartialEq)]
#[rome(table = "points", index(a, t), index(desc(f)))]
struct Point {
    #[rome(key, auto)]
    id: Id<Point>,
    a: i32,
    f: f64,
    t: String,
    same: u8,
}

async fn fill(db: &Database) {
    let points = (0..20).map(|n| Point { a: n, f: n.into(), t: format!("t{n}"), ..Default::default() });
    db.insert_many(points).await.unwrap();
}

laws! { [Point]
    async fn ranges_at_their_ends_hold_what_they_say(db) {
        fill(&db).await;
        let (a, f, t) = (Point::A, Point::F, Point::T);
        for (what, condition, expected) in [
            ("inverted", a.between(9, 3), 0),
            ("inverted and descending", f.between(9.0, 3.0), 0),
            ("open at both ends of one value", a.gt(5) & a.lt(5), 0),
            ("open at one end of one value", a.ge(5) & a.lt(5), 0),
            ("open and descending", f.gt(5.0) & f.lt(5.0), 0),
            ("above the greatest", a.gt(i32::MAX), 0),
            ("below the least", a.lt(i32::MIN), 0),
            ("from the least", a.ge(i32::MIN), 20),
            ("above NaN", f.gt(f64::NAN), 0),
            ("up to NaN", f.le(f64::NAN), 20),
            ("from minus infinity to NaN", f.between(f64::NEG_INFINITY, f64::NAN), 20),
            ("from NaN", f.between(f64::NAN, 5.0), 0),
            ("from minus zero", f.ge(-0.0), 20),
            ("above minus zero", f.gt(-0.0), 19),
            ("minus zero", f.eq(-0.0), 1),
            ("two values at once", a.eq(1) & a.eq(2), 0),
            ("a value in a range", a.eq(1) & a.gt(0), 1),
            ("a value below a range", a.eq(1) & a.gt(1), 0),
            ("in two lists", a.is_in([1, 2, 3]) & a.is_in([3, 4]), 1),
            ("two prefixes", a.eq(1) & t.starts_with("t1") & t.starts_with("x"), 0),
            ("a prefix and a bound", a.eq(11) & t.starts_with("t") & t.gt("t11"), 0),
            ("any of nothing", Condition::any([]), 0),
            ("all of nothing", Condition::all([]), 20),
            ("not any of nothing", !Condition::any([]), 20),
            ("one of two ranges is empty", a.between(9, 3) | a.eq(4), 1),
            ("one of two is never true", a.is_in(Vec::<i32>::new()) | a.eq(4), 1),
            ("a condition and its contrary", a.eq(4) & !a.eq(4), 0),
            ("a division by zero", (a / 0).eq(1), 0),
            ("a remainder", (a % 3).eq(0), 7),
            ("a remainder of what is negative", ((a - 10) % 3).eq(-1), 4),
        ] {
            let found = db.query::<Point>().filter(condition.clone());
            assert_eq!(found.count().await.unwrap(), expected, "{what}: count");
            assert_eq!(found.all().await.unwrap().len() as u64, expected, "{what}: all");
            assert_eq!(found.exists().await.unwrap(), expected > 0, "{what}: exists");
            let scanned = db.query::<Point>().ignore_indexes().filter(condition);
            assert_eq!(scanned.count().await.unwrap(), expected, "{what} without indexes");
        }
    }

    async fn limits_and_offsets_at_their_ends_hold_what_they_say(db) {
        fill(&db).await;
        let query = || db.query::<Point>();
        assert_eq!(query().limit(0).all().await.unwrap(), []);
        assert_eq!(query().limit(0).first().await.unwrap(), None);
        assert!(!query().limit(0).exists().await.unwrap());
        assert_eq!(query().offset(19).limit(3).count().await.unwrap(), 1);
        assert_eq!(query().offset(u64::MAX).count().await.unwrap(), 0);
        let last = query().filter(Point::A.ge(10)).order_by(Point::A.desc()).limit(3);
        assert_eq!(last.delete().await.unwrap(), 3);
        assert_eq!(query().order_by(Point::A.desc()).limit(1).select(Point::A).all().await.unwrap(), [16]);
        let two = query().order_by(Point::A.asc()).offset(2).limit(2);
        assert_eq!(two.update(Point::T.set("new")).await.unwrap(), 2);
        let new = query().filter(Point::T.eq("new")).order_by(Point::A.asc()).select(Point::A);
        assert_eq!(new.all().await.unwrap(), [2, 3]);
        assert_eq!(query().select(Point::SAME).distinct().limit(5).all().await.unwrap(), [0]);
        assert_eq!(query().select(Point::T).distinct().count().await.unwrap(), 16);
        assert!(!query().select(Point::SAME).distinct().offset(1).exists().await.unwrap());
        assert!(db.admin().check().await.unwrap().is_clean());
    }
}
