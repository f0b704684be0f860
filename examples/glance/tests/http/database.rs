//! The database functions that no route calls as they are: their rules, one by one.

use std::sync::Arc;

use glance::db::{
    Context, DbError, DbResult, Filters, GetOptions, ImageRecord, ImageStatus, ImageValues, Listing, LocationValues,
    MemberSearch, MemberUpdate, NewMember, UpdateOptions, Visibility, image_create, image_delete_property_atomic,
    image_destroy, image_get, image_get_all, image_location_add, image_location_delete, image_location_update,
    image_member_create, image_member_find, image_member_update, image_property_create, image_property_delete,
    image_restore, image_set_property_atomic, image_tag_create, image_tag_get_all, image_tag_set_all, image_update,
    is_image_mutable, is_image_visible, open,
};
use rome_orm::prelude::Database;
use serde_json::json;

use super::stores::{self, Place};

async fn on_each(test: impl AsyncFn(&Database)) {
    let folder = tempfile::tempdir().unwrap();
    for store in stores::ALL {
        println!("on {store}");
        let place = Place::new(store, folder.path());
        test(&open(&place.url).await.unwrap()).await;
    }
}

fn queued() -> ImageValues {
    ImageValues { status: Some(ImageStatus::Queued), owner: Some(Some("p1".into())), ..ImageValues::default() }
}

async fn made(db: &Database) -> String {
    image_create(db, &Context::admin(), &queued()).await.unwrap().image.id
}

async fn got(db: &Database, id: &str) -> DbResult<ImageRecord> {
    image_get(db, &Context::admin(), id, GetOptions::with_tags()).await
}

#[tokio::test]
async fn what_a_function_returns_is_what_a_later_read_gives() {
    on_each(async |db| {
        let values = ImageValues {
            tags: Some(vec!["a".into(), "a".into(), "b".into()]),
            properties: Some(vec![("p".into(), Some("1".into())), ("q".into(), None)]),
            locations: Some(vec![LocationValues::new("http://a", json!({"n": 9_007_199_254_740_993_u64}))]),
            size: Some(Some(i64::MAX)),
            ..queued()
        };
        let made = image_create(db, &Context::admin(), &values).await.unwrap();
        assert_eq!(got(db, &made.image.id).await.unwrap(), made);
        assert_eq!(made.tags(), ["a", "b"]);
        assert_eq!(made.locations[0].meta_data["n"], 9_007_199_254_740_993_u64);
        let listed = image_get_all(db, &Context::admin(), &Listing { return_tag: true, ..Listing::default() }).await;
        assert_eq!(listed.unwrap(), [made]);
    })
    .await;
}

#[tokio::test]
async fn values_that_cannot_be_stored_are_invalid() {
    on_each(async |db| {
        for values in [
            ImageValues { status: None, ..queued() },
            ImageValues { id: Some("x".repeat(37)), ..queued() },
            ImageValues { name: Some(Some("x".repeat(256))), ..queued() },
            ImageValues { name: Some(Some("\u{10000}".into())), ..queued() },
            ImageValues { min_ram: Some(2_147_483_648), ..queued() },
            ImageValues { tags: Some(vec!["x".repeat(256)]), ..queued() },
            ImageValues { properties: Some(vec![("\u{10000}".into(), None)]), ..queued() },
            ImageValues { locations: Some(vec![LocationValues::new("\u{10000}", json!({}))]), ..queued() },
        ] {
            let error = image_create(db, &Context::admin(), &values).await.unwrap_err();
            assert!(matches!(error, DbError::Invalid(_)), "{error:?}");
        }
        // The longest names are no problem for the indexes, nor are long values of properties.
        let long = "\u{FFFD}".repeat(255);
        let values = ImageValues {
            name: Some(Some(long.clone())),
            tags: Some(vec![long.clone()]),
            properties: Some(vec![(long.clone(), Some("x".repeat(100_000)))]),
            ..queued()
        };
        let made = image_create(db, &Context::admin(), &values).await.unwrap();
        let filters = Filters { properties: vec![(long, "x".repeat(100_000))], ..Filters::default() };
        let listing = Listing { filters, ..Listing::default() };
        assert_eq!(image_get_all(db, &Context::admin(), &listing).await.unwrap()[0].image.id, made.image.id);
        let filters = Filters { properties: vec![("p".into(), "x".repeat(99_999))], ..Filters::default() };
        let listing = Listing { filters, ..Listing::default() };
        assert_eq!(image_get_all(db, &Context::admin(), &listing).await.unwrap(), []);
    })
    .await;
}

#[tokio::test]
async fn a_context_that_does_not_see_an_image_is_forbidden_it() {
    on_each(async |db| {
        let id = made(db).await;
        let other = Context::member_of("p2");
        let image = got(db, &id).await.unwrap().image;
        assert!(matches!(image_get(db, &other, &id, GetOptions::default()).await, Err(DbError::Forbidden(_))));
        assert!(!is_image_visible(db, &other, &image, None).await.unwrap() && !is_image_mutable(&other, &image));
        let new = NewMember { image_id: id.clone(), member: "p2".into(), can_share: false, status: None };
        let member = image_member_create(db, &Context::admin(), &new).await.unwrap();
        assert!(matches!(image_member_create(db, &other, &new).await, Err(DbError::Duplicate(_))));
        assert!(is_image_visible(db, &other, &image, None).await.unwrap());
        assert!(!is_image_visible(db, &other, &image, Some("accepted")).await.unwrap());
        let update = MemberUpdate { can_share: false, status: Some("accepted".into()) };
        image_member_update(db, &other, *member.id.value(), &update).await.unwrap();
        assert!(is_image_visible(db, &other, &image, Some("accepted")).await.unwrap());
        let renamed = ImageValues { name: Some(Some("x".into())), ..ImageValues::default() };
        let public = ImageValues { visibility: Some(Visibility::Public), ..ImageValues::default() };
        image_update(db, &Context::admin(), &id, &public, &UpdateOptions::default()).await.unwrap();
        let refused = image_update(db, &other, &id, &renamed, &UpdateOptions::default()).await;
        assert!(matches!(refused, Err(DbError::ForbiddenPublicImage(_))));
    })
    .await;
}

#[tokio::test]
async fn purging_properties_spares_the_given_and_the_atomic_ones() {
    on_each(async |db| {
        let text = |text: &str| Some(text.to_owned());
        let properties = ["a", "b", "c"].map(|name| (name.to_owned(), text("1")));
        let values = ImageValues { properties: Some(properties.to_vec()), ..queued() };
        let id = image_create(db, &Context::admin(), &values).await.unwrap().image.id;
        let options = UpdateOptions { purge_props: true, atomic_props: vec!["c".into()], ..UpdateOptions::default() };
        let given = Some(vec![("b".to_owned(), text("2")), ("c".to_owned(), text("2"))]);
        let values = ImageValues { properties: given, ..ImageValues::default() };
        let record = image_update(db, &Context::admin(), &id, &values, &options).await.unwrap();
        let shown: Vec<_> =
            record.properties.iter().map(|p| (p.name.as_str(), p.value.as_deref().unwrap(), p.deleted)).collect();
        assert_eq!(shown, [("a", "1", true), ("b", "2", false), ("c", "1", false)]);
    })
    .await;
}

#[tokio::test]
async fn destroying_takes_everything_along_and_restoring_needs_pending_delete() {
    on_each(async |db| {
        let values = ImageValues {
            tags: Some(vec!["a".into()]),
            properties: Some(vec![("p".into(), None)]),
            locations: Some(vec![LocationValues::new("http://a", json!({}))]),
            ..queued()
        };
        let id = image_create(db, &Context::admin(), &values).await.unwrap().image.id;
        let new = NewMember { image_id: id.clone(), member: "p2".into(), can_share: false, status: None };
        image_member_create(db, &Context::admin(), &new).await.unwrap();
        assert!(matches!(image_restore(db, &Context::admin(), &id).await, Err(DbError::Conflict(_))));
        let pending = ImageValues { status: Some(ImageStatus::PendingDelete), ..ImageValues::default() };
        image_update(db, &Context::admin(), &id, &pending, &UpdateOptions::default()).await.unwrap();
        let gone = image_destroy(db, &Context::member_of("p1"), &id).await.unwrap();
        assert_eq!((gone.image.deleted, gone.image.status), (true, ImageStatus::PendingDelete));
        assert!(gone.locations.is_empty() && gone.properties.iter().all(|p| p.deleted_at == gone.image.deleted_at));
        let forced = GetOptions { force_show_deleted: true, return_tag: true };
        let record = image_get(db, &Context::member_of("p1"), &id, forced).await.unwrap();
        assert_eq!((record.tags().len(), record.locations[0].status.as_str()), (0, "deleted"));
        assert!(matches!(
            image_get(db, &Context::member_of("p1"), &id, GetOptions::default()).await,
            Err(DbError::ImageNotFound(_))
        ));
        assert_eq!(image_member_find(db, &Context::admin(), &MemberSearch::default()).await.unwrap(), []);
        image_restore(db, &Context::admin(), &id).await.unwrap();
        assert_eq!(got(db, &id).await.unwrap().image.status, ImageStatus::Active);
    })
    .await;
}

#[tokio::test]
async fn an_atomic_property_is_a_lock_that_one_gets() {
    on_each(async |db| {
        let id: Arc<str> = made(db).await.into();
        let tries = (0..16).map(|n| {
            let (db, id) = (db.clone(), Arc::clone(&id));
            tokio::spawn(async move { image_set_property_atomic(&db, &id, "lock", &n.to_string()).await })
        });
        let mut winners = 0;
        for done in futures::future::join_all(tries).await {
            match done.unwrap() {
                Ok(()) => winners += 1,
                Err(e) => assert!(matches!(e, DbError::Duplicate(_)), "{e}"),
            }
        }
        assert_eq!(winners, 1);
        let value = got(db, &id).await.unwrap().properties[0].value.clone().unwrap();
        let wrong = image_delete_property_atomic(db, &id, "lock", "none").await;
        assert!(matches!(wrong, Err(DbError::NotFound(_))));
        let tries = (0..8).map(|_| {
            let (db, id, value) = (db.clone(), Arc::clone(&id), value.clone());
            tokio::spawn(async move { image_delete_property_atomic(&db, &id, "lock", &value).await.is_ok() })
        });
        let freed = futures::future::join_all(tries).await.into_iter().filter(|done| *done.as_ref().unwrap()).count();
        assert_eq!((freed, got(db, &id).await.unwrap().properties.len()), (1, 0));
    })
    .await;
}

#[tokio::test]
async fn of_the_properties_that_an_image_had_the_last_ones_are_remembered() {
    on_each(async |db| {
        let (admin, id) = (Context::admin(), made(db).await);
        let options = UpdateOptions { purge_props: true, ..UpdateOptions::default() };
        let set = async |properties: Vec<(String, Option<String>)>| {
            let values = ImageValues { properties: Some(properties), ..ImageValues::default() };
            image_update(db, &admin, &id, &values, &options).await.unwrap();
            let record = got(db, &id).await.unwrap();
            let (deleted, live): (Vec<_>, Vec<_>) = record.properties.into_iter().partition(|own| own.deleted);
            let names: Vec<String> = deleted.into_iter().map(|own| own.name).collect();
            (names, live.len())
        };
        for round in 0..5_usize {
            let one = |at| (format!("p{round}.{at}"), Some("x".to_owned()));
            let (deleted, live) = set((0..100).map(one).collect()).await;
            assert_eq!((deleted.len(), live), ((round * 100).min(128), 100));
            // All of those that were deleted last are among them.
            let last = |name: &&String| round > 0 && name.starts_with(&format!("p{}.", round - 1));
            assert_eq!(deleted.iter().filter(last).count(), 100.min(round * 100));
        }
        let large = |at| (format!("large{at}"), Some("x".repeat(30_000)));
        set((0..8).map(large).collect()).await;
        assert_eq!(set(Vec::new()).await.0.len(), 2);
    })
    .await;
}

#[tokio::test]
async fn of_many_updates_from_one_status_one_succeeds() {
    on_each(async |db| {
        let id: Arc<str> = made(db).await.into();
        let tries = (0..16).map(|_| {
            let (db, id) = (db.clone(), Arc::clone(&id));
            tokio::spawn(async move {
                let values = ImageValues { status: Some(ImageStatus::Saving), ..ImageValues::default() };
                let from = UpdateOptions::from_state(ImageStatus::Queued);
                match image_update(&db, &Context::admin(), &id, &values, &from).await {
                    Ok(_) => true,
                    Err(DbError::Conflict(_)) => false,
                    Err(e) => panic!("{e}"),
                }
            })
        });
        let won = futures::future::join_all(tries).await.into_iter().filter(|done| *done.as_ref().unwrap()).count();
        assert_eq!(won, 1);
    })
    .await;
}

#[tokio::test]
async fn properties_tags_and_locations_refer_to_images() {
    on_each(async |db| {
        let admin = Context::admin();
        let id = made(db).await;
        let location = LocationValues::new("http://a", json!({}));
        assert!(matches!(image_tag_create(db, &admin, "none", "a").await, Err(DbError::Reference(_))));
        assert!(matches!(image_set_property_atomic(db, "none", "a", "b").await, Err(DbError::Reference(_))));
        assert!(matches!(image_location_add(db, "none", &location).await, Err(DbError::Reference(_))));
        image_property_create(db, &admin, &id, "a", Some("b")).await.unwrap();
        assert!(matches!(image_property_create(db, &admin, &id, "a", None).await, Err(DbError::Duplicate(_))));
        assert!(image_property_delete(db, &admin, "a", &id).await.unwrap().deleted);
        assert!(matches!(image_property_delete(db, &admin, "b", &id).await, Err(DbError::NotFound(_))));
        let tags = ["x", "y", "x"].map(str::to_owned);
        image_tag_set_all(db, &admin, &id, &tags).await.unwrap();
        image_tag_set_all(db, &admin, &id, &tags[1..2]).await.unwrap();
        assert_eq!(image_tag_get_all(db, &admin, &id).await.unwrap(), ["y"]);

        image_location_add(db, &id, &location).await.unwrap();
        let own = *got(db, &id).await.unwrap().locations[0].id.value();
        let other = LocationValues { id: Some(own), url: "http://b".into(), ..location.clone() };
        image_location_update(db, &id, &other).await.unwrap();
        assert_eq!(got(db, &id).await.unwrap().locations[0].value, "http://b");
        assert!(matches!(image_location_update(db, &id, &location).await, Err(DbError::Invalid(_))));
        assert!(matches!(image_location_update(db, "none", &other).await, Err(DbError::NotFound(_))));
        assert!(matches!(image_location_delete(db, &id, own, "active", None).await, Err(DbError::Invalid(_))));
        image_location_delete(db, &id, own, "pending_delete", None).await.unwrap();
        assert!(got(db, &id).await.unwrap().locations.is_empty());
    })
    .await;
}
