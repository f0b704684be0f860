//! Images: create, show, update, delete, tags, actions.

use axum::http::Method;
use serde_json::{Value, json};

use super::service::{Service, make, make_active, ok, on_each};

#[tokio::test]
async fn a_new_image_is_queued_and_shown_as_it_was_made() {
    on_each(async |s| {
        let image = json!({
            "name": "a", "tags": ["x", "y", "x"], "color": "red", "min_ram": 512, "visibility": "private",
            "id": "71c675ab-d94f-49cd-a114-e12490b328d9",
        });
        let answer = s.ann.json(Method::POST, "/v2/images", &image).await.unwrap();
        assert!(answer.header("location").ends_with("/v2/images/71c675ab-d94f-49cd-a114-e12490b328d9"));
        assert_eq!(answer.header("openstack-image-import-methods"), "glance-direct");
        assert!(answer.header("x-openstack-request-id").starts_with("req-"));
        let made = ok(201, answer);
        for (name, value) in [
            ("status", json!("queued")),
            ("owner", json!("p1")),
            ("visibility", json!("private")),
            ("tags", json!(["x", "y"])),
            ("color", json!("red")),
            ("min_ram", json!(512)),
            ("min_disk", json!(0)),
            ("size", Value::Null),
            ("checksum", Value::Null),
            ("protected", json!(false)),
            ("file", json!("/v2/images/71c675ab-d94f-49cd-a114-e12490b328d9/file")),
        ] {
            assert_eq!(made[name], value, "{name}");
        }
        assert!(made.get("locations").is_none() && made.get("direct_url").is_none());
        let path = made["self"].as_str().unwrap();
        assert_eq!(ok(200, s.ann.get(path).await.unwrap()), made);
        ok(409, s.ann.json(Method::POST, "/v2/images", &image).await.unwrap());
    })
    .await;
}

#[tokio::test]
async fn a_patch_sets_adds_and_removes() {
    on_each(async |s| {
        let path = make(&s.ann, json!({"name": "a", "color": "red", "shape": "round", "tags": ["old", "kept"]})).await;
        let patch = json!([
            {"op": "replace", "path": "/name", "value": "b"},
            {"op": "add", "path": "/size_class", "value": "s"},
            {"op": "add", "path": "/color", "value": "blue"},
            {"op": "remove", "path": "/shape"},
            {"op": "replace", "path": "/tags", "value": ["new", "kept"]},
            {"op": "add", "path": "/min_disk", "value": 3},
            {"op": "replace", "path": "/disk_format", "value": "qcow2"},
        ]);
        let patched = ok(200, s.ann.patch(&path, &patch).await.unwrap());
        assert_eq!(
            (
                &patched["name"],
                &patched["color"],
                &patched["min_disk"],
                &patched["size_class"],
                &patched["disk_format"]
            ),
            (&json!("b"), &json!("blue"), &json!(3), &json!("s"), &json!("qcow2")),
        );
        assert!(patched.get("shape").is_none());
        assert_eq!(patched["tags"], json!(["kept", "new"]), "in the order in which they were made");
        assert_eq!(ok(200, s.ann.get(&path).await.unwrap()), patched);
        // A property that was removed can come back.
        let patch = json!([{"op": "add", "path": "/shape", "value": "square"}]);
        assert_eq!(ok(200, s.ann.patch(&path, &patch).await.unwrap())["shape"], "square");
    })
    .await;
}

#[tokio::test]
async fn the_older_form_of_patches_adds_only_what_is_not_there() {
    on_each(async |s| {
        let path = make(&s.ann, json!({"color": "red"})).await;
        let media = "application/openstack-images-v2.0-json-patch";
        let patch = async |body: Value| s.ann.body(Method::PATCH, &path, media, body.to_string()).await.unwrap();
        ok(409, patch(json!([{"add": "/color", "value": "blue"}])).await);
        ok(409, patch(json!([{"replace": "/shape", "value": "round"}])).await);
        let patched = ok(200, patch(json!([{"add": "/shape", "value": "round"}, {"remove": "/color"}])).await);
        assert_eq!((patched.get("color"), &patched["shape"]), (None, &json!("round")));
    })
    .await;
}

#[tokio::test]
async fn a_failed_patch_changes_nothing() {
    on_each(async |s| {
        let path = make(&s.ann, json!({"name": "a", "color": "red"})).await;
        let before = ok(200, s.ann.get(&path).await.unwrap());
        for (patch, status) in [
            (json!([{"op": "replace", "path": "/name", "value": "b"}, {"op": "remove", "path": "/shape"}]), 409),
            (json!([{"op": "replace", "path": "/name", "value": "b"}, {"op": "remove", "path": "/tags"}]), 403),
            (json!([{"op": "replace", "path": "/visibility", "value": "public"}]), 403),
            (json!([{"op": "replace", "path": "/owner", "value": "p2"}]), 403),
            (json!([{"op": "replace", "path": "/min_disk", "value": -1}]), 400),
            (json!([{"op": "replace", "path": "/min_disk", "value": 2_147_483_648_u64}]), 400),
            (json!([{"op": "replace", "path": "/name", "value": "\u{1F600}"}]), 400),
            (json!([{"op": "add", "path": "/locations/-", "value": {"url": "http://a/b", "metadata": {}}}]), 403),
        ] {
            ok(status, s.ann.patch(&path, &patch).await.unwrap());
            assert_eq!(ok(200, s.ann.get(&path).await.unwrap()), before, "{patch}");
        }
        let publish = json!([{"op": "replace", "path": "/visibility", "value": "public"},
                             {"op": "replace", "path": "/owner", "value": "p9"}]);
        assert_eq!(ok(200, s.admin.patch(&path, &publish).await.unwrap())["owner"], "p9");
    })
    .await;
}

#[tokio::test]
async fn formats_are_fixed_once_there_is_data() {
    on_each(async |s| {
        let path = make_active(&s.ann, "data").await;
        let patch = json!([{"op": "replace", "path": "/disk_format", "value": "qcow2"}]);
        ok(403, s.ann.patch(&path, &patch).await.unwrap());
    })
    .await;
}

#[tokio::test]
async fn a_deleted_image_is_gone_with_its_data_unless_it_is_protected() {
    on_each(async |s| {
        let path = make_active(&s.ann, "data").await;
        let protect = |on: bool| json!([{"op": "replace", "path": "/protected", "value": on}]);
        ok(200, s.ann.patch(&path, &protect(true)).await.unwrap());
        ok(403, s.ann.delete(&path).await.unwrap());
        assert_eq!(s.files("store1"), 1);
        ok(200, s.ann.patch(&path, &protect(false)).await.unwrap());
        ok(204, s.ann.delete(&path).await.unwrap());
        assert_eq!(s.files("store1"), 0);
        ok(404, s.ann.get(&path).await.unwrap());
        ok(404, s.ann.delete(&path).await.unwrap());
        ok(404, s.ann.get(&format!("{path}/file")).await.unwrap());
        ok(404, s.ann.patch(&path, &protect(true)).await.unwrap());
        ok(404, s.admin.get(&path).await.unwrap());
        ok(404, s.admin.delete(&path).await.unwrap());
        ok(404, s.admin.put_data(&format!("{path}/tags/x"), "").await.unwrap());
    })
    .await;
}

#[tokio::test]
async fn others_see_only_what_is_open_and_change_nothing() {
    on_each(async |s| {
        let rename = json!([{"op": "replace", "path": "/name", "value": "x"}]);
        for (visibility, seen) in [("private", 404), ("shared", 404), ("community", 200)] {
            let path = make(&s.ann, json!({"visibility": visibility})).await;
            ok(seen, s.bob.get(&path).await.unwrap());
            let denied = if seen == 200 { 403 } else { 404 };
            ok(denied, s.bob.patch(&path, &rename).await.unwrap());
            ok(denied, s.bob.delete(&path).await.unwrap());
            ok(denied, s.bob.put_data(&format!("{path}/file"), "x").await.unwrap());
            ok(200, s.admin.patch(&path, &rename).await.unwrap());
        }
        let public = make(&s.admin, json!({"visibility": "public"})).await;
        ok(200, s.bob.get(&public).await.unwrap());
        ok(403, s.bob.delete(&public).await.unwrap());
        ok(403, s.bob.json(Method::POST, "/v2/images", &json!({"visibility": "public"})).await.unwrap());
        ok(403, s.bob.json(Method::POST, "/v2/images", &json!({"owner": "p1"})).await.unwrap());
        let given = make(&s.admin, json!({"owner": "p2"})).await;
        assert_eq!(ok(200, s.bob.get(&given).await.unwrap())["owner"], "p2");
    })
    .await;
}

#[tokio::test]
async fn roles_say_what_a_caller_may_do() {
    on_each(async |s| {
        let path = make_active(&s.ann, "data").await;
        let reader = s.as_token("rob:p1:reader");
        ok(200, reader.get(&path).await.unwrap());
        ok(200, reader.get("/v2/images").await.unwrap());
        ok(403, reader.json(Method::POST, "/v2/images", &json!({})).await.unwrap());
        ok(403, reader.delete(&path).await.unwrap());
        ok(403, reader.get(&format!("{path}/file")).await.unwrap());
        let nobody = s.as_token("nick:p1:guest");
        ok(404, nobody.get(&path).await.unwrap());
        ok(403, nobody.get("/v2/images").await.unwrap());
        for token in ["", "ann", "ann:p1"] {
            ok(401, s.as_token(token).get(&path).await.unwrap());
        }
    })
    .await;
}

#[tokio::test]
async fn tags_come_and_go_one_by_one() {
    on_each(async |s| {
        let path = make(&s.ann, json!({"tags": ["a"]})).await;
        let add = async |tag: &str| s.ann.put_data(&format!("{path}/tags/{tag}"), "").await.unwrap();
        ok(204, add("b%20c").await);
        ok(204, add("b%20c").await);
        assert_eq!(ok(200, s.ann.get(&path).await.unwrap())["tags"], json!(["a", "b c"]));
        ok(204, s.ann.delete(&format!("{path}/tags/a")).await.unwrap());
        ok(404, s.ann.delete(&format!("{path}/tags/a")).await.unwrap());
        assert_eq!(ok(200, s.ann.get(&path).await.unwrap())["tags"], json!(["b c"]));
        ok(400, add(&"x".repeat(256)).await);
        ok(404, s.bob.put_data(&format!("{path}/tags/x"), "").await.unwrap());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn changes_at_the_same_time_are_all_there() {
    on_each(async |s| {
        let path = make(&s.ann, json!({})).await;
        let changes = (0..16).map(|n| {
            let (client, path) = (s.ann.clone(), path.clone());
            tokio::spawn(async move {
                let patch = json!([{"op": "add", "path": format!("/property{n}"), "value": "x"}]);
                ok(200, client.patch(&path, &patch).await.unwrap());
                ok(204, client.put_data(&format!("{path}/tags/tag{n}"), "").await.unwrap());
            })
        });
        for done in futures::future::join_all(changes).await {
            done.unwrap();
        }
        let image = ok(200, s.ann.get(&path).await.unwrap());
        assert_eq!(image["tags"].as_array().unwrap().len(), 16);
        for n in 0..16 {
            assert_eq!(image[format!("property{n}")], "x");
        }
    })
    .await;
}

#[tokio::test]
async fn a_deactivated_image_is_for_admins() {
    on_each(async |s| {
        let path = make_active(&s.ann, "data").await;
        let act = async |action: &str| {
            let path = format!("{path}/actions/{action}");
            s.ann.json(Method::POST, &path, &Value::Null).await.unwrap()
        };
        for _ in 0..2 {
            ok(204, act("deactivate").await);
        }
        assert_eq!(ok(200, s.ann.get(&path).await.unwrap())["status"], "deactivated");
        ok(403, s.ann.get(&format!("{path}/file")).await.unwrap());
        ok(200, s.admin.get(&format!("{path}/file")).await.unwrap());
        ok(204, act("reactivate").await);
        ok(200, s.ann.get(&format!("{path}/file")).await.unwrap());
        let queued = make(&s.ann, json!({})).await;
        ok(403, s.ann.json(Method::POST, &format!("{queued}/actions/deactivate"), &Value::Null).await.unwrap());
        ok(404, s.bob.json(Method::POST, &format!("{path}/actions/deactivate"), &Value::Null).await.unwrap());
    })
    .await;
}

#[tokio::test]
async fn quotas_for_one_image_hold() {
    let s = Service::start("memory", |config| {
        config.quotas.tags = 2;
        config.quotas.properties = 1;
    })
    .await;
    ok(413, s.ann.json(Method::POST, "/v2/images", &json!({"tags": ["a", "b", "c"]})).await.unwrap());
    ok(413, s.ann.json(Method::POST, "/v2/images", &json!({"a": "1", "b": "2"})).await.unwrap());
    let path = make(&s.ann, json!({"tags": ["a", "b"], "a": "1"})).await;
    ok(413, s.ann.put_data(&format!("{path}/tags/c"), "").await.unwrap());
    ok(204, s.ann.put_data(&format!("{path}/tags/b"), "").await.unwrap());
    ok(413, s.ann.patch(&path, &json!([{"op": "add", "path": "/b", "value": "2"}])).await.unwrap());
    let swap = json!([{"op": "remove", "path": "/a"}, {"op": "add", "path": "/b", "value": "2"}]);
    ok(200, s.ann.patch(&path, &swap).await.unwrap());
}

#[tokio::test]
async fn the_service_tells_what_it_is() {
    on_each(async |s| {
        let nobody = s.as_token("");
        for (path, status) in [("/", 300), ("/versions", 200), ("/v2/", 300)] {
            let versions = ok(status, nobody.get(path).await.unwrap());
            assert_eq!(versions["versions"][0]["status"], "CURRENT", "{path}");
        }
        ok(200, nobody.get("/healthz").await.unwrap());
        ok(200, nobody.get("/healthcheck").await.unwrap());
        for schema in ["image", "images", "member", "members", "task", "tasks"] {
            let found = ok(200, s.ann.get(&format!("/v2/schemas/{schema}")).await.unwrap());
            assert_eq!(found["name"], schema);
        }
        ok(404, s.ann.get("/v2/schemas/none").await.unwrap());
        ok(401, nobody.get("/v2/schemas/image").await.unwrap());
        let methods = ok(200, s.ann.get("/v2/info/import").await.unwrap());
        assert_eq!(methods["import-methods"]["value"], json!(["glance-direct"]));
        assert_eq!(ok(200, s.ann.get("/v2/info/stores").await.unwrap())["stores"][0]["id"], "store1");
        ok(404, s.ann.get("/v3/images").await.unwrap());
        ok(405, s.ann.delete("/v2/images").await.unwrap());
    })
    .await;
}
