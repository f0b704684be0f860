//! Locations, where they are shown.

use serde_json::{Value, json};

use super::service::{Service, make, make_active, ok};

async fn service() -> Service {
    Service::start("memory", |config| {
        config.show_locations = true;
        config.show_direct_url = true;
        config.quotas.locations = 2;
    })
    .await
}

#[tokio::test]
async fn locations_are_added_changed_and_removed() {
    let s = service().await;
    let path = make_active(&s.ann, "data").await;
    let image = ok(200, s.ann.get(&path).await.unwrap());
    let own = image["locations"][0]["url"].as_str().unwrap().to_owned();
    assert!(own.starts_with("file:///"));
    assert_eq!((&image["direct_url"], &image["locations"][0]["metadata"]["store"]), (&json!(own), &json!("store1")));

    let patch = async |patch: Value| s.ann.patch(&path, &json!([patch])).await.unwrap();
    let add = |url: &str| json!({"op": "add", "path": "/locations/-", "value": {"url": url, "metadata": {}}});
    ok(403, patch(json!({"op": "remove", "path": "/locations/0"})).await);
    let image = ok(200, patch(add("http://host/image")).await);
    assert_eq!(image["locations"][1], json!({"url": "http://host/image", "metadata": {}}));
    ok(400, patch(add("http://host/image")).await);
    ok(400, patch(add("file:///etc/passwd")).await);
    ok(413, patch(add("http://host/other")).await);

    let both = json!([{"url": own, "metadata": {"store": "store1", "speed": 1}}, {"url": "http://host/image", "metadata": {}}]);
    let image = ok(200, patch(json!({"op": "replace", "path": "/locations", "value": both})).await);
    assert_eq!(image["locations"], both);
    ok(403, patch(json!({"op": "replace", "path": "/locations", "value": []})).await);
    assert_eq!(s.ann.get(&format!("{path}/file")).await.unwrap().text(), "data");

    ok(400, patch(json!({"op": "remove", "path": "/locations/2"})).await);
    let image = ok(200, patch(json!({"op": "remove", "path": "/locations/0"})).await);
    assert_eq!(image["locations"], json!([{"url": "http://host/image", "metadata": {}}]));
    assert_eq!(s.files("store1"), 0, "the data of a location goes with it");
    ok(400, s.ann.get(&format!("{path}/file")).await.unwrap());
}

#[tokio::test]
async fn a_location_makes_a_queued_image_active() {
    let s = service().await;
    let path = make(&s.ann, json!({})).await;
    let location = json!({"url": "https://host/image", "metadata": {},
        "validation_data": {"checksum": "0".repeat(32), "os_hash_algo": "sha512", "os_hash_value": "a".repeat(128)}});
    let add = json!([{"op": "add", "path": "/locations/0", "value": location}]);
    let image = ok(200, s.ann.patch(&path, &add).await.unwrap());
    assert_eq!((&image["status"], &image["checksum"]), (&json!("active"), &json!("0".repeat(32))));
    let other = json!([{"op": "add", "path": "/locations/-", "value": {"url": "https://b/c", "metadata": {},
        "validation_data": {"os_hash_algo": "sha512", "os_hash_value": "b".repeat(128)}}}]);
    ok(409, s.ann.patch(&path, &other).await.unwrap());
    ok(
        400,
        s.ann
            .patch(
                &path,
                &json!([{"op": "add", "path": "/locations/x", "value": {"url": "http://a/b", "metadata": {}}}]),
            )
            .await
            .unwrap(),
    );
}
