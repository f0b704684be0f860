//! Metadata definitions.

use axum::body::Body;
use axum::http::{Method, header};
use futures::future::join_all;
use glance::client::{Answer, Client};
use glance::db::{
    Context, DbError, MetadefAssociation, MetadefNamespace, MetadefObject, MetadefProperty, MetadefResourceType,
    MetadefTag, NewAssociation, NewNamespace, metadef_create, metadef_namespace_create, metadef_namespace_delete, open,
};
use serde_json::{Value, json};

use super::service::{ok, on_each};
use super::stores::{self, Place};

const NAMESPACES: &str = "/v2/metadefs/namespaces";

async fn post(client: &Client, path: &str, body: Value) -> Answer {
    client.json(Method::POST, &format!("{NAMESPACES}{path}"), &body).await.unwrap()
}

async fn put(client: &Client, path: &str, body: Value) -> Answer {
    client.json(Method::PUT, &format!("{NAMESPACES}{path}"), &body).await.unwrap()
}

async fn get(client: &Client, path: &str) -> Answer {
    client.get(&format!("{NAMESPACES}{path}")).await.unwrap()
}

async fn delete(client: &Client, path: &str) -> Answer {
    client.delete(&format!("{NAMESPACES}{path}")).await.unwrap()
}

fn text(title: &str) -> Value {
    json!({"title": title, "type": "string"})
}

/// A namespace with one thing of each kind.
fn whole(name: &str) -> Value {
    json!({
        "namespace": name, "visibility": "public", "owner": "p1", "description": "d",
        "objects": [{"name": "o", "required": ["a"], "properties": {"a": text("A")}}],
        "properties": {"p": text("P")},
        "tags": [{"name": "t"}],
        "resource_type_associations": [{"name": "OS::Glance::Image", "prefix": "hw_"}],
    })
}

fn names(list: &Value) -> Vec<&str> {
    list["namespaces"].as_array().unwrap().iter().map(|own| own["namespace"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_namespace_is_shown_with_all_that_is_in_it() {
    on_each(async |s| {
        let made = ok(201, post(&s.admin, "", whole("n")).await);
        let shown = ok(200, get(&s.ann, "/n").await);
        assert_eq!(made, shown);
        assert_eq!((&shown["self"], &shown["protected"]), (&json!("/v2/metadefs/namespaces/n"), &json!(false)));
        assert_eq!(shown["objects"][0]["properties"]["a"], text("A"));
        assert_eq!((&shown["properties"]["p"], &shown["tags"]), (&text("P"), &json!([{"name": "t"}])));
        assert_eq!(shown["resource_type_associations"][0]["name"], "OS::Glance::Image");
        assert!(shown.get("display_name").is_none(), "what is not there is left out");
        let prefixed = ok(200, get(&s.ann, "/n?resource_type=OS::Glance::Image").await);
        assert_eq!(
            (&prefixed["properties"]["hw_p"], &prefixed["objects"][0]["required"]),
            (&text("P"), &json!(["hw_a"]))
        );
        let one = ok(200, get(&s.ann, "/n/properties/hw_p?resource_type=OS::Glance::Image").await);
        assert_eq!(one["name"], "hw_p");
        ok(404, get(&s.ann, "/n/properties/p?resource_type=OS::Glance::Image").await);
    })
    .await;
}

#[tokio::test]
async fn a_private_namespace_is_for_its_owner_and_changes_are_for_admins() {
    on_each(async |s| {
        ok(201, post(&s.admin, "", json!({"namespace": "open", "visibility": "public", "owner": "p1"})).await);
        ok(201, post(&s.admin, "", json!({"namespace": "secret", "owner": "p1"})).await);
        for (client, seen) in
            [(&s.ann, vec!["open", "secret"]), (&s.bob, vec!["open"]), (&s.admin, vec!["open", "secret"])]
        {
            let list = ok(200, get(client, "?sort_key=namespace&sort_dir=asc").await);
            assert_eq!(names(&list), seen);
        }
        ok(200, get(&s.ann, "/secret").await);
        for path in
            ["/secret", "/secret/objects", "/secret/properties", "/secret/tags", "/secret/resource_types", "/none"]
        {
            ok(404, get(&s.bob, path).await);
        }
        for client in [&s.ann, &s.bob] {
            ok(403, post(client, "", json!({"namespace": "mine"})).await);
            ok(403, put(client, "/open", json!({"namespace": "open"})).await);
            ok(403, delete(client, "/open").await);
            ok(403, post(client, "/open/objects", json!({"name": "o"})).await);
            ok(403, post(client, "/open/tags/t", json!({})).await);
            ok(403, post(client, "/open/resource_types", json!({"name": "r"})).await);
            ok(403, delete(client, "/open/properties").await);
        }
        assert_eq!(names(&ok(200, get(&s.ann, "?visibility=private").await)), ["secret"]);
        let made = ok(201, post(&s.admin, "", json!({"namespace": "own"})).await);
        assert_eq!((&made["owner"], &made["visibility"]), (&json!("p0"), &json!("private")));
    })
    .await;
}

#[tokio::test]
async fn a_protected_namespace_loses_nothing() {
    on_each(async |s| {
        let mut namespace = whole("n");
        namespace["protected"] = true.into();
        ok(201, post(&s.admin, "", namespace).await);
        let all = ["/n", "/n/objects", "/n/objects/o", "/n/properties", "/n/properties/p", "/n/tags", "/n/tags/t"];
        for path in all.into_iter().chain(["/n/resource_types/OS::Glance::Image"]) {
            ok(403, delete(&s.admin, path).await);
        }
        ok(403, post(&s.admin, "/n/tags", json!({"tags": []})).await);
        ok(200, put(&s.admin, "/n", json!({"namespace": "n", "protected": false})).await);
        ok(204, delete(&s.admin, "/n/objects/o").await);
        ok(204, delete(&s.admin, "/n").await);
    })
    .await;
}

#[tokio::test]
async fn a_namespace_goes_with_all_that_is_in_it_and_resource_types_stay() {
    on_each(async |s| {
        ok(201, post(&s.admin, "", whole("n")).await);
        ok(201, post(&s.admin, "", whole("other")).await);
        ok(204, delete(&s.admin, "/n").await);
        ok(404, get(&s.admin, "/n").await);
        let types = ok(200, s.ann.get("/v2/metadefs/resource_types").await.unwrap());
        assert_eq!(types["resource_types"][0]["name"], "OS::Glance::Image");
        let again = ok(201, post(&s.admin, "", json!({"namespace": "n", "visibility": "public"})).await);
        for kind in ["objects", "tags", "resource_type_associations"] {
            assert_eq!(again[kind], json!([]), "nothing of the one before");
        }
        assert_eq!(ok(200, get(&s.ann, "/other").await)["tags"], json!([{"name": "t"}]));
    })
    .await;
}

#[tokio::test]
async fn objects_and_properties_are_made_changed_and_removed_by_name() {
    on_each(async |s| {
        ok(201, post(&s.admin, "", json!({"namespace": "n", "visibility": "public"})).await);
        let property = json!({"name": "x", "title": "X", "type": "integer", "minimum": 1});
        let object = json!({"name": "x", "description": "d", "properties": {"a": text("A")}});
        for (kind, body) in [("objects", object), ("properties", property)] {
            let path = format!("/n/{kind}");
            let made = ok(201, post(&s.admin, &path, body.clone()).await);
            ok(409, post(&s.admin, &path, body.clone()).await);
            assert_eq!(ok(200, get(&s.ann, &format!("{path}/x")).await), made);
            let mut renamed = body.clone();
            renamed["name"] = "y".into();
            assert_eq!(ok(200, put(&s.admin, &format!("{path}/x"), renamed.clone()).await)["name"], "y");
            ok(404, get(&s.ann, &format!("{path}/x")).await);
            ok(201, post(&s.admin, &path, body).await);
            ok(409, put(&s.admin, &format!("{path}/x"), renamed).await);
            let list = ok(200, get(&s.ann, &path).await);
            let (array, map) = (list[kind].as_array().map(Vec::len), list[kind].as_object().map(serde_json::Map::len));
            assert_eq!(array.or(map), Some(2));
            ok(204, delete(&s.admin, &format!("{path}/x")).await);
            ok(404, delete(&s.admin, &format!("{path}/x")).await);
            ok(204, delete(&s.admin, &path).await);
            ok(404, get(&s.ann, &format!("{path}/y")).await);
        }
    })
    .await;
}

#[tokio::test]
async fn tags_are_replaced_together_or_added_to() {
    on_each(async |s| {
        ok(201, post(&s.admin, "", json!({"namespace": "n", "visibility": "public"})).await);
        let tags = async || ok(200, get(&s.ann, "/n/tags").await)["tags"].clone();
        ok(201, post(&s.admin, "/n/tags/a", json!({})).await);
        ok(409, post(&s.admin, "/n/tags/a", json!({})).await);
        ok(201, post(&s.admin, "/n/tags", json!({"tags": [{"name": "c"}, {"name": "b"}]})).await);
        assert_eq!(tags().await, json!([{"name": "c"}, {"name": "b"}]));
        ok(409, post(&s.admin, "/n/tags", json!({"tags": [{"name": "d"}, {"name": "d"}]})).await);
        assert_eq!(tags().await, json!([{"name": "c"}, {"name": "b"}]), "all or nothing");
        let append =
            s.admin.request(Method::POST, &format!("{NAMESPACES}/n/tags")).header("x-openstack-append", "true");
        let append = append.header(header::CONTENT_TYPE, "application/json");
        let body = json!({"tags": [{"name": "e"}]}).to_string();
        ok(201, s.admin.send(append.body(Body::from(body)).unwrap()).await.unwrap());
        ok(200, put(&s.admin, "/n/tags/c", json!({"name": "C"})).await);
        assert_eq!(tags().await, json!([{"name": "C"}, {"name": "b"}, {"name": "e"}]));
        ok(204, delete(&s.admin, "/n/tags/b").await);
        ok(204, delete(&s.admin, "/n/tags").await);
        assert_eq!(tags().await, json!([]));
    })
    .await;
}

#[tokio::test]
async fn resource_types_are_associated_once() {
    on_each(async |s| {
        ok(201, post(&s.admin, "", json!({"namespace": "n", "visibility": "public"})).await);
        let association = json!({"name": "OS::Nova::Server", "prefix": "p_", "properties_target": "metadata"});
        let made = ok(201, post(&s.admin, "/n/resource_types", association.clone()).await);
        assert_eq!((&made["name"], &made["prefix"]), (&json!("OS::Nova::Server"), &json!("p_")));
        ok(409, post(&s.admin, "/n/resource_types", association.clone()).await);
        let list = ok(200, get(&s.ann, "/n/resource_types").await);
        assert_eq!(list["resource_type_associations"], json!([made]));
        ok(201, post(&s.admin, "", json!({"namespace": "m", "visibility": "public"})).await);
        assert_eq!(names(&ok(200, get(&s.ann, "?resource_types=OS::Nova::Server,x").await)), ["n"]);
        ok(204, delete(&s.admin, "/n/resource_types/OS::Nova::Server").await);
        ok(404, delete(&s.admin, "/n/resource_types/OS::Nova::Server").await);
        ok(404, delete(&s.admin, "/n/resource_types/none").await);
        ok(201, post(&s.admin, "/n/resource_types", association).await);
    })
    .await;
}

#[tokio::test]
async fn lists_have_pages_and_a_name_is_taken_once() {
    on_each(async |s| {
        for name in ["c", "a", "d", "b"] {
            ok(201, post(&s.admin, "", json!({"namespace": name, "visibility": "public"})).await);
        }
        ok(409, post(&s.admin, "", json!({"namespace": "a"})).await);
        ok(409, put(&s.admin, "/b", json!({"namespace": "a"})).await);
        let page = ok(200, get(&s.ann, "?sort_key=namespace&sort_dir=asc&limit=3").await);
        assert_eq!(names(&page), ["a", "b", "c"]);
        let next = ok(200, s.ann.get(page["next"].as_str().unwrap()).await.unwrap());
        assert_eq!((names(&next), next.get("next")), (vec!["d"], None));
        assert_eq!(names(&ok(200, get(&s.ann, "?sort_dir=asc").await)), ["c", "a", "d", "b"], "as they were made");
        let renamed = ok(200, put(&s.admin, "/a", json!({"namespace": "z", "visibility": "public"})).await);
        assert_eq!((&renamed["namespace"], &renamed["owner"]), (&json!("z"), &json!("p0")));
        ok(404, get(&s.ann, "/a").await);
        let made = join_all((0..8).map(|_| post(&s.admin, "", json!({"namespace": "race"})))).await;
        assert_eq!(made.iter().filter(|answer| answer.status == 201).count(), 1);
        assert_eq!(made.iter().filter(|answer| answer.status == 409).count(), 7);
    })
    .await;
}

#[tokio::test]
async fn nonsense_is_refused_and_the_schemas_say_what_is_none() {
    on_each(async |s| {
        ok(201, post(&s.admin, "", json!({"namespace": "n"})).await);
        for body in [
            json!({}),
            json!([]),
            json!({"namespace": 5}),
            json!({"namespace": ""}),
            json!({"namespace": "x".repeat(81)}),
            json!({"namespace": "x", "visibility": "shared"}),
            json!({"namespace": "x", "color": "red"}),
            json!({"namespace": "x", "objects": [{}]}),
            json!({"namespace": "x", "properties": {"p": {"type": "string"}}}),
        ] {
            ok(400, post(&s.admin, "", body).await);
        }
        ok(400, post(&s.admin, "/n/properties", json!({"name": "p", "title": "P", "type": "float"})).await);
        ok(400, post(&s.admin, "/n/objects", json!({"description": "none"})).await);
        ok(400, post(&s.admin, "/n/tags", json!([])).await);
        for query in ["?limit=x", "?sort_key=color", "?sort_dir=up", "?visibility=all"] {
            ok(400, get(&s.admin, query).await);
        }
        for name in ["namespace", "namespaces", "object", "property", "tags", "resource_type"] {
            ok(200, s.ann.get(&format!("/v2/schemas/metadefs/{name}")).await.unwrap());
        }
        ok(404, s.ann.get("/v2/schemas/metadefs/none").await.unwrap());
    })
    .await;
}

#[tokio::test]
async fn nothing_of_a_namespace_outlives_it() {
    let folder = tempfile::tempdir().unwrap();
    for store in stores::ALL {
        println!("on {store}");
        let place = Place::new(store, folder.path());
        let db = &open(&place.url).await.unwrap();
        let count = async || {
            [
                db.query::<MetadefObject>().count().await.unwrap(),
                db.query::<MetadefProperty>().count().await.unwrap(),
                db.query::<MetadefTag>().count().await.unwrap(),
                db.query::<MetadefAssociation>().count().await.unwrap(),
            ]
        };
        let name = |name: &str| name.to_owned();
        let whole = |namespace: &str| NewNamespace {
            namespace: MetadefNamespace { namespace: name(namespace), ..Default::default() },
            objects: vec![MetadefObject { name: name("o"), ..Default::default() }],
            properties: vec![MetadefProperty { name: name("p"), ..Default::default() }],
            tags: vec![MetadefTag { name: name("t"), ..Default::default() }],
            associations: vec![NewAssociation { name: name("r"), ..Default::default() }],
        };
        metadef_namespace_create(db, &whole("n")).await.unwrap();
        metadef_namespace_create(db, &whole("m")).await.unwrap();
        assert_eq!(count().await, [2; 4]);
        let admin = Context::admin();
        let tags = (0..4).map(|at| {
            let (db, admin, tag) =
                (db.clone(), admin.clone(), MetadefTag { name: at.to_string(), ..Default::default() });
            tokio::spawn(async move { metadef_create(&db, &admin, "n", &tag).await })
        });
        let tags: Vec<_> = tags.collect();
        metadef_namespace_delete(db, &admin, "n").await.unwrap();
        for tag in join_all(tags).await {
            let tag = tag.unwrap();
            assert!(matches!(tag, Ok(_) | Err(DbError::NotFound(_))), "{tag:?}");
        }
        assert_eq!(count().await, [1; 4]);
        let types = db.query::<MetadefResourceType>().all().await.unwrap();
        assert_eq!(types.len(), 1);
        assert!(db.delete(&types[0]).await.unwrap_err().is_foreign_key_violation(), "one is associated with it");
    }
}
