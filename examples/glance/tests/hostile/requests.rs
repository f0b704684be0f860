//! Requests that would make the service do much, or keep much.

use axum::http::Method;
use futures::future::join_all;
use serde_json::{Value, json};

use super::program::Program;
use super::{answer, head, send, start, status};

/// MiB that a service may take for requests that it refuses.
const LITTLE: u64 = 64;

async fn make(program: &Program, image: &Value) -> (u16, Value) {
    let answer = program.client.json(Method::POST, "/v2/images", image).await.unwrap();
    (answer.status.as_u16(), answer.json())
}

#[tokio::test]
async fn a_sort_key_given_again_is_refused_however_often() {
    let (program, _folder) = start(&[]);
    let marker = program.make().await.rsplit_once('/').unwrap().1.to_owned();
    let before = program.peak();
    for n in [2, 400, 4_000, 12_000] {
        for query in [format!("sort={}", vec!["name"; n].join(",")), vec!["sort_key=name"; n.min(4_000)].join("&")] {
            let answer = program.client.get(&format!("/v2/images?limit=1&marker={marker}&{query}")).await.unwrap();
            assert_eq!(answer.status, 400, "{n}");
            assert!(answer.text().contains("The sort key name is given more than once."), "{}", answer.text());
        }
    }
    let all = "sort=name,status,container_format,disk_format,size,created_at,updated_at,id";
    let answer = program.client.get(&format!("/v2/images?limit=1&marker={marker}&{all}")).await.unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(program.peak() < before + LITTLE, "{} of {before}", program.peak());
}

#[tokio::test]
async fn what_a_request_asks_for_has_a_number() {
    let (program, _folder) = start(&["--show-locations"]);
    let path = program.make().await;
    let before = program.peak();
    let tags: Vec<String> = (0..70_000).map(|at| format!("{at:x}")).collect();
    let all: Vec<String> = (0..12_000).map(|at| at.to_string()).collect();
    let (status, said) = make(&program, &json!({ "tags": tags })).await;
    assert_eq!(status, 413, "{said}");
    let patch = |operations: Value| {
        let (client, path) = (program.client.clone(), path.clone());
        async move { client.patch(&path, &operations).await.unwrap() }
    };
    let location = |at: usize| json!({"url": format!("http://h/{at}"), "metadata": {}});
    let many: Vec<Value> =
        (0..8_000).map(|at| json!({"op": "add", "path": "/locations/-", "value": location(at)})).collect();
    let properties: Vec<Value> =
        (0..8_000).map(|at| json!({"op": "add", "path": format!("/p{at}"), "value": "x"})).collect();
    let answers = join_all([
        patch(json!([{"op": "replace", "path": "/tags", "value": tags}])),
        patch(json!([{"op": "replace", "path": "/locations", "value": (0..8_000).map(location).collect::<Vec<_>>()}])),
        patch(many.into()),
        patch(properties.into()),
    ])
    .await;
    for (answer, said) in answers.iter().zip(["tags", "locations", "locations", "properties"]) {
        assert_eq!(answer.status, 413, "{}", answer.text());
        assert!(answer.text().contains(&format!("allowed image {said}")), "{}", answer.text());
    }
    for (query, said) in [
        (all.iter().map(|at| format!("tag={at}")).collect::<Vec<_>>().join("&"), "at most 64 filters (--max-filters)"),
        (all.iter().map(|at| format!("{at}=")).collect::<Vec<_>>().join("&"), "at most 64 filters (--max-filters)"),
        (format!("id=in:{}", all.join(",")), "at most 1000 (--max-filter-values)"),
    ] {
        let answer = program.client.get(&format!("/v2/images?{}", &query[..query.len().min(60_000)])).await.unwrap();
        assert_eq!((answer.status.as_u16(), answer.text().contains(said)), (400, true), "{}", answer.text());
    }
    // A head and a body of any size.
    let answer = program.client.get(&format!("/{}", "x".repeat(60_000))).await.unwrap();
    assert_eq!(answer.status, 404);
    let long = head("GET", "/healthz", "", &format!("X-Long: {}\r\n\r\n", "x".repeat(200_000)));
    assert_eq!(super::status(&super::answer(send(program.address, &long).await).await), 431);
    let (status, said) = make(&program, &json!({ "name": "x".repeat(2 << 20) })).await;
    assert_eq!(status, 413, "{said}");
    assert!(program.peak() < before + 3 * LITTLE, "{} of {before}", program.peak());
    assert!(program.is_well().await);
}

#[tokio::test]
async fn values_and_all_of_an_image_have_a_size() {
    let (program, _folder) = start(&["--show-locations"]);
    let value = |bytes: usize| "x".repeat(bytes);
    let (status, said) = make(&program, &json!({"a": value(65_537)})).await;
    assert_eq!(status, 413, "{said}");
    let (status, made) = make(&program, &json!({"a": value(65_536), "b": value(65_536), "c": value(65_536)})).await;
    assert_eq!(status, 201, "{made}");
    let path = made["self"].as_str().unwrap();
    for (name, bytes, said) in [
        ("/d", 65_537, "the value of property d. Attempted: 65537, Maximum: 65536 (--image-property-size)"),
        ("/d", 65_536, "all properties of an image. Attempted: 262148, Maximum: 262144 (--image-properties-size)"),
    ] {
        let patch = json!([{"op": "add", "path": name, "value": value(bytes)}]);
        let answer = program.client.patch(path, &patch).await.unwrap();
        assert_eq!((answer.status.as_u16(), answer.text().contains(said)), (413, true), "{}", answer.text());
    }
    let location = |bytes| json!({"url": "http://h/a", "metadata": {"a": value(bytes)}});
    for (bytes, status) in [(65_536, 413), (65_530, 413), (1_000, 200)] {
        let patch = json!([{"op": "add", "path": "/locations/-", "value": location(bytes)}]);
        let answer = program.client.patch(path, &patch).await.unwrap();
        assert_eq!(answer.status, status, "{}", answer.text());
    }
    // What is large already may become smaller.
    let patch = json!([{"op": "remove", "path": "/a"}, {"op": "add", "path": "/d", "value": value(65_536)}]);
    assert_eq!(program.client.patch(path, &patch).await.unwrap().status, 200);
}

/// Makes images of 200 KB each.
async fn make_large(program: &Program, images: usize) {
    let large = json!({"a": "a".repeat(60_000), "b": "b".repeat(60_000), "c": "\u{1}".repeat(60_000)});
    for _ in 0..images {
        assert_eq!(make(program, &large).await.0, 201);
    }
}

#[tokio::test]
async fn a_list_has_a_size_and_goes_on_where_it_ended() {
    let (program, _folder) = start(&["--max-list-size", "1024"]);
    make_large(&program, 70).await;
    let before = program.peak();
    for limit in [1000, 30, 20, 3, 1] {
        let (mut next, mut seen, mut longest) = (Some(format!("/v2/images?limit={limit}")), Vec::new(), 0);
        while let Some(path) = next {
            let page = program.client.get(&path).await.unwrap();
            longest = longest.max(page.body.len());
            let page = page.json();
            let images = page["images"].as_array().unwrap();
            assert!(!images.is_empty() || seen.len() == 70, "{limit}");
            seen.extend(images.iter().map(|image| image["id"].as_str().unwrap().to_owned()));
            next = page["next"].as_str().map(str::to_owned);
        }
        assert_eq!(seen.len(), 70, "{limit}");
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), 70, "{limit}");
        assert!(longest <= 1 << 20, "{longest}");
    }
    assert!(program.peak() < before + 2 * LITTLE, "{} of {before}", program.peak());
}

#[tokio::test]
async fn answers_that_nobody_takes_have_a_bound_and_others_get_theirs() {
    // So large that they do not fit what the system keeps for a connection.
    let (program, _folder) = start(&["--answer-timeout", "3600", "--max-list-size", "65536"]);
    make_large(&program, 30).await;
    let bob = program.client_of("bob:p2:member");
    for _ in 0..3 {
        let large = json!({"a": "a".repeat(60_000), "b": "b".repeat(60_000)});
        assert_eq!(bob.json(Method::POST, "/v2/images", &large).await.unwrap().status, 201);
    }
    let before = program.peak();
    let request = head("GET", "/v2/images?limit=1000", "ann:p1:member", "Connection: close\r\n\r\n");
    let mut refused = 0;
    let mut taken = Vec::new();
    for _ in 0..40 {
        let stream = send(program.address, &request).await;
        let mut begin = [0; 12];
        while stream.peek(&mut begin).await.unwrap() < begin.len() {}
        if begin.ends_with(b"200") {
            taken.push(stream);
        } else {
            let said = answer(stream).await;
            assert_eq!(status(&said), 503, "{said}");
            assert!(said.contains("retry-after: 1\r\n") && said.contains("--max-waiting-answers"), "{said}");
            refused += 1;
        }
    }
    assert!(refused > 20 && !taken.is_empty(), "{refused}");
    assert!(program.peak() < before + 3 * LITTLE, "{} of {before}", program.peak());
    let list = bob.get("/v2/images?limit=1000").await.unwrap();
    assert_eq!((list.status.as_u16(), list.json()["images"].as_array().unwrap().len()), (200, 3));
    // A client that takes what it asked for gets all of it.
    let last = answer(taken.pop().unwrap()).await;
    assert!(last.ends_with('}'));
}
