//! Quotas for one project.

use axum::body::Body;
use axum::http::{Method, header};
use futures::future::join_all;
use glance::client::{Answer, Client};
use glance::config::{Config, MIB};
use glance::service;
use serde_json::{Value, json};

use super::service::{Service, make, ok};
use super::stores;

async fn on_each(change: impl Fn(&mut Config), test: impl AsyncFn(&Service)) {
    for store in stores::ALL {
        println!("on {store}");
        let service = Service::start(store, &change).await;
        test(&service).await;
        service.running.stop().await;
    }
}

async fn create(client: &Client) -> Answer {
    client.json(Method::POST, "/v2/images", &image()).await.unwrap()
}

fn image() -> Value {
    json!({"disk_format": "raw", "container_format": "bare"})
}

/// So many MiB of data.
fn data(mib: u64) -> Vec<u8> {
    vec![7; usize::try_from(mib * MIB).unwrap()]
}

async fn usage(client: &Client, name: &str) -> (u64, u64) {
    let usage = ok(200, client.get("/v2/info/usage").await.unwrap())["usage"][name].clone();
    (usage["usage"].as_u64().unwrap(), usage["limit"].as_u64().unwrap())
}

#[tokio::test]
async fn a_project_has_so_many_images_and_no_more() {
    let limited = |config: &mut Config| config.limits.count_total = Some(2);
    on_each(limited, async |s| {
        let first = make(&s.ann, image()).await;
        make(&s.ann, image()).await;
        let refused = create(&s.ann).await;
        assert!(refused.text().contains("image_count_total is over limit of 2 due to current usage 2 and delta 1"));
        ok(413, refused);
        ok(201, create(&s.bob).await);
        assert_eq!(usage(&s.ann, "image_count_total").await, (2, 2));
        ok(204, s.ann.delete(&first).await.unwrap());
        assert_eq!(usage(&s.ann, "image_count_total").await, (1, 2));
        ok(201, create(&s.ann).await);
        let given = json!([{"op": "replace", "path": "/owner", "value": "p1"}]);
        let of_bob = make(&s.bob, image()).await;
        ok(413, s.admin.patch(&of_bob, &given).await.unwrap());
        // What needs no more passes.
        ok(200, s.admin.patch(&of_bob, &json!([{"op": "add", "path": "/a", "value": "b"}])).await.unwrap());
    })
    .await;
}

#[tokio::test]
async fn of_many_images_at_once_as_many_are_made_as_there_is_room_for() {
    let limited = |config: &mut Config| config.limits.count_total = Some(3);
    on_each(limited, async |s| {
        let answers = join_all((0..12).map(|_| create(&s.ann))).await;
        let count = |status: u16| answers.iter().filter(|answer| answer.status == status).count();
        assert_eq!((count(201), count(413)), (3, 9));
    })
    .await;
}

#[tokio::test]
async fn data_needs_room_in_the_store() {
    let limited = |config: &mut Config| config.limits.size_total = Some(2);
    on_each(limited, async |s| {
        let (first, second) = (make(&s.ann, image()).await, make(&s.ann, image()).await);
        ok(204, s.ann.put_data(&format!("{first}/file"), data(1)).await.unwrap());
        ok(413, s.ann.put_data(&format!("{second}/file"), data(2)).await.unwrap());
        // Also where nobody said how much would come.
        let chunks = futures::stream::iter([Ok::<_, std::io::Error>(data(1)), Ok(data(1))]);
        let request = s.ann.request(Method::PUT, &format!("{second}/file"));
        let request = request.header(header::CONTENT_TYPE, "application/octet-stream");
        ok(413, s.ann.send(request.body(Body::from_stream(chunks)).unwrap()).await.unwrap());
        assert_eq!(s.files("store1"), 1);
        let shown = ok(200, s.ann.get(&second).await.unwrap());
        assert_eq!((&shown["status"], &shown["size"]), (&json!("queued"), &Value::Null));
        assert_eq!(usage(&s.ann, "image_size_total").await, (1, 2));
        ok(204, s.ann.put_data(&format!("{second}/file"), data(1)).await.unwrap());
        ok(204, s.ann.delete(&first).await.unwrap());
        assert_eq!(usage(&s.ann, "image_size_total").await, (1, 2));
    })
    .await;
}

#[tokio::test]
async fn staged_data_needs_room_and_so_does_its_import() {
    let limited = |config: &mut Config| {
        config.limits.stage_total = Some(2);
        config.limits.size_total = Some(1);
    };
    on_each(limited, async |s| {
        let (first, second) = (make(&s.ann, image()).await, make(&s.ann, image()).await);
        ok(204, s.ann.put_data(&format!("{first}/stage"), data(2)).await.unwrap());
        ok(413, s.ann.put_data(&format!("{second}/stage"), data(1)).await.unwrap());
        let method = json!({"method": {"name": "glance-direct"}});
        ok(413, s.ann.json(Method::POST, &format!("{first}/import"), &method).await.unwrap());
        assert_eq!(ok(200, s.ann.get(&first).await.unwrap())["status"], "uploading");
        ok(204, s.ann.delete(&first).await.unwrap());
        ok(204, s.ann.put_data(&format!("{second}/stage"), data(1)).await.unwrap());
        ok(202, s.ann.json(Method::POST, &format!("{second}/import"), &method).await.unwrap());
    })
    .await;
}

#[tokio::test]
async fn so_many_images_are_uploaded_at_once() {
    let limited = |config: &mut Config| config.limits.count_uploading = Some(1);
    on_each(limited, async |s| {
        let (first, second) = (make(&s.ann, image()).await, make(&s.ann, image()).await);
        ok(204, s.ann.put_data(&format!("{first}/stage"), data(0)).await.unwrap());
        ok(413, s.ann.put_data(&format!("{second}/file"), "data").await.unwrap());
        ok(204, s.ann.delete(&first).await.unwrap());
        ok(204, s.ann.put_data(&format!("{second}/file"), "data").await.unwrap());
        assert_eq!(usage(&s.ann, "image_count_uploading").await, (0, 1));
    })
    .await;
}

#[tokio::test]
async fn without_limits_nothing_is_reported() {
    let s = Service::start("memory", |_| ()).await;
    make(&s.ann, image()).await;
    assert_eq!(ok(200, s.ann.get("/v2/info/usage").await.unwrap()), json!({"usage": {}}));
}

#[tokio::test]
async fn several_services_share_one_limit() {
    for store in stores::SHARED {
        let s = Service::start(store, |config| config.limits.count_total = Some(3)).await;
        let other = service::start(s.config.clone()).await.unwrap();
        let ann = Client::new(other.address(), "ann:p1:member");
        let answers = join_all((0..12).map(|at| create(if at % 2 == 0 { &s.ann } else { &ann }))).await;
        let count = |status: u16| answers.iter().filter(|answer| answer.status == status).count();
        assert_eq!((count(201), count(413)), (3, 9));
        assert_eq!(usage(&ann, "image_count_total").await, (3, 3));
    }
}
