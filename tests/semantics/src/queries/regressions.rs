//! What random queries have found, by name.

use rome_orm::prelude::*;

use crate::stores::{open, places};

#[derive(Entity, Clone, Debug, PartialEq, Default)]
#[rome(index(kind, small))]
struct Paired {
    #[rome(key)]
    small: i32,
    #[rome(key)]
    id: u32,
    kind: String,
}

#[tokio::test]
async fn pages_go_on_in_an_index_that_has_a_column_of_a_composite_key() {
    for place in places() {
        let db = open!(place, [Paired]);
        let all: Vec<Paired> = (0..9).map(|n| Paired { small: n % 3, id: n as u32, kind: "x".into() }).collect();
        db.insert_many(all.clone()).await.unwrap();
        for descending in [false, true] {
            let order = if descending { Paired::SMALL.desc() } else { Paired::SMALL.asc() };
            let query = db.query::<Paired>().filter(Paired::KIND.eq("x")).order_by(order).use_index("by_kind_small");
            assert!(!query.explain().await.unwrap().sorts_in_memory());
            let mut expected = all.clone();
            expected.sort_by_key(|row| (row.small, row.id));
            if descending {
                expected.reverse();
            }
            let mut found = Vec::new();
            let mut cursor: Option<Cursor> = None;
            loop {
                let page = query.clone().page(1).after(cursor).fetch().await.unwrap();
                found.extend(page.items);
                cursor = page.next;
                if cursor.is_none() || found.len() > expected.len() {
                    break;
                }
            }
            assert_eq!(found, expected, "descending: {descending}");
        }
    }
}

#[derive(Entity, Clone, Debug, PartialEq, Default)]
struct Tokened {
    #[rome(key)]
    id: u32,
    #[rome(index(desc))]
    wide: u64,
    #[rome(unique)]
    token: i64,
}

/// A row that is looked up comes only if it is behind the cursor, also where its lookup stands in a union that gives an order.
#[tokio::test]
async fn pages_go_on_among_rows_that_are_looked_up() {
    for place in places() {
        let db = open!(place, [Tokened]);
        for (id, wide) in [(9, 8), (18, 1), (20, 1), (21, 8), (3, 0)] {
            db.insert(Tokened { id, wide, token: i64::from(id) }).await.unwrap();
        }
        let unlike = Tokened::WIDE.ne(100);
        for filter in [
            Tokened::TOKEN.is_in([18, 9, 20]),
            Tokened::TOKEN.is_in([18, 9, 20]).and(Tokened::WIDE.is_in([0_u64; 0]).or(unlike.clone())),
            Tokened::TOKEN.is_in([18, 9]).or(Tokened::ID.eq(20)),
            Tokened::TOKEN.is_in([18, 9, 20]).and(Tokened::WIDE.eq(8).or(unlike)),
            Tokened::TOKEN.eq(18).or(Tokened::WIDE.eq(8).and(Tokened::ID.eq(9))).or(Tokened::ID.eq(20)),
        ] {
            let query =
                db.query::<Tokened>().filter(filter).order_by(Tokened::WIDE.asc()).order_by(Tokened::TOKEN.desc());
            let what = query.explain().await.unwrap();
            let mut found = Vec::new();
            let mut cursor: Option<Cursor> = None;
            loop {
                let page = query.clone().page(1).after(cursor).fetch().await.unwrap();
                found.extend(page.items.iter().map(|row| row.id));
                cursor = page.next;
                if cursor.is_none() || found.len() > 3 {
                    break;
                }
            }
            assert_eq!(found, [20, 18, 9], "{what}");
        }
    }
}
