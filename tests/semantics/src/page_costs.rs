//! A page costs what it costs, however large the table: calls, members visited and records returned are the same in a table of
//! a thousand rows and in a large one.
//!
//! `ROME_PAGE_ROWS=1000000 cargo test --release -p rome-semantics page_costs -- --nocapture` prints them for a million rows.

use std::sync::Arc;

use rome_core::testkit::{Recorder, Tally};
use rome_orm::prelude::*;

use crate::stores::{Place, places};

#[derive(Entity, Clone, Debug, PartialEq, Default)]
#[rome(table = "images", index(status, created))]
struct Image {
    #[rome(key)]
    id: u64,
    status: String,
    created: u64,
    #[rome(index)]
    owner: u64,
    #[rome(has_many(image_id))]
    properties: Many<Property>,
}

#[derive(Entity, Clone, Debug, PartialEq, Default)]
#[rome(table = "properties", partition_by(image_id))]
struct Property {
    #[rome(key)]
    image_id: u64,
    #[rome(key)]
    name: String,
}

/// How many rows a page has.
const PAGE: u64 = 25;

/// Pages that begin in the middle of the table.
const MARKERS: [&str; 6] = [
    "behind a marker",
    "behind a marker that is written out",
    "behind a marker in two conditions",
    "before a marker",
    "behind a marker by the key",
    "behind a marker with a condition that is tested",
];

/// Rows that are written at once.
const BULK: u64 = 1000;

async fn fill(db: &Database, rows: u64) {
    for first in (0..rows).step_by(BULK as usize) {
        let numbers = first..first + BULK;
        let image = |id| Image {
            id,
            status: if id % 2 == 0 { "active" } else { "queued" }.into(),
            created: id,
            owner: id / 100,
            ..Default::default()
        };
        db.insert_many(numbers.clone().map(image)).await.unwrap();
        // Those in the middle have properties.
        let with_some = numbers.filter(|id| id.abs_diff(rows / 2) < 100);
        db.insert_many(with_some.map(|image_id| Property { image_id, name: "os".into() })).await.unwrap();
    }
}

/// What each kind of page costs in a table of so many rows, once the planner knows it.
async fn costs(place: &Place, rows: u64) -> Vec<(&'static str, Tally)> {
    let recorder = Arc::new(Recorder::new(place.open().await));
    let db = Database::builder().entity::<Image>().entity::<Property>().open(recorder.clone()).await.unwrap();
    fill(&db, rows).await;
    let middle = rows / 2;
    let newest = db.query::<Image>().filter(Image::STATUS.eq("active")).order_by(Image::CREATED.desc());
    let older = newest.clone().filter(Image::CREATED.lt(middle));
    let behind = older.clone().page(25).fetch().await.unwrap().next;
    let mut costs = Vec::new();
    let order = (Image::CREATED.desc(), Image::ID.desc());
    let written = Image::CREATED.lt(middle) | (Image::CREATED.eq(middle) & Image::ID.lt(middle));
    let flat = Image::CREATED.le(middle) & (Image::CREATED.lt(middle) | Image::ID.lt(middle));
    let behind_marker = |what: &str| match what {
        "behind a marker" => newest.clone().filter(Condition::after(order, (middle, middle))),
        "behind a marker that is written out" => newest.clone().filter(written.clone()),
        "behind a marker in two conditions" => newest.clone().filter(flat.clone()),
        // Towards the newest, by all images, and by those of an owner.
        "before a marker" => {
            let oldest = (Image::CREATED.asc(), Image::ID.asc());
            let query = db.query::<Image>().filter(Image::STATUS.eq("active")).order_by(oldest);
            query.filter(Condition::after(oldest, (middle, middle)))
        }
        "behind a marker by the key" => {
            let order = (Image::OWNER.asc(), Image::ID.asc());
            db.query::<Image>().order_by(order).filter(Condition::at_or_after(order, (middle / 100, middle)))
        }
        _ => {
            let marker = Image::OWNER.gt(middle / 100) | (Image::OWNER.eq(middle / 100) & Image::ID.gt(middle));
            db.query::<Image>().order_by((Image::OWNER.asc(), Image::ID.asc())).filter(marker & Image::CREATED.ge(3))
        }
    };
    for what in MARKERS {
        for warm in [false, true] {
            recorder.clear();
            let found = behind_marker(what).limit(PAGE).all().await.unwrap();
            assert!(found.len() as u64 == PAGE && found.iter().all(|image| image.id.abs_diff(middle) <= 2 * PAGE));
            let tally = recorder.tally();
            if warm {
                // As the first page: in several partitions some of each are read ahead.
                assert!(tally.visited <= 4 * PAGE, "{}: {what}: {tally:?}", place.name);
                costs.push((what, tally));
            }
        }
    }
    for what in
        ["the first page", "a page in the middle", "a page with its children", "a page by key", "a count of 100 rows"]
    {
        for warm in [false, true] {
            recorder.clear();
            match what {
                "the first page" => assert_eq!(newest.clone().page(25).fetch().await.unwrap().items.len(), 25),
                "a page in the middle" => {
                    let page = older.clone().page(25).after(behind.clone()).fetch().await.unwrap();
                    assert!(page.items.len() == 25 && page.items.iter().all(|image| image.created < middle));
                }
                "a page with its children" => {
                    let page = older.clone().with(Image::PROPERTIES).page(25).fetch().await.unwrap();
                    assert!(page.items.iter().all(|image| image.properties.get().unwrap().len() == 1));
                }
                "a page by key" => {
                    let page = db.query::<Image>().filter(Image::ID.ge(middle)).page(25).fetch().await.unwrap();
                    assert_eq!(page.items.first().unwrap().id, middle);
                }
                _ => assert_eq!(db.query::<Image>().filter(Image::OWNER.eq(middle / 100)).count().await.unwrap(), 100),
            }
            if warm {
                costs.push((what, recorder.tally()));
            }
        }
    }
    costs
}

#[tokio::test]
async fn a_page_costs_the_same_in_a_table_of_any_size() {
    let many = std::env::var("ROME_PAGE_ROWS").map_or(5_000, |rows| rows.parse().unwrap());
    for (small, large) in places().iter().zip(&places()) {
        let (few, more) = (costs(small, 1000).await, costs(large, many).await);
        for ((what, few), (_, more)) in few.iter().zip(&more) {
            println!("{}: {what}: {few:?} of 1,000 rows, {more:?} of {many}", small.name);
            assert_eq!(few, more, "{}: {what}", small.name);
        }
    }
}
