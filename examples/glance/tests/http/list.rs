//! Lists: filters, order, pages, who sees what.

use axum::http::Method;
use glance::db::{ImageStatus, ImageValues, UpdateOptions};
use serde_json::{Value, json};

use super::service::{Service, make, make_active, names, ok, on_each};

async fn some(s: &Service) {
    for (name, disk, ram, tags, color) in [
        ("a", Some("raw"), 1, json!(["x"]), Some("red")),
        ("b", Some("qcow2"), 2, json!(["x", "y"]), Some("red")),
        ("c, d", None, 3, json!([]), Some("blue")),
        ("e", Some("raw"), 2, json!(["y"]), None),
    ] {
        let mut image = json!({"name": name, "disk_format": disk, "min_ram": ram, "tags": tags});
        if let Some(color) = color {
            image["color"] = color.into();
        }
        make(&s.ann, image).await;
    }
}

#[tokio::test]
async fn filters_choose_images() {
    on_each(async |s| {
        some(s).await;
        for (filter, found) in [
            ("", "e/c, d/b/a"),
            ("name=a", "a"),
            ("name=eq:a", "a"),
            ("name=in:a,b,zzz", "b/a"),
            ("name=in:%22c,%20d%22,a", "c, d/a"),
            ("name=in:", ""),
            ("disk_format=raw", "e/a"),
            ("disk_format=in:raw,qcow2", "e/b/a"),
            ("status=queued", "e/c, d/b/a"),
            ("status=in:active,saving", ""),
            ("status=strange", ""),
            ("min_ram=2", "e/b"),
            ("min_ram_min=2", "e/c, d/b"),
            ("min_ram_max=1", "a"),
            ("size_min=0", ""),
            ("tag=x", "b/a"),
            ("tag=x&tag=y", "b"),
            ("color=red", "b/a"),
            ("color=red&disk_format=raw", "a"),
            ("color=green", ""),
            ("shape=round", ""),
            ("owner=p1", "e/c, d/b/a"),
            ("owner=p2", ""),
            ("protected=true", ""),
            ("protected=false&name=a", "a"),
            ("visibility=shared&name=a", "a"),
            ("visibility=private", ""),
            ("os_hidden=true", ""),
            ("created_at=lt:2020-01-01", ""),
            ("created_at=gte:2020-01-01T00:00:00Z", "e/c, d/b/a"),
            ("updated_at=gt:2020-01-01T00:00:00%2B01:00", "e/c, d/b/a"),
            ("checksum=0", ""),
            ("is_public=true", ""),
        ] {
            assert_eq!(names(&s.ann, filter).await.join("/"), found, "{filter}");
        }
    })
    .await;
}

#[tokio::test]
async fn hidden_images_are_listed_only_when_asked_for() {
    on_each(async |s| {
        make(&s.ann, json!({"name": "hidden", "os_hidden": true})).await;
        make(&s.ann, json!({"name": "plain"})).await;
        assert_eq!(names(&s.ann, "").await, ["plain"]);
        assert_eq!(names(&s.ann, "os_hidden=true").await, ["hidden"]);
    })
    .await;
}

#[tokio::test]
async fn times_compare_as_they_are_shown() {
    on_each(async |s| {
        let path = make(&s.ann, json!({"name": "a"})).await;
        for name in ["created_at", "updated_at"] {
            let shown = ok(200, s.ann.get(&path).await.unwrap())[name].as_str().unwrap().to_owned();
            let second = shown.strip_suffix('Z').unwrap();
            for (op, plain, later) in [
                ("", true, false),
                ("eq:", true, false),
                ("neq:", false, true),
                ("gt:", false, false),
                ("gte:", true, false),
                ("lt:", false, true),
                ("lte:", true, true),
            ] {
                // The second that is shown, and a moment later in it, which is shown of no image.
                for (time, found) in [(format!("{second}Z"), plain), (format!("{second}.5Z"), later)] {
                    let found: &[&str] = if found { &["a"] } else { &[] };
                    assert_eq!(
                        names(&s.ann, &format!("{name}={op}{time}")).await,
                        found,
                        "{name}={op}{time} of {shown}"
                    );
                }
            }
        }
    })
    .await;
}

#[tokio::test]
async fn lists_are_sorted_by_several_keys() {
    on_each(async |s| {
        some(s).await;
        for (sort, found) in [
            ("sort=name:asc", "a/b/c, d/e"),
            ("sort=disk_format:asc,name:desc", "c, d/b/e/a"),
            ("sort=disk_format:desc,name", "e/a/b/c, d"),
            ("sort_key=name&sort_dir=asc", "a/b/c, d/e"),
            ("sort_key=disk_format&sort_key=name&sort_dir=asc", "c, d/b/a/e"),
            ("sort_key=size&sort_dir=asc", "a/b/c, d/e"),
        ] {
            assert_eq!(names(&s.ann, sort).await.join("/"), found, "{sort}");
        }
    })
    .await;
}

#[tokio::test]
async fn pages_give_each_image_once_also_where_a_key_is_null() {
    on_each(async |s| {
        for (at, name) in [Some("b"), None, Some("a"), None, Some("b"), None, Some("c")].into_iter().enumerate() {
            make(&s.ann, json!({"name": name, "min_ram": at})).await;
        }
        for sort in ["", "sort=name:asc", "sort=name:desc", "sort=name:asc,id:desc", "sort=size,name:asc"] {
            let all = ok(200, s.ann.get(&format!("/v2/images?{sort}")).await.unwrap());
            let whole: Vec<Value> = all["images"].as_array().unwrap().iter().map(|i| i["id"].clone()).collect();
            assert_eq!(whole.len(), 7);
            for limit in 1..=3 {
                let mut seen = Vec::new();
                let mut next = Some(format!("/v2/images?{sort}&limit={limit}"));
                while let Some(path) = next {
                    let page = ok(200, s.ann.get(&path).await.unwrap());
                    seen.extend(page["images"].as_array().unwrap().iter().map(|i| i["id"].clone()));
                    assert!(page["first"].as_str().unwrap().contains(&format!("limit={limit}")));
                    next = page["next"].as_str().map(str::to_owned);
                }
                assert_eq!(seen, whole, "{sort} by {limit}");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_limit_of_zero_is_an_empty_list_without_next() {
    on_each(async |s| {
        make(&s.ann, json!({})).await;
        let list = ok(200, s.ann.get("/v2/images?limit=0").await.unwrap());
        assert_eq!((&list["images"], list.get("next")), (&json!([]), None));
    })
    .await;
}

#[tokio::test]
async fn a_list_has_what_its_caller_sees() {
    on_each(async |s| {
        for visibility in ["private", "shared", "community"] {
            make(&s.ann, json!({"name": format!("ann {visibility}"), "visibility": visibility})).await;
        }
        make(&s.admin, json!({"name": "public", "visibility": "public"})).await;
        make(&s.admin, json!({"name": "root private", "visibility": "private"})).await;
        let list = async |client, query: &str| {
            let mut names = names(client, query).await;
            names.sort();
            names.join("/")
        };
        assert_eq!(list(&s.ann, "").await, "ann community/ann private/ann shared/public");
        assert_eq!(list(&s.bob, "").await, "public");
        assert_eq!(list(&s.bob, "visibility=community").await, "ann community");
        assert_eq!(list(&s.bob, "visibility=all").await, "ann community/public");
        assert_eq!(list(&s.bob, "visibility=public").await, "public");
        assert_eq!(list(&s.bob, "visibility=shared").await, "");
        assert_eq!(list(&s.admin, "").await, "ann private/ann shared/public/root private");
        assert_eq!(list(&s.admin, "visibility=private&owner=p1").await, "ann private");
        assert_eq!(list(&s.as_token("nick:none:member"), "").await, "public");
    })
    .await;
}

#[tokio::test]
async fn deleted_and_killed_images_are_in_no_list() {
    on_each(async |s| {
        let gone = make_active(&s.ann, "data").await;
        ok(204, s.ann.delete(&gone).await.unwrap());
        make(&s.ann, json!({"name": "left"})).await;
        assert_eq!(names(&s.ann, "").await, ["left"]);
        assert_eq!(names(&s.admin, "").await, ["left"]);
    })
    .await;
    let db = glance::db::open("memory:").await.unwrap();
    let admin = glance::db::Context::admin();
    let values = ImageValues { status: Some(ImageStatus::Queued), ..ImageValues::default() };
    let made = glance::db::image_create(&db, &admin, &values).await.unwrap();
    let killed = ImageValues { status: Some(ImageStatus::Killed), ..ImageValues::default() };
    glance::db::image_update(&db, &admin, &made.image.id, &killed, &UpdateOptions::default()).await.unwrap();
    let live = glance::db::Filters { deleted: Some(false), ..glance::db::Filters::default() };
    let listing = glance::db::Listing { filters: live, ..glance::db::Listing::default() };
    assert_eq!(glance::db::image_get_all(&db, &admin, &listing).await.unwrap(), []);
}

#[tokio::test]
async fn a_list_is_full_of_what_belongs_to_its_images() {
    on_each(async |s| {
        some(s).await;
        let list = ok(200, s.ann.get("/v2/images?sort=name:asc").await.unwrap());
        for image in list["images"].as_array().unwrap() {
            let shown = ok(200, s.ann.get(image["self"].as_str().unwrap()).await.unwrap());
            assert_eq!(*image, shown);
        }
        assert_eq!(list["images"][1]["tags"], json!(["x", "y"]));
        assert_eq!(list["schema"], "/v2/schemas/images");
        // The method that makes images is on the same path.
        ok(201, s.ann.json(Method::POST, "/v2/images", &json!({})).await.unwrap());
    })
    .await;
}
