//! Who is believed.

use axum::body::Body;
use axum::http::{HeaderValue, Method};
use glance::client::Answer;
use serde_json::json;

use super::program::Program;
use super::{answer, head, send, start, status};

const ADMIN: [(&str, &str); 3] = [("x-identity-status", "Confirmed"), ("x-roles", "admin"), ("x-project-id", "p1")];

async fn ask(program: &Program, headers: &[(&str, &str)]) -> Answer {
    let client = program.client_of("");
    let request = headers.iter().fold(client.request(Method::GET, "/v2/tasks"), |request, (name, value)| {
        request.header(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap())
    });
    client.send(request.body(Body::empty()).unwrap()).await.unwrap()
}

#[tokio::test]
async fn on_an_address_that_others_reach_nobody_is_believed_unless_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("secret");
    std::fs::write(&file, "a secret of the proxy\n").unwrap();
    let (file, right) = (file.to_str().unwrap(), ("x-proxy-secret", "a secret of the proxy"));
    let public = ["--listen", "0.0.0.0:0"];
    for (options, secret, accepted, logged) in [
        (&[][..], None, false, "nobody can say who asks"),
        (&["--trust-proxy", "127.0.0.1"][..], None, true, "127.0.0.1/32"),
        (&["--trust-proxy", "10.0.0.1,127.0.0.0/8"][..], None, true, "127.0.0.0/8"),
        (&["--trust-proxy", "10.0.0.0/8"][..], None, false, "10.0.0.0/8"),
        (&["--trust-proxy-secret-file", file][..], Some(right), true, "identity headers are believed from"),
        (&["--trust-proxy-secret-file", file][..], None, false, "identity headers are believed from"),
        (&["--trust-proxy-secret-file", file][..], Some(("x-proxy-secret", "another")), false, "believed"),
        (&["--trust-proxy-secret-file", file, "--trust-proxy", "10.0.0.0/8"][..], Some(right), false, "10.0.0.0/8"),
        (&["--trust-tokens"][..], None, false, "--trust-tokens"),
    ] {
        let (program, _folder) = start(&[&public[..], options].concat());
        let all: Vec<_> = ADMIN.into_iter().chain(secret).collect();
        let answered = ask(&program, &all).await;
        let (expected, said) = if accepted { (200, "tasks") } else { (401, "--trust-proxy") };
        assert_eq!(answered.status, expected, "{options:?}: {}", answered.text());
        assert!(answered.text().contains(said), "{}", answered.text());
        // A token is believed where tokens are, whatever is said of proxies.
        let token = program.client_of("root:p0:admin").get("/v2/tasks").await.unwrap();
        assert_eq!(token.status == 200, options.contains(&"--trust-tokens"), "{}", token.text());
        assert!(program.is_well().await);
        let log = std::fs::read_to_string(&program.log).unwrap();
        assert!(log.contains(logged) && !log.contains("a secret of the proxy"), "{log}");
    }
}

#[tokio::test]
async fn on_loopback_headers_are_believed_unless_others_are_named() {
    let (program, _folder) = start(&[]);
    assert_eq!(ask(&program, &ADMIN).await.status, 200);
    let (program, _folder) = start(&["--trust-proxy", "10.0.0.0/8"]);
    assert_eq!(ask(&program, &ADMIN).await.status, 401);
}

#[tokio::test]
async fn doubtful_headers_are_refused() {
    let (program, _folder) = start(&[]);
    for more in
        [("x-roles", "reader"), ("x-project-id", "p1"), ("x-identity-status", "Confirmed"), ("x-tenant-id", "p2")]
    {
        let answered = ask(&program, &ADMIN.into_iter().chain([more]).collect::<Vec<_>>()).await;
        assert_eq!((answered.status.as_u16(), answered.text().contains(more.0)), (400, true), "{}", answered.text());
    }
    let unreadable = [("x-identity-status", "Confirmed"), ("x-roles", "member"), ("x-project-id", "proj\u{e9}")];
    let answered = ask(&program, &unreadable).await;
    assert_eq!(
        (answered.status.as_u16(), answered.text().contains("x-project-id")),
        (400, true),
        "{}",
        answered.text()
    );
    let twice = head("GET", "/v2/images", "ann:p1:reader", "X-Auth-Token: root:p0:admin\r\nConnection: close\r\n\r\n");
    assert_eq!(status(&answer(send(program.address, &twice).await).await), 400);
}

#[tokio::test]
async fn a_page_of_another_name_does_not_reach_a_service_on_loopback() {
    let get =
        |host: &str| format!("GET /v2/images HTTP/1.1\r\n{host}X-Auth-Token: a:p:member\r\nConnection: close\r\n\r\n");
    let (program, _folder) = start(&["--allowed-hosts", "images.example,other.example"]);
    for (host, expected) in [
        ("Host: localhost\r\n", 200),
        ("Host: 127.0.0.1:80\r\n", 200),
        ("Host: images.example\r\n", 200),
        ("Host: evil.example\r\n", 400),
        ("Host: localhost.evil.example\r\n", 400),
        ("Host: localhost\r\nHost: evil.example\r\n", 400),
        ("", 400),
    ] {
        let said = answer(send(program.address, &get(host)).await).await;
        assert_eq!(status(&said), expected, "{host}: {said}");
        assert!(!said.contains("http://evil.example"), "{said}");
    }
}

#[tokio::test]
async fn what_is_private_is_not_open_to_those_without_a_project() {
    let (program, _folder) = start(&[]);
    let nobody = program.client_of("nick:none:member");
    for visibility in ["private", "shared", "community"] {
        let made = nobody.json(Method::POST, "/v2/images", &json!({ "visibility": visibility })).await.unwrap();
        assert_eq!((made.status.as_u16(), made.text().contains("project")), (403, true), "{}", made.text());
    }
    let admin = program.client_of("root:none:admin");
    let made = admin.json(Method::POST, "/v2/images", &json!({"visibility": "private"})).await.unwrap();
    assert_eq!(made.status, 201, "{}", made.text());
    let path = made.json()["self"].as_str().unwrap().to_owned();
    assert_eq!(admin.get(&path).await.unwrap().status, 200);
    for client in [&nobody, &program.client] {
        for path in [path.clone(), format!("{path}/file"), format!("{path}/tasks"), format!("{path}/members")] {
            assert_eq!(client.get(&path).await.unwrap().status, 404, "{path}");
        }
        let list = client.get("/v2/images?visibility=private").await.unwrap().json();
        assert_eq!(list["images"], json!([]));
    }
}
