//! What belongs to an image: it goes with its image, never outlives it, and lies with it.

use chrono::{TimeDelta, Utc};
use glance::db::{
    Context, DbError, Image, ImageLocation, ImageMember, ImageProperty, ImageStatus, ImageTag, ImageValues,
    LocationValues, NewMember, image_create, image_destroy, image_get, image_location_add, image_member_create,
    image_member_find, image_property_create, image_set_property_atomic, image_tag_create, open, purge_deleted_images,
};
use rome_orm::prelude::*;
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

fn family() -> ImageValues {
    ImageValues {
        status: Some(ImageStatus::Queued),
        owner: Some(Some("p1".into())),
        tags: Some(vec!["b".into(), "a".into()]),
        properties: Some(vec![("q".into(), None), ("p".into(), Some("1".into()))]),
        locations: Some(vec![LocationValues::new("http://a", json!({})), LocationValues::new("http://b", json!({}))]),
        ..ImageValues::default()
    }
}

async fn made(db: &Database) -> String {
    let id = image_create(db, &Context::admin(), &family()).await.unwrap().image.id;
    image_member_create(db, &Context::admin(), &member(&id)).await.unwrap();
    id
}

fn member(image_id: &str) -> NewMember {
    NewMember { image_id: image_id.into(), member: "p2".into(), can_share: false, status: None }
}

/// How many rows of each kind of child there are, deleted ones too.
async fn children(db: &Database) -> [u64; 4] {
    [
        db.query::<ImageProperty>().count().await.unwrap(),
        db.query::<ImageTag>().count().await.unwrap(),
        db.query::<ImageLocation>().count().await.unwrap(),
        db.query::<ImageMember>().count().await.unwrap(),
    ]
}

#[tokio::test]
async fn an_image_is_loaded_with_all_its_children() {
    on_each(async |db| {
        let id = made(db).await;
        made(db).await;
        let query = db.query::<Image>().filter(Image::ID.eq(id.as_str()));
        let query = query.with(Image::PROPERTIES).with(Image::TAGS).with(Image::LOCATIONS).with(Image::MEMBERS);
        let image = query.one().await.unwrap();
        let names: Vec<_> = image.properties.get().unwrap().iter().map(|property| property.name.as_str()).collect();
        let tags: Vec<_> = image.tags.get().unwrap().iter().map(|tag| tag.value.as_str()).collect();
        let urls: Vec<_> = image.locations.get().unwrap().iter().map(|location| location.value.as_str()).collect();
        assert_eq!((names, tags), (vec!["q", "p"], vec!["b", "a"]));
        assert_eq!((urls, image.members.get().unwrap().len()), (vec!["http://a", "http://b"], 1));
        let tags = db.query::<ImageTag>().with(ImageTag::IMAGE).all().await.unwrap();
        assert!(tags.iter().all(|tag| tag.image.get().unwrap().unwrap().id == tag.image_id));
    })
    .await;
}

#[tokio::test]
async fn an_image_that_is_really_removed_takes_its_children_along_and_no_others() {
    on_each(async |db| {
        let (gone, stays) = (made(db).await, made(db).await);
        assert_eq!(children(db).await, [4, 4, 4, 2]);
        assert!(db.delete_by_key::<Image>(gone.as_str()).await.unwrap());
        assert_eq!(children(db).await, [2, 2, 2, 1]);
        let left = db.query::<ImageTag>().select((ImageTag::IMAGE_ID,)).all().await.unwrap();
        assert!(left.iter().all(|(image_id,)| *image_id == stays));
    })
    .await;
}

#[tokio::test]
async fn purging_removes_what_was_deleted_long_enough_ago() {
    on_each(async |db| {
        let admin = Context::admin();
        let (live, first, second) = (made(db).await, made(db).await, made(db).await);
        image_destroy(db, &admin, &first).await.unwrap();
        let between = Utc::now();
        image_destroy(db, &admin, &second).await.unwrap();
        assert_eq!(purge_deleted_images(db, between - TimeDelta::hours(1), 100).await.unwrap(), 0);
        assert_eq!(purge_deleted_images(db, between, 100).await.unwrap(), 1);
        assert_eq!(children(db).await, [4, 4, 4, 2]);
        assert!(matches!(image_get(db, &admin, &first, Default::default()).await, Err(DbError::ImageNotFound(_))));
        image_get(db, &admin, &second, Default::default()).await.unwrap();
        let later = Utc::now() + TimeDelta::hours(1);
        image_destroy(db, &admin, &live).await.unwrap();
        assert_eq!(purge_deleted_images(db, later, 1).await.unwrap(), 1);
        image_get(db, &admin, &live, Default::default()).await.expect("those that were deleted first go first");
        assert_eq!(purge_deleted_images(db, later, 100).await.unwrap(), 1);
        assert_eq!(children(db).await, [0; 4]);
    })
    .await;
}

#[tokio::test]
async fn no_child_is_made_of_an_image_that_is_not_there() {
    on_each(async |db| {
        let admin = Context::admin();
        let location = LocationValues::new("http://a", json!({}));
        assert!(matches!(image_member_create(db, &admin, &member("none")).await, Err(DbError::Reference(_))));
        assert!(matches!(image_tag_create(db, &admin, "none", "a").await, Err(DbError::Reference(_))));
        assert!(matches!(image_set_property_atomic(db, "none", "a", "b").await, Err(DbError::Reference(_))));
        assert!(matches!(image_property_create(db, &admin, "none", "a", None).await, Err(DbError::Reference(_))));
        assert!(matches!(image_location_add(db, "none", &location).await, Err(DbError::Reference(_))));
        assert_eq!(children(db).await, [0; 4]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_race_leaves_a_child_without_its_image() {
    on_each(async |db| {
        for round in 0..10 {
            let id = made(db).await;
            let tags = (0..4).map(|n| {
                let (db, id) = (db.clone(), id.clone());
                tokio::spawn(async move { image_tag_create(&db, &Context::admin(), &id, &format!("t{n}")).await })
            });
            let tags: Vec<_> = tags.collect();
            if round % 2 == 0 {
                tokio::task::yield_now().await;
            }
            assert!(db.delete_by_key::<Image>(id.as_str()).await.unwrap());
            for tag in tags {
                let done = tag.await.unwrap();
                assert!(matches!(done, Ok(_) | Err(DbError::Reference(_))), "{done:?}");
            }
            assert_eq!(children(db).await, [0; 4]);
        }
    })
    .await;
}

#[tokio::test]
async fn a_member_finds_the_images_that_it_shares_with_their_owners() {
    on_each(async |db| {
        let id = made(db).await;
        let seen = async |project: &str| {
            let found = image_member_find(db, &Context::member_of(project), &Default::default()).await.unwrap();
            found.into_iter().map(|member| member.image_id).collect::<Vec<_>>()
        };
        assert_eq!(seen("p1").await, std::slice::from_ref(&id), "the owner");
        assert_eq!(seen("p2").await, std::slice::from_ref(&id), "the member");
        assert_eq!(seen("p3").await, Vec::<String>::new());
    })
    .await;
}
