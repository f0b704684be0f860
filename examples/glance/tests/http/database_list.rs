//! Lists of the database layer against an order and filters written out naively.

use std::cmp::Ordering;

use chrono::{DateTime, TimeDelta, Utc};
use glance::db::{
    Context, DbError, Direction, Filters, Image, ImageStatus, ImageValues, Listing, Visibility, VisibilityFilter,
    image_create, image_destroy, image_get_all, open,
};
use rome_orm::prelude::Database;

/// Images whose columns repeat, are null here and there, and are in no order.
async fn filled() -> Database {
    let db = open("memory:").await.unwrap();
    let start = DateTime::<Utc>::UNIX_EPOCH;
    for at in 0..40_i64 {
        let mixed = at * 7 % 40;
        let text = |n: i64| (mixed % n != 0).then(|| format!("v{}", mixed % n));
        let values = ImageValues {
            name: Some(text(5)),
            disk_format: Some(text(3)),
            size: Some((mixed % 4 != 0).then_some(mixed % 6)),
            status: Some(if at % 3 == 0 { ImageStatus::Queued } else { ImageStatus::Active }),
            visibility: Some(
                [Visibility::Shared, Visibility::Public, Visibility::Private][usize::try_from(at % 3).unwrap()],
            ),
            owner: Some(text(4)),
            min_ram: Some(mixed % 3),
            protected: Some(at % 2 == 0),
            created_at: Some(start + TimeDelta::microseconds(mixed / 4)),
            updated_at: Some(start + TimeDelta::seconds(at)),
            properties: Some(vec![("parity".to_owned(), Some((at % 2).to_string()))]),
            ..ImageValues::default()
        };
        image_create(&db, &Context::admin(), &values).await.unwrap();
    }
    db
}

/// A column as something that orders: null first, then by value.
fn column(image: &Image, name: &str) -> (bool, i64, String) {
    let text = |text: &Option<String>| (text.is_some(), 0, text.clone().unwrap_or_default());
    match name {
        "id" => (true, 0, image.id.clone()),
        "name" => text(&image.name),
        "disk_format" => text(&image.disk_format),
        "owner" => text(&image.owner),
        "size" => (image.size.is_some(), image.size.unwrap_or_default(), String::new()),
        "min_ram" => (true, image.min_ram, String::new()),
        "status" => (true, 0, image.status.to_string()),
        "visibility" => (true, 0, image.visibility.to_string()),
        "protected" => (true, i64::from(image.protected), String::new()),
        "created_at" => (true, image.created_at.timestamp_micros(), String::new()),
        "updated_at" => (true, image.updated_at.unwrap().timestamp_micros(), String::new()),
        "deleted_at" => (false, 0, String::new()),
        other => panic!("{other}"),
    }
}

fn sorted(mut images: Vec<Image>, keys: &[(&str, Direction)]) -> Vec<String> {
    let ties = if let [(_, one)] = keys { *one } else { Direction::Desc };
    let keys: Vec<_> = keys.iter().copied().chain([("created_at", ties), ("id", ties)]).collect();
    images.sort_by(|a, b| {
        keys.iter().fold(Ordering::Equal, |found, (key, direction)| {
            let order = column(a, key).cmp(&column(b, key));
            found.then(if *direction == Direction::Asc { order } else { order.reverse() })
        })
    });
    images.into_iter().map(|image| image.id).collect()
}

async fn ids(db: &Database, listing: &Listing) -> Vec<String> {
    let records = image_get_all(db, &Context::admin(), listing).await.unwrap();
    records.into_iter().map(|record| record.image.id).collect()
}

#[tokio::test]
async fn pages_by_any_columns_are_parts_of_the_naive_order() {
    let db = filled().await;
    let all = image_get_all(&db, &Context::admin(), &Listing::default()).await.unwrap();
    let all: Vec<Image> = all.into_iter().map(|record| record.image).collect();
    assert_eq!(all.len(), 40);
    let columns = [
        "id",
        "name",
        "disk_format",
        "owner",
        "size",
        "min_ram",
        "status",
        "visibility",
        "protected",
        "created_at",
        "updated_at",
        "deleted_at",
    ];
    use Direction::{Asc, Desc};
    for first in columns {
        for (second, directions) in
            [(None, [Asc, Asc]), (None, [Desc, Desc]), (Some("name"), [Asc, Desc]), (Some("size"), [Desc, Asc])]
        {
            let keys: Vec<_> = [Some(first), second].into_iter().flatten().zip(directions).collect();
            if second == Some(first) {
                continue;
            }
            let expected = sorted(all.clone(), &keys);
            let listing = Listing {
                sort_key: keys.iter().map(|(key, _)| (*key).to_owned()).collect(),
                sort_dir: keys.iter().map(|(_, direction)| *direction).collect(),
                ..Listing::default()
            };
            assert_eq!(ids(&db, &listing).await, expected, "{keys:?}");
            let mut seen: Vec<String> = Vec::new();
            loop {
                let page = Listing { marker: seen.last().cloned(), limit: Some(7), ..listing.clone() };
                let page = ids(&db, &page).await;
                if page.is_empty() {
                    break;
                }
                seen.extend(page);
            }
            assert_eq!(seen, expected, "{keys:?} in pages");
        }
    }
}

#[tokio::test]
async fn filters_match_what_they_say() {
    let db = filled().await;
    let every = image_get_all(&db, &Context::admin(), &Listing::default()).await.unwrap();
    let since = DateTime::<Utc>::UNIX_EPOCH + TimeDelta::seconds(30);
    let named = |name: &str, value: &str| Filters { others: vec![(name.into(), value.into())], ..Filters::default() };
    type Matches = Box<dyn Fn(&Image) -> bool>;
    let parity = |image: &Image| image.updated_at.unwrap().timestamp() % 2 == 1;
    let cases: Vec<(Filters, Matches)> = vec![
        (Filters::default(), Box::new(|_| true)),
        (Filters { changes_since: Some(since), ..Filters::default() }, Box::new(move |i| i.updated_at > Some(since))),
        (Filters { checksum: Some(None), ..Filters::default() }, Box::new(|_| true)),
        (Filters { os_hash_value: Some(Some("x".into())), ..Filters::default() }, Box::new(|_| false)),
        (
            Filters { visibility: Some(VisibilityFilter::Is(Visibility::Private)), ..Filters::default() },
            Box::new(|i| i.visibility == Visibility::Private),
        ),
        (Filters { properties: vec![("parity".into(), "1".into())], ..Filters::default() }, Box::new(parity)),
        (named("size_min", "3"), Box::new(|i| i.size >= Some(3))),
        (named("size_max", "3"), Box::new(|i| i.size.is_some_and(|size| size <= 3))),
        (named("protected", "true"), Box::new(|i| i.protected)),
        (named("name", "in:v1,v3"), Box::new(|i| matches!(i.name.as_deref(), Some("v1" | "v3")))),
        (named("status", "in:queued,killed"), Box::new(|i| i.status == ImageStatus::Queued)),
        (named("updated_at", "neq:1970-01-01T00:00:05Z"), Box::new(|i| i.updated_at.unwrap().timestamp() != 5)),
        (named("created_at", "lte:1970-01-01T00:00:00.000003"), Box::new(|i| i.created_at.timestamp_micros() <= 3)),
    ];
    for (filters, matches) in cases {
        let expected = sorted(
            every.iter().map(|record| record.image.clone()).filter(|image| matches(image)).collect(),
            &[("created_at", Direction::Desc)],
        );
        let listing = Listing { filters: filters.clone(), ..Listing::default() };
        assert_eq!(ids(&db, &listing).await, expected, "{filters:?}");
    }
}

#[tokio::test]
async fn deleted_images_are_found_by_those_who_ask_for_them() {
    let db = filled().await;
    let one = ids(&db, &Listing::default()).await.swap_remove(0);
    image_destroy(&db, &Context::admin(), &one).await.unwrap();
    let count = async |deleted| {
        let filters = Filters { deleted, ..Filters::default() };
        ids(&db, &Listing { filters, ..Listing::default() }).await.len()
    };
    assert_eq!((count(Some(true)).await, count(Some(false)).await, count(None).await), (1, 39, 40));
    let now = Utc::now() - TimeDelta::hours(1);
    let filters = Filters { changes_since: Some(now), ..Filters::default() };
    assert_eq!(ids(&db, &Listing { filters, ..Listing::default() }).await, [one]);
}

#[tokio::test]
async fn an_admin_can_look_as_a_user_and_public_can_be_chosen() {
    let db = filled().await;
    let listing = Listing { admin_as_user: true, ..Listing::default() };
    let public = Listing { is_public: Some(true), ..Listing::default() };
    let others = Listing { is_public: Some(false), ..Listing::default() };
    let as_user = ids(&db, &listing).await;
    assert_eq!(as_user, ids(&db, &public).await, "an admin without a project sees what is public");
    assert_eq!(as_user.len() + ids(&db, &others).await.len(), 40);
}

#[tokio::test]
async fn sort_keys_and_directions_have_to_fit() {
    let db = filled().await;
    let fails = async |keys: &[&str], directions: &[Direction]| {
        let sort_key = keys.iter().map(|key| (*key).to_owned()).collect();
        let listing = Listing { sort_key, sort_dir: directions.to_vec(), ..Listing::default() };
        image_get_all(&db, &Context::admin(), &listing).await.unwrap_err()
    };
    assert!(matches!(fails(&["color"], &[]).await, DbError::InvalidSortKey(_)));
    let two = [Direction::Asc, Direction::Desc];
    assert!(matches!(fails(&["name", "size", "id"], &two).await, DbError::Invalid(_)));
}
