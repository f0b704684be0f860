//! Image data: upload, download, ranges, staging and import.

use axum::http::Method;
use bytes::Bytes;
use glance::client::Client;
use glance::config::Hash;
use glance::data::Hasher;
use serde_json::{Value, json};

use super::service::{Service, make, make_active, ok, on_each};

/// Data that is the same each time and that no two chunks of share.
fn data(bytes: u32) -> Bytes {
    (0..bytes).map(|at| (at.wrapping_mul(2_654_435_761) >> 24).to_le_bytes()[0]).collect()
}

/// Asks again until an image has a status; an import goes on after its request was answered.
async fn until(client: &Client, path: &str, status: &str) -> Value {
    for _ in 0..1_000 {
        let image = ok(200, client.get(path).await.unwrap());
        if image["status"] == status {
            return image;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("the image never became {status}");
}

#[tokio::test]
async fn data_comes_back_as_it_went_with_its_hashes() {
    on_each(async |s| {
        let path = make(&s.ann, json!({})).await;
        let file = format!("{path}/file");
        ok(204, s.ann.get(&file).await.unwrap());
        let sent = data(3 << 20);
        ok(204, s.ann.put_data(&file, sent.clone()).await.unwrap());
        let mut hasher = Hasher::new(Hash::Sha512);
        hasher.update(&sent);
        let digests = hasher.finish();
        let image = ok(200, s.ann.get(&path).await.unwrap());
        assert_eq!((&image["status"], &image["size"]), (&json!("active"), &json!(sent.len())));
        assert_eq!((&image["checksum"], &image["os_hash_algo"]), (&json!(digests.checksum), &json!("sha512")));
        assert_eq!((&image["os_hash_value"], &image["stores"]), (&json!(digests.hash_value), &json!("store1")));
        let got = s.ann.get(&file).await.unwrap();
        assert_eq!((got.status.as_u16(), got.header("content-md5")), (200, digests.checksum.as_str()));
        assert_eq!(got.header("content-length"), sent.len().to_string());
        assert!(got.body == sent);
        ok(409, s.ann.put_data(&file, "again").await.unwrap());
    })
    .await;
}

#[tokio::test]
async fn an_empty_upload_is_an_active_image_of_no_bytes() {
    on_each(async |s| {
        let path = make_active(&s.ann, "").await;
        assert_eq!(ok(200, s.ann.get(&path).await.unwrap())["size"], 0);
        let got = s.ann.get(&format!("{path}/file")).await.unwrap();
        assert_eq!((got.status.as_u16(), got.body.len()), (200, 0));
    })
    .await;
}

#[tokio::test]
async fn ranges_are_parts() {
    on_each(async |s| {
        let path = make_active(&s.ann, "0123456789").await;
        let get = async |range: &str| {
            let request = s.ann.request(Method::GET, &format!("{path}/file")).header("range", range);
            s.ann.send(request.body(axum::body::Body::empty()).unwrap()).await.unwrap()
        };
        for (range, part, shown) in [
            ("bytes=0-3", "0123", "bytes 0-3/10"),
            ("bytes=7-", "789", "bytes 7-9/10"),
            ("bytes=-2", "89", "bytes 8-9/10"),
        ] {
            let got = get(range).await;
            assert_eq!((got.status.as_u16(), got.text().as_str(), got.header("content-range")), (206, part, shown));
            assert_eq!(got.header("content-md5"), "");
        }
        let beyond = get("bytes=10-").await;
        assert_eq!((beyond.status.as_u16(), beyond.header("content-range")), (416, "bytes */10"));
        ok(416, get("bytes=99999999999999999999-").await);
        ok(400, get("bytes=0-1,3-4").await);
    })
    .await;
}

#[tokio::test]
async fn staged_data_is_imported() {
    on_each(async |s| {
        let path = make(&s.ann, json!({"disk_format": "raw"})).await;
        let import = async |body: Value| s.ann.json(Method::POST, &format!("{path}/import"), &body).await.unwrap();
        let direct = json!({"method": {"name": "glance-direct"}});
        ok(409, import(direct.clone()).await);
        ok(204, s.ann.put_data(&format!("{path}/stage"), "staged data").await.unwrap());
        let staged = ok(200, s.ann.get(&path).await.unwrap());
        assert_eq!((&staged["status"], &staged["size"]), (&json!("uploading"), &json!(11)));
        ok(409, s.ann.put_data(&format!("{path}/stage"), "again").await.unwrap());
        ok(409, import(direct.clone()).await);
        let bare = json!([{"op": "replace", "path": "/container_format", "value": "bare"}]);
        ok(403, s.ann.patch(&path, &bare).await.unwrap());
        ok(400, import(json!({"method": {"name": "web-download"}})).await);
        ok(400, import(json!({"method": "glance-direct"})).await);
        ok(400, import(json!({})).await);
        ok(409, import(json!({"method": {"name": "glance-direct"}, "stores": ["other"]})).await);
        ok(204, s.ann.delete(&path).await.unwrap());
        assert_eq!(s.files("staging"), 0);
    })
    .await;
    on_each(async |s| {
        let path = make(&s.ann, json!({"disk_format": "raw", "container_format": "bare"})).await;
        ok(204, s.ann.put_data(&format!("{path}/stage"), "staged data").await.unwrap());
        let direct = json!({"method": {"name": "glance-direct"}, "stores": ["store1"]});
        ok(404, s.bob.json(Method::POST, &format!("{path}/import"), &direct).await.unwrap());
        ok(202, s.ann.json(Method::POST, &format!("{path}/import"), &direct).await.unwrap());
        let image = until(&s.ann, &path, "active").await;
        assert_eq!((&image["size"], &image["checksum"]), (&json!(11), &json!("28a8a2a9b42e874de08687bc9a401d46")));
        assert_eq!(s.ann.get(&format!("{path}/file")).await.unwrap().text(), "staged data");
        assert_eq!((s.files("staging"), s.files("store1")), (0, 1));
        ok(409, s.ann.json(Method::POST, &format!("{path}/import"), &direct).await.unwrap());
    })
    .await;
}

#[tokio::test]
async fn of_many_uploads_at_once_one_gets_in() {
    on_each(async |s: &Service| {
        let path = make(&s.ann, json!({})).await;
        let uploads = (0..8).map(|n| {
            let (client, path) = (s.ann.clone(), format!("{path}/file"));
            async move { (n, client.put_data(&path, format!("data of {n}")).await.unwrap().status.as_u16()) }
        });
        let done = futures::future::join_all(uploads).await;
        let won: Vec<i32> = done.iter().filter(|(_, status)| *status == 204).map(|(n, _)| *n).collect();
        assert_eq!(won.len(), 1, "{done:?}");
        assert!(done.iter().all(|(_, status)| matches!(status, 204 | 409)), "{done:?}");
        assert_eq!(s.ann.get(&format!("{path}/file")).await.unwrap().text(), format!("data of {}", won[0]));
        assert_eq!((s.files("store1"), s.files("incoming")), (1, 0));
    })
    .await;
}
