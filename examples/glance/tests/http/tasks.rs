//! Tasks.

use axum::http::Method;
use futures::future::join_all;
use glance::client::Client;
use glance::db::{
    Context, DbError, NewTask, Progress, Task, TaskInfo, TaskKind, TaskListing, TaskStatus, open, task_create,
    task_get, task_get_all, task_progress,
};
use rome_orm::prelude::*;
use serde_json::{Value, json};

use super::service::{Service, make, ok, on_each};
use super::stores::{self, Place};

/// The tasks of an image when all of them are over.
async fn over(client: &Client, path: &str) -> Vec<Value> {
    loop {
        let tasks = ok(200, client.get(&format!("{path}/tasks")).await.unwrap())["tasks"].as_array().unwrap().clone();
        if tasks.iter().all(|task| task["status"] == "success" || task["status"] == "failure") {
            return tasks;
        }
        tokio::task::yield_now().await;
    }
}

async fn staged(s: &Service) -> String {
    let path = make(&s.ann, json!({"disk_format": "raw", "container_format": "bare"})).await;
    ok(204, s.ann.put_data(&format!("{path}/stage"), "data").await.unwrap());
    path
}

async fn import(client: &Client, path: &str) -> u16 {
    let method = json!({"method": {"name": "glance-direct"}});
    client.json(Method::POST, &format!("{path}/import"), &method).await.unwrap().status.as_u16()
}

#[tokio::test]
async fn an_import_is_a_task_that_ends_with_it() {
    on_each(async |s| {
        let path = staged(s).await;
        assert_eq!(over(&s.ann, &path).await, Vec::<Value>::new());
        assert_eq!(import(&s.ann, &path).await, 202);
        let [task] = &over(&s.ann, &path).await[..] else { panic!("one task") };
        assert_eq!((&task["type"], &task["status"]), (&json!("api_image_import"), &json!("success")));
        assert_eq!((&task["owner"], &task["user_id"]), (&json!("p1"), &json!("ann")));
        assert_eq!(task["input"]["import_req"]["method"]["name"], "glance-direct");
        assert!(task["request_id"].as_str().unwrap().starts_with("req-") && task["expires_at"].is_string());
        assert_eq!(ok(200, s.ann.get(&path).await.unwrap())["status"], "active", "both in one step");
        let id = task["id"].as_str().unwrap();
        assert_eq!(ok(200, s.admin.get(&format!("/v2/tasks/{id}")).await.unwrap()), *task);
        ok(404, s.bob.get(&format!("{path}/tasks")).await.unwrap());
    })
    .await;
}

#[tokio::test]
async fn an_import_that_is_refused_leaves_no_task_and_of_many_one_does() {
    on_each(async |s| {
        let queued = make(&s.ann, json!({"disk_format": "raw", "container_format": "bare"})).await;
        assert_eq!(import(&s.ann, &queued).await, 409);
        assert_eq!(over(&s.ann, &queued).await, Vec::<Value>::new());
        let path = staged(s).await;
        let done = join_all((0..6).map(|_| import(&s.ann, &path))).await;
        assert_eq!(done.iter().filter(|status| **status == 202).count(), 1);
        assert_eq!(over(&s.ann, &path).await.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn tasks_on_request_are_for_admins_and_say_why_they_fail() {
    on_each(async |s| {
        let body = json!({"type": "import", "input": {"import_from": "http://a"}});
        for client in [&s.ann, &s.bob] {
            ok(403, client.json(Method::POST, "/v2/tasks", &body).await.unwrap());
            ok(403, client.get("/v2/tasks").await.unwrap());
        }
        for wrong in [json!({}), json!({"type": "import"}), json!({"type": "dance", "input": {}}), json!([])] {
            ok(400, s.admin.json(Method::POST, "/v2/tasks", &wrong).await.unwrap());
        }
        let answer = s.admin.json(Method::POST, "/v2/tasks", &body).await.unwrap();
        let path = answer.header("location").to_owned();
        let made = ok(201, answer);
        assert_eq!((&made["status"], &made["input"]), (&json!("pending"), &body["input"]));
        assert_eq!(path, made["self"].as_str().unwrap());
        let ended = loop {
            let task = ok(200, s.admin.get(&path).await.unwrap());
            if task["status"] == "failure" {
                break task;
            }
            assert!(["pending", "processing"].contains(&task["status"].as_str().unwrap()), "{task}");
        };
        assert_eq!(ended["message"], "Input does not contain 'import_from_format' field");
        ok(405, s.admin.delete(&path).await.unwrap());
        ok(404, s.admin.get("/v2/tasks/none").await.unwrap());
        ok(200, s.ann.get("/v2/schemas/task").await.unwrap());
    })
    .await;
}

#[tokio::test]
async fn lists_of_tasks_are_filtered_and_paged_and_have_no_input() {
    on_each(async |s| {
        for kind in ["import", "export", "clone", "export", "import"] {
            let body = json!({"type": kind, "input": {}});
            ok(201, s.admin.json(Method::POST, "/v2/tasks", &body).await.unwrap());
        }
        let list = async |path: &str| ok(200, s.admin.get(path).await.unwrap());
        let types = |list: &Value| -> Vec<String> {
            list["tasks"].as_array().unwrap().iter().map(|task| task["type"].as_str().unwrap().to_owned()).collect()
        };
        let all = list("/v2/tasks").await;
        assert_eq!(types(&all), ["import", "export", "clone", "export", "import"]);
        assert!(all["tasks"][0].get("input").is_none() && all.get("next").is_none());
        assert_eq!(types(&list("/v2/tasks?type=export").await).len(), 2);
        assert_eq!(types(&list("/v2/tasks?status=success").await).len(), 0);
        for (sort, wanted) in [
            ("sort_key=type&sort_dir=asc", ["import", "import", "export", "export", "clone"]),
            ("sort_key=created_at&sort_dir=asc", ["import", "export", "clone", "export", "import"]),
        ] {
            let first = list(&format!("/v2/tasks?{sort}&limit=2")).await;
            let second = list(first["next"].as_str().unwrap()).await;
            let third = list(second["next"].as_str().unwrap()).await;
            let pages: Vec<String> = [first, second, third].iter().flat_map(types).collect();
            let mut wanted = wanted.map(str::to_owned).to_vec();
            if sort.contains("type") {
                wanted.sort();
            }
            assert_eq!(pages, wanted);
        }
        ok(400, s.admin.get("/v2/tasks?sort_key=color").await.unwrap());
        ok(400, s.admin.get("/v2/tasks?status=done").await.unwrap());
    })
    .await;
}

#[tokio::test]
async fn a_task_goes_forwards_once_and_is_forgotten_when_its_time_is_over() {
    let folder = tempfile::tempdir().unwrap();
    for store in stores::ALL {
        println!("on {store}");
        let place = Place::new(store, folder.path());
        let db = &open(&place.url).await.unwrap();
        let context = &Context::member_of("p1");
        let new = NewTask { kind: TaskKind::Import, input: json!({"a": 1}), image_id: None };
        let task = task_create(db, context, &new).await.unwrap();
        let progress = async |progress: Progress| task_progress(db, context, &task.id, &progress).await;
        let done = || Progress::Succeeds(json!({"b": 2}));
        assert!(matches!(progress(done()).await, Err(DbError::Conflict(_))), "it has not begun");
        progress(Progress::Begins).await.unwrap();
        let ends = join_all((0..4).map(|_| progress(done()))).await;
        assert_eq!(ends.iter().filter(|end| end.is_ok()).count(), 1);
        assert!(matches!(progress(Progress::Fails("late".into())).await, Err(DbError::Conflict(_))));
        let ended = task_get(db, context, &task.id).await.unwrap();
        let info = ended.info.get().unwrap().unwrap();
        assert_eq!(
            (ended.status, &info.input, &info.result),
            (TaskStatus::Success, &json!({"a": 1}), &json!({"b": 2}))
        );
        let other = task_get(db, &Context::member_of("p2"), &task.id).await;
        assert!(matches!(other, Err(DbError::Forbidden(_))));

        let listed = async || task_get_all(db, context, &TaskListing::default()).await.unwrap().len();
        assert_eq!(listed().await, 1);
        db.update(&Task { expires_at: Some(DateTime::UNIX_EPOCH), ..ended.clone() }).await.unwrap();
        assert_eq!(listed().await, 0);
        assert!(matches!(task_get(db, context, &task.id).await, Err(DbError::NotFound(_))));
        assert_eq!(db.query::<TaskInfo>().count().await.unwrap(), 1, "softly");
        assert!(db.purge_by_key::<Task>(task.id.as_str()).await.unwrap());
        assert_eq!(db.query::<TaskInfo>().count().await.unwrap(), 0, "and its info with it");
    }
}
