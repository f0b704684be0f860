//! Several processes of the service at once, on one store and one data folder.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

mod program;
mod stores;

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::http::Method;
use bytes::Bytes;
use futures::future::join_all;
use glance::client::{Answer, Client};
use program::Program;
use serde_json::{Value, json};
use stores::Place;
use tempfile::TempDir;

/// How many processes share a store.
const PROCESSES: usize = 4;
/// How many clients of each process are at work at once.
const CLIENTS: usize = 4;

struct Services {
    programs: Vec<Program>,
    place: Place,
    folder: TempDir,
}

impl Services {
    fn start(store: &str) -> Self {
        println!("on {store}");
        let folder = tempfile::tempdir().unwrap();
        let place = Place::new(store, folder.path());
        let programs = (0..PROCESSES).map(|_| Program::start(&place.url, folder.path())).collect();
        Self { programs, place, folder }
    }

    fn client(&self, process: usize) -> Client {
        self.programs[process].client.clone()
    }

    /// Does something through each process, by several clients at once, and gives the results with the numbers of process
    /// and client.
    async fn everywhere<T>(&self, act: impl AsyncFn(Client, usize, usize) -> T) -> Vec<T> {
        let act = &act;
        let clients = (0..PROCESSES).flat_map(|process| (0..CLIENTS).map(move |client| (process, client)));
        join_all(clients.map(|(process, client)| act(self.client(process), process, client))).await
    }

    /// The ids of all images, as a process lists them page by page.
    async fn listed(&self, process: usize) -> Vec<String> {
        let (client, mut ids, mut next) = (self.client(process), Vec::new(), Some("/v2/images?limit=50".to_owned()));
        while let Some(path) = next {
            let page = ok(200, client.get(&path).await.unwrap());
            ids.extend(page["images"].as_array().unwrap().iter().map(|image| text(&image["id"])));
            next = page["next"].as_str().map(str::to_owned);
        }
        ids
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

#[track_caller]
fn ok(status: u16, answer: Answer) -> Value {
    assert_eq!(answer.status, status, "{}", answer.text());
    answer.json()
}

/// How often each status was answered.
fn count(answers: &[Answer], status: u16) -> usize {
    answers.iter().filter(|answer| answer.status == status).count()
}

async fn post(client: &Client, path: &str, body: Value) -> Answer {
    client.json(Method::POST, path, &body).await.unwrap()
}

fn add(name: &str, value: &str) -> Value {
    json!([{"op": "add", "path": format!("/{name}"), "value": value}])
}

#[tokio::test]
async fn what_one_process_wrote_all_others_see_at_once() {
    for store in stores::SHARED {
        let services = Services::start(store);
        let clients: Vec<Client> = (0..PROCESSES).map(|process| services.client(process)).collect();
        for (round, writer) in clients.iter().enumerate() {
            let path = text(&ok(201, post(writer, "/v2/images", json!({"name": "new"})).await)["self"]);
            let editor = &clients[(round + 1) % PROCESSES];
            ok(200, editor.patch(&path, &add("round", &round.to_string())).await.unwrap());
            ok(204, writer.put_data(&format!("{path}/file"), path.clone()).await.unwrap());
            for reader in &clients {
                let image = ok(200, reader.get(&path).await.unwrap());
                assert_eq!((&image["round"], &image["status"]), (&json!(round.to_string()), &json!("active")));
                assert_eq!(reader.get(&format!("{path}/file")).await.unwrap().text(), path);
                let list = ok(200, reader.get(&format!("/v2/images?round={round}")).await.unwrap());
                assert_eq!(list["images"].as_array().unwrap().len(), 1);
            }
            ok(
                204,
                editor.send(editor.request(Method::DELETE, &path).body(Bytes::new().into()).unwrap()).await.unwrap(),
            );
            for reader in &clients {
                ok(404, reader.get(&path).await.unwrap());
            }
        }
    }
}

#[tokio::test]
async fn images_that_many_processes_make_at_once_are_all_there_and_each_id_is_given_once() {
    for store in stores::SHARED {
        let services = Services::start(store);
        let made = services
            .everywhere(async |client, process, number| {
                let mut ids = Vec::new();
                for round in 0..10 {
                    let name = format!("{process} {number} {round}");
                    ids.push(text(
                        &ok(201, post(&client, "/v2/images", json!({"name": name, "tags": ["new"]})).await)["id"],
                    ));
                }
                ids
            })
            .await;
        let made: HashSet<String> = made.into_iter().flatten().collect();
        assert_eq!(made.len(), PROCESSES * CLIENTS * 10);
        for process in 0..PROCESSES {
            let listed = services.listed(process).await;
            assert_eq!((listed.len(), &listed.into_iter().collect::<HashSet<_>>()), (made.len(), &made));
        }
        for round in 0..10 {
            let id = uuid::Uuid::from_u128(round + 1).to_string();
            let answers = services
                .everywhere(async |client, process, _| {
                    post(&client, "/v2/images", json!({"id": id, "name": process.to_string()})).await
                })
                .await;
            assert_eq!((count(&answers, 201), count(&answers, 409)), (1, answers.len() - 1));
        }
    }
}

#[tokio::test]
async fn changes_of_one_image_by_many_processes_at_once_are_all_there() {
    for store in stores::SHARED {
        let services = Services::start(store);
        let image = json!({"name": "shared", "visibility": "shared"});
        let path = &text(&ok(201, post(&services.client(0), "/v2/images", image).await)["self"]);
        let name = |process, client, round| format!("p_{process}_{client}_{round}");
        services
            .everywhere(async |client, process, number| {
                for round in 0..3 {
                    let name = name(process, number, round);
                    ok(200, client.patch(path, &add(&name, "1")).await.unwrap());
                    let tag = client.request(Method::PUT, &format!("{path}/tags/{name}"));
                    ok(204, client.send(tag.body(Bytes::new().into()).unwrap()).await.unwrap());
                    // Each client changes what it wrote before, so that a lost change shows as an old value, too.
                    ok(200, client.patch(path, &add(&name, "2")).await.unwrap());
                }
            })
            .await;
        for process in 0..PROCESSES {
            let image = ok(200, services.client(process).get(path).await.unwrap());
            let tags: HashSet<&str> =
                image["tags"].as_array().unwrap().iter().map(|tag| tag.as_str().unwrap()).collect();
            for (process, number, round) in
                (0..PROCESSES * CLIENTS * 3).map(|n| (n / 3 / CLIENTS, n / 3 % CLIENTS, n % 3))
            {
                let name = name(process, number, round);
                assert!(image[&name] == "2" && tags.contains(name.as_str()), "{name} is not there: {image}");
            }
        }
    }
}

#[tokio::test]
async fn of_what_may_be_there_once_one_process_makes_it() {
    for store in stores::SHARED {
        let services = Services::start(store);
        let image = json!({"name": "shared", "visibility": "shared"});
        let path = &text(&ok(201, post(&services.client(0), "/v2/images", image).await)["self"]);
        for round in 0..5 {
            let member = format!("project-{round}");
            let answers = services
                .everywhere(async |client, _, _| {
                    post(&client, &format!("{path}/members"), json!({"member": member})).await
                })
                .await;
            assert_eq!((count(&answers, 200), count(&answers, 409)), (1, answers.len() - 1));

            // The older form of a patch adds only what is not there.
            let patch = json!([{"add": format!("/once_{round}"), "value": "x"}]).to_string();
            let answers = services
                .everywhere(async |client, _, _| {
                    let media = "application/openstack-images-v2.0-json-patch";
                    client.body(Method::PATCH, path, media, patch.clone()).await.unwrap()
                })
                .await;
            assert_eq!((count(&answers, 200), count(&answers, 409)), (1, answers.len() - 1));

            let empty = text(&ok(201, post(&services.client(1), "/v2/images", json!({})).await)["self"]);
            let answers = services
                .everywhere(async |client, process, number| {
                    client.put_data(&format!("{empty}/file"), format!("{process} {number}")).await.unwrap()
                })
                .await;
            assert_eq!((count(&answers, 204), count(&answers, 409)), (1, answers.len() - 1));
        }
        let members = ok(200, services.client(2).get(&format!("{path}/members")).await.unwrap());
        assert_eq!(members["members"].as_array().unwrap().len(), 5);
    }
}

#[tokio::test]
async fn a_process_that_is_killed_in_the_middle_of_its_work_harms_nobody() {
    for store in stores::SHARED {
        let mut services = Services::start(store);
        let shared = &services.programs[1].make().await;
        // An upload through a process that lives is not to be taken for one of the process that dies.
        let living = services.programs[1].make().await;
        let (data, upload) = services.programs[1].begin_upload(&living).await;
        let cut = services.programs[0].make().await;
        let (_cut_data, cut_upload) = services.programs[0].begin_upload(&cut).await;

        let answered = &AtomicUsize::new(0);
        let acknowledged = services
            .everywhere(async |client, process, number| {
                let mut paths = Vec::new();
                for round in 0..7 {
                    let name = format!("p_{process}_{number}_{round}");
                    let image = json!({"name": &name, "tags": ["a", "b"], "x": "1", "y": "2"});
                    match client.json(Method::POST, "/v2/images", &image).await {
                        Ok(answer) => paths.push(text(&ok(201, answer)["self"])),
                        Err(e) => assert!(process == 0, "{e}"),
                    }
                    match client.patch(shared, &add(&name, "1")).await {
                        Ok(answer) => {
                            paths.push(format!("{shared}#{}", ok(200, answer)[&name].as_str().map_or("", |_| &name)))
                        }
                        Err(e) => assert!(process == 0, "{e}"),
                    }
                    if process == 0 && answered.fetch_add(1, Ordering::Relaxed) == CLIENTS * 2 {
                        services.programs[0].signal("-KILL");
                    }
                }
                paths
            })
            .await;
        assert_eq!(cut_upload.await.unwrap(), None);
        services.programs[0].child.wait().unwrap();

        let begun = Program::start(&services.place.url, services.folder.path());
        services.programs[0] = begun;
        let client = services.client(0);
        assert_eq!(ok(200, client.get(&cut).await.unwrap())["status"], "queued");
        assert_eq!(ok(200, client.get(&living).await.unwrap())["status"], "saving");
        data.unbounded_send(Ok(Bytes::from_static(b"second"))).unwrap();
        drop(data);
        assert_eq!(upload.await.unwrap(), Some(204));
        assert_eq!(client.get(&format!("{living}/file")).await.unwrap().text(), "first second");

        let by_killed = acknowledged.iter().take(CLIENTS).map(Vec::len).sum::<usize>();
        assert!(by_killed < CLIENTS * 14, "the process was killed after its work");
        let image = ok(200, client.get(shared).await.unwrap());
        for path in acknowledged.iter().flatten() {
            match path.split_once('#') {
                Some((_, name)) => assert_eq!(image[name], "1", "{name} was acknowledged"),
                None => drop(ok(200, client.get(path).await.unwrap())),
            }
        }
        // Also what was not acknowledged is there whole or not at all.
        for id in services.listed(1).await {
            let image = ok(200, client.get(&format!("/v2/images/{id}")).await.unwrap());
            if image["name"].is_string() {
                assert_eq!((&image["tags"], &image["x"], &image["y"]), (&json!(["a", "b"]), &json!("1"), &json!("2")));
            }
        }
    }
}
