//! Bad input: a clear error each, and nothing lost or left over.

use std::time::Duration;

use axum::http::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::service::{Service, make, make_active, names, ok, on_each};

/// Sends the beginning of an upload and hangs up.
async fn cut_upload(s: &Service, path: &str, headers: &str, part: &[u8]) {
    let mut stream = TcpStream::connect(s.running.address()).await.unwrap();
    let head = format!(
        "PUT {path} HTTP/1.1\r\nHost: localhost\r\nX-Auth-Token: ann:p1:member\r\n\
         Content-Type: application/octet-stream\r\n{headers}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(part).await.unwrap();
    stream.flush().await.unwrap();
    // The service has begun once the image is no longer queued.
    let image = path.rsplit_once('/').unwrap().0;
    while ok(200, s.ann.get(image).await.unwrap())["status"] == "queued" {
        tokio::task::yield_now().await;
    }
}

/// Asks until an upload has ended one way or the other.
async fn settled(s: &Service, path: &str) -> Value {
    for _ in 0..1_000 {
        let image = ok(200, s.ann.get(path).await.unwrap());
        if !matches!(image["status"].as_str(), Some("saving" | "uploading")) {
            return image;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the upload never ended");
}

#[tokio::test]
async fn a_cut_upload_leaves_nothing_and_the_image_is_queued_again() {
    on_each(async |s| {
        let chunked = b"4\r\nabcd\r\n8\r\nabc".as_slice();
        for (headers, part) in
            [("Content-Length: 1000000", b"abcd".as_slice()), ("Transfer-Encoding: chunked", chunked)]
        {
            for to in ["file", "stage"] {
                let path = make(&s.ann, json!({})).await;
                cut_upload(s, &format!("{path}/{to}"), headers, part).await;
                let image = settled(s, &path).await;
                assert_eq!((&image["status"], &image["size"]), (&json!("queued"), &Value::Null), "{headers} {to}");
                assert_eq!((s.files("store1"), s.files("staging"), s.files("incoming")), (0, 0, 0));
                ok(204, s.ann.put_data(&format!("{path}/file"), "whole").await.unwrap());
                ok(204, s.ann.delete(&path).await.unwrap());
            }
        }
    })
    .await;
}

#[tokio::test]
async fn an_upload_to_an_image_that_is_deleted_meanwhile_leaves_nothing() {
    on_each(async |s| {
        let path = make(&s.ann, json!({})).await;
        let mut stream = TcpStream::connect(s.running.address()).await.unwrap();
        let head = format!(
            "PUT {path}/file HTTP/1.1\r\nHost: localhost\r\nX-Auth-Token: ann:p1:member\r\nConnection: close\r\n\
             Content-Type: application/octet-stream\r\nContent-Length: 8\r\n\r\nabcd"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        while ok(200, s.ann.get(&path).await.unwrap())["status"] != "saving" {
            tokio::task::yield_now().await;
        }
        ok(204, s.ann.delete(&path).await.unwrap());
        stream.write_all(b"efgh").await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 410"), "{answer}");
        assert_eq!((s.files("store1"), s.files("incoming")), (0, 0));
    })
    .await;
}

#[tokio::test]
async fn uploads_say_truly_what_they_are() {
    on_each(async |s| {
        let path = make(&s.ann, json!({})).await;
        let file = format!("{path}/file");
        ok(415, s.ann.json(Method::PUT, &file, &json!({})).await.unwrap());
        for (size, status) in [("x", 400), ("5", 400), ("4", 204)] {
            let request = s.ann.request(Method::PUT, &file).header("content-type", "application/octet-stream");
            let request = request.header("x-openstack-image-size", size).body("data".into()).unwrap();
            ok(status, s.ann.send(request).await.unwrap());
        }
        ok(404, s.ann.put_data("/v2/images/unknown/file", "data").await.unwrap());
    })
    .await;
}

#[tokio::test]
async fn a_large_upload_that_is_refused_still_reads_its_answer() {
    on_each(async |s| {
        let path = make_active(&s.ann, "data").await;
        ok(409, s.ann.put_data(&format!("{path}/file"), vec![0; 4 << 20]).await.unwrap());
    })
    .await;
}

#[tokio::test]
async fn malformed_bodies_are_refused() {
    on_each(async |s| {
        let media = "application/openstack-images-v2.1-json-patch";
        let path = make(&s.ann, json!({"name": "a"})).await;
        let before = ok(200, s.ann.get(&path).await.unwrap());
        let deep = "[".repeat(100_000);
        for (body, status) in [("", 400), ("[", 400), ("{}", 400), ("[1]", 400), (deep.as_str(), 400), ("\u{0}", 400)] {
            ok(status, s.ann.body(Method::PATCH, &path, media, body.to_owned()).await.unwrap());
        }
        let huge = format!("[\"{}\"]", "x".repeat(2 << 20));
        ok(413, s.ann.body(Method::PATCH, &path, media, huge).await.unwrap());
        let answer = s.ann.body(Method::PATCH, &path, "application/json", "[]").await.unwrap();
        assert!(answer.header("accept-patch").contains("v2.1-json-patch"));
        ok(415, answer);
        assert_eq!(ok(200, s.ann.get(&path).await.unwrap()), before);
        for body in ["", "nonsense", "[]", "5", "{\"name\": 5}", "{\"tags\": \"x\"}", "{\"disk_format\": \"floppy\"}"] {
            ok(400, s.ann.body(Method::POST, "/v2/images", "application/json", body).await.unwrap());
        }
        for (name, value, status) in [
            ("status", json!("active"), 403),
            ("size", json!(5), 403),
            ("self", json!("x"), 403),
            ("created_at", json!("x"), 403),
            ("os_glance_x", json!("x"), 403),
            ("OS_GLANCE_x", json!("x"), 403),
            ("", json!("x"), 400),
            ("a\nb", json!("x"), 400),
            ("tags", json!(["a\u{0}"]), 400),
            ("tags", json!(["a\nb"]), 400),
            ("deleted", json!("x"), 403),
            ("locations", json!([{"url": "http://a/b", "metadata": {}}]), 403),
            ("locations", json!(5), 400),
            ("color", json!(5), 400),
            ("id", json!("x"), 400),
            (&"x".repeat(256), json!("x"), 400),
        ] {
            ok(status, s.ann.json(Method::POST, "/v2/images", &json!({name: value})).await.unwrap());
        }
        for tag in ["%00", "a%0Ab", "%1B%5B2J"] {
            let put =
                s.ann.request(Method::PUT, &format!("{path}/tags/{tag}")).body(axum::body::Body::empty()).unwrap();
            let answer = s.ann.send(put).await.unwrap();
            assert!(!answer.text().contains(['\u{0}', '\u{1b}']), "{}", answer.text());
            ok(400, answer);
        }
        let member = json!({"member": "p\u{1b}"});
        ok(400, s.ann.json(Method::POST, &format!("{path}/members"), &member).await.unwrap());
        assert_eq!(names(&s.ann, "").await, ["a"]);
    })
    .await;
}

#[tokio::test]
async fn nonsense_in_a_list_is_refused() {
    on_each(async |s| {
        make(&s.ann, json!({})).await;
        for query in [
            "limit=x",
            "limit=-1",
            "sort=color",
            "sort=name:up",
            "sort=name&sort_key=name",
            "sort=name,name",
            "sort=name:asc,size,name:desc",
            "sort_key=size&sort_key=size",
            "sort_dir=asc&sort_dir=desc",
            "visibility=secret",
            "member_status=maybe",
            "os_hidden=maybe",
            "protected=1",
            "changes-since=2020-01-01",
            "size_min=x",
            "min_ram=x",
            "name=like:a",
            "name=in:%22a",
            "created_at=2020",
            "created_at=near:2020-01-01",
            "created_at=gt:yesterday",
            "status=not:active",
            "marker=unknown",
            "marker=71c675ab-d94f-49cd-a114-e12490b328d9",
        ] {
            let answer = s.ann.get(&format!("/v2/images?{query}")).await.unwrap();
            assert_eq!(answer.status, 400, "{query}: {}", answer.text());
        }
        // Whether there is an image that the caller does not see is not told.
        let private = make(&s.ann, json!({"visibility": "private"})).await;
        let marker = async |id: &str| {
            let answer = s.bob.get(&format!("/v2/images?marker={id}")).await.unwrap();
            (answer.status.as_u16(), answer.text().replace(id, "ID"))
        };
        let there = marker(private.rsplit_once('/').unwrap().1).await;
        assert_eq!(there, marker("71c675ab-d94f-49cd-a114-e12490b328d9").await);
        assert_eq!(there.0, 400);
    })
    .await;
}

#[tokio::test]
async fn filters_longer_than_anything_stored_match_nothing() {
    on_each(async |s| {
        make(&s.ann, json!({"name": "a", "color": "red"})).await;
        let long = "x".repeat(5_000);
        for query in ["name=", "name=in:a,", "status=", "owner=", "tag=", "color=", "disk_format=", "id="] {
            let found = names(&s.ann, &format!("{query}{long}")).await;
            assert_eq!(found.len(), usize::from(query.contains("in:a")), "{query}");
        }
        assert_eq!(names(&s.ann, &format!("{long}=x")).await.len(), 0);
        ok(400, s.ann.get(&format!("/v2/images?marker={long}")).await.unwrap());
    })
    .await;
}

#[tokio::test]
async fn strange_ids_are_not_found() {
    on_each(async |s| {
        for id in ["x", "..%2F..%2Fetc%2Fpasswd", &"x".repeat(300), "%00", "%F0%9F%98%80", "71C675AB"] {
            for path in [format!("/v2/images/{id}"), format!("/v2/images/{id}/file")] {
                let answer = s.ann.get(&path).await.unwrap();
                assert_eq!(answer.status, 404, "{path}: {}", answer.text());
            }
        }
    })
    .await;
}

#[tokio::test]
async fn an_error_is_said_in_what_the_request_accepts() {
    on_each(async |s| {
        let get = async |accept: &str| {
            let request = s.ann.request(Method::GET, "/v2/images/a%3Cb%3E").header("accept", accept);
            s.ann.send(request.body(axum::body::Body::empty()).unwrap()).await.unwrap()
        };
        let html = get("*/*").await;
        assert!(html.header("content-type").starts_with("text/html"));
        assert!(html.text().contains("<title>404 Not Found</title>") && html.text().contains("a&lt;b&gt;"));
        let said = get("application/json").await.json();
        assert_eq!((&said["code"], &said["title"]), (&json!("404 Not Found"), &json!("Not Found")));
        assert_eq!(said["message"], "No image found with ID a<b>");
        assert!(get("text/plain").await.text().contains("No image found with ID a<b>"));
    })
    .await;
}
