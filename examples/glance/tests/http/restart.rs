//! What a service finds again, and what it mends, when it starts.

use glance::db::{self, Context, GetOptions, ImageStatus, ImageValues, UpdateOptions};
use glance::service;
use serde_json::json;

use super::service::{Service, make, make_active, ok};
use super::stores;

#[tokio::test]
async fn images_and_their_data_are_there_after_a_restart() {
    for store in stores::LASTING {
        let s = Service::start(store, |_| ()).await;
        let path = make_active(&s.ann, "data").await;
        let before = ok(200, s.ann.get(&path).await.unwrap());
        let Service { folder, place, config, running, .. } = s;
        running.stop().await;
        let s = Service::on(folder, place, config).await;
        assert_eq!(ok(200, s.ann.get(&path).await.unwrap()), before);
        assert_eq!(s.ann.get(&format!("{path}/file")).await.unwrap().text(), "data");
    }
}

#[tokio::test]
async fn a_second_service_on_the_same_embedded_store_is_refused() {
    let s = Service::start("embedded", |_| ()).await;
    let error = service::start(s.config.clone()).await.unwrap_err();
    assert!(error.to_string().contains("cannot be opened"), "{error}");
    ok(200, s.ann.get("/v2/images").await.unwrap());
}

#[tokio::test]
async fn a_store_or_an_address_that_cannot_be_is_refused() {
    let s = Service::start("memory", |_| ()).await;
    for store in ["sql:x", "embedded:", "memory:x"] {
        let config = glance::config::Config { store: store.to_owned(), ..s.config.clone() };
        assert!(service::start(config).await.unwrap_err().to_string().contains(store));
    }
    let taken = glance::config::Config { listen: s.running.address(), ..s.config.clone() };
    assert!(service::start(taken).await.unwrap_err().to_string().contains("cannot listen"));
    let file = s.folder.path().join("file");
    std::fs::write(&file, "x").unwrap();
    let config = glance::config::Config { data: file, ..s.config.clone() };
    assert!(service::start(config).await.unwrap_err().to_string().contains("data folder"));
}

/// Leaves images and files as a service does that is killed while data comes in.
#[tokio::test]
async fn what_a_killed_service_left_is_mended() {
    for store in stores::LASTING {
        mended_on(store).await;
    }
}

async fn mended_on(store: &str) {
    let s = Service::start(store, |_| ()).await;
    let formats = json!({"disk_format": "raw", "container_format": "bare"});
    let mut paths = Vec::new();
    for _ in 0..5 {
        paths.push(make(&s.ann, formats.clone()).await);
    }
    let id = |at: usize| paths[at].rsplit_once('/').unwrap().1.to_owned();
    let Service { folder, place, config, running, .. } = s;
    running.stop().await;
    let left = [
        (ImageStatus::Saving, Some("store1"), "queued"),
        (ImageStatus::Uploading, None, "queued"),
        (ImageStatus::Uploading, Some("staging"), "uploading"),
        (ImageStatus::Importing, Some("staging"), "active"),
        (ImageStatus::Importing, Some("store1"), "active"),
    ];
    {
        let db = db::open(&config.store).await.unwrap();
        for (at, (status, area, _)) in left.iter().enumerate() {
            let values = ImageValues { status: Some(*status), ..ImageValues::default() };
            db::image_update(&db, &Context::admin(), &id(at), &values, &UpdateOptions::default()).await.unwrap();
            if let Some(area) = area {
                std::fs::write(config.data.join(area).join(id(at)), "data").unwrap();
            }
        }
        std::fs::write(config.data.join("incoming/half"), "da").unwrap();
        std::fs::write(config.data.join(format!("busy/{}.1", id(0))), "").unwrap();
    }
    let s = Service::on(folder, place, config.clone()).await;
    // Imports go on in the background; a graceful stop waits for them.
    s.running.stop().await;
    let db = db::open(&config.store).await.unwrap();
    for (at, (_, _, status)) in left.iter().enumerate() {
        let image = db::image_get(&db, &Context::admin(), &id(at), GetOptions::default()).await.unwrap().image;
        assert_eq!(image.status.label(), *status, "{at}");
        assert_eq!(image.checksum.is_some(), *status == "active", "{at}");
    }
    let count = |area: &str| config.data.join(area).read_dir().unwrap().count();
    assert_eq!((count("incoming"), count("busy"), count("staging"), count("store1")), (0, 0, 1, 2));
    drop(s.folder);
}
