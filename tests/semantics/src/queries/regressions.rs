//! What random queries have found, by name.

use rome::prelude::*;

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
        db.insert_all(all.clone()).await.unwrap();
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
