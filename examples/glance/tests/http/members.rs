//! Members of shared images.

use axum::http::Method;
use glance::client::Client;
use serde_json::{Value, json};

use super::service::{Service, make, names, ok, on_each};

async fn invite(client: &Client, path: &str, member: &str) -> glance::client::Answer {
    client.json(Method::POST, &format!("{path}/members"), &json!({"member": member})).await.unwrap()
}

async fn say(client: &Client, path: &str, member: &str, status: Value) -> glance::client::Answer {
    client.json(Method::PUT, &format!("{path}/members/{member}"), &json!({"status": status})).await.unwrap()
}

#[tokio::test]
async fn a_member_sees_the_image_and_says_yes_or_no() {
    on_each(async |s| {
        let path = make(&s.ann, json!({"name": "shared"})).await;
        ok(404, s.bob.get(&path).await.unwrap());
        let member = ok(200, invite(&s.ann, &path, "p2").await);
        assert_eq!((&member["member_id"], &member["status"]), (&json!("p2"), &json!("pending")));
        assert_eq!(member["schema"], "/v2/schemas/member");
        ok(200, s.bob.get(&path).await.unwrap());
        assert_eq!(names(&s.bob, "").await, Vec::<String>::new(), "a list waits for a yes");
        assert_eq!(names(&s.bob, "member_status=pending").await, ["shared"]);
        ok(403, say(&s.ann, &path, "p2", json!("accepted")).await);
        assert_eq!(ok(200, say(&s.bob, &path, "p2", json!("accepted")).await)["status"], "accepted");
        assert_eq!(names(&s.bob, "").await, ["shared"]);
        assert_eq!(names(&s.bob, "visibility=shared").await, ["shared"]);
        ok(200, say(&s.bob, &path, "p2", json!("rejected")).await);
        assert_eq!(names(&s.bob, "").await, Vec::<String>::new());
        assert_eq!(names(&s.bob, "member_status=all").await, ["shared"]);
        ok(403, s.bob.delete(&format!("{path}/members/p2")).await.unwrap());
        ok(204, s.ann.delete(&format!("{path}/members/p2")).await.unwrap());
        ok(404, s.bob.get(&path).await.unwrap());
        ok(404, s.ann.delete(&format!("{path}/members/p2")).await.unwrap());
        ok(200, invite(&s.ann, &path, "p2").await);
    })
    .await;
}

#[tokio::test]
async fn the_owner_sees_all_members_and_a_member_itself() {
    on_each(async |s| {
        let path = make(&s.ann, json!({})).await;
        for member in ["p2", "p3"] {
            ok(200, invite(&s.ann, &path, member).await);
        }
        let list = async |client: &Client| {
            let list = ok(200, client.get(&format!("{path}/members")).await.unwrap());
            list["members"].as_array().unwrap().iter().map(|m| m["member_id"].clone()).collect::<Vec<_>>()
        };
        assert_eq!(list(&s.ann).await, ["p2", "p3"]);
        assert_eq!(list(&s.bob).await, ["p2"]);
        ok(200, s.ann.get(&format!("{path}/members/p3")).await.unwrap());
        ok(200, s.bob.get(&format!("{path}/members/p2")).await.unwrap());
        ok(404, s.bob.get(&format!("{path}/members/p3")).await.unwrap());
        ok(403, invite(&s.bob, &path, "p4").await);
        ok(404, s.as_token("cid:p4:member").get(&format!("{path}/members")).await.unwrap());
    })
    .await;
}

#[tokio::test]
async fn members_are_distinct_shared_and_well_formed() {
    on_each(async |s| {
        let path = make(&s.ann, json!({})).await;
        ok(200, invite(&s.ann, &path, "p2").await);
        ok(409, invite(&s.ann, &path, "p2").await);
        ok(400, invite(&s.ann, &path, "").await);
        ok(400, s.ann.json(Method::POST, &format!("{path}/members"), &json!({"member": 5})).await.unwrap());
        ok(400, s.ann.json(Method::POST, &format!("{path}/members"), &json!({})).await.unwrap());
        ok(400, say(&s.bob, &path, "p2", json!("maybe")).await);
        ok(400, s.bob.json(Method::PUT, &format!("{path}/members/p2"), &json!({})).await.unwrap());
        let private = make(&s.ann, json!({"visibility": "private"})).await;
        ok(403, invite(&s.ann, &private, "p2").await);
        ok(404, s.ann.get(&format!("{private}/members/p2")).await.unwrap());
    })
    .await;
}

#[tokio::test]
async fn an_image_has_so_many_members_and_no_more() {
    let s = Service::start("memory", |config| config.quotas.members = 1).await;
    let path = make(&s.ann, json!({})).await;
    ok(200, invite(&s.ann, &path, "p2").await);
    ok(413, invite(&s.ann, &path, "p3").await);
}
