//! Services for tests, each in a folder of its own.

use axum::http::Method;
use glance::client::{Answer, Client};
use glance::config::Config;
use glance::service::{self, Running};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::stores::{self, Place};

pub struct Service {
    pub folder: TempDir,
    pub place: Place,
    pub config: Config,
    pub running: Running,
    /// A member of project `p1`.
    pub ann: Client,
    /// A member of project `p2`.
    pub bob: Client,
    pub admin: Client,
}

impl Service {
    pub async fn start(store: &str, change: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let place = Place::new(store, folder.path());
        let mut config = Config::local(place.url.clone(), folder.path().join("data"));
        change(&mut config);
        Self::on(folder, place, config).await
    }

    /// A service that goes on with what lies in a folder and a store.
    pub async fn on(folder: TempDir, place: Place, config: Config) -> Self {
        let running = service::start(config.clone()).await.unwrap();
        let client = |token: &str| Client::new(running.address(), token);
        let (ann, bob, admin) = (client("ann:p1:member"), client("bob:p2:member"), client("root:p0:admin"));
        Self { folder, place, config, running, ann, bob, admin }
    }

    pub fn as_token(&self, token: &str) -> Client {
        Client::new(self.running.address(), token)
    }

    /// The files in an area of the data folder.
    pub fn files(&self, area: &str) -> usize {
        self.folder.path().join("data").join(area).read_dir().unwrap().count()
    }
}

/// Runs a test on a service on each store.
pub async fn on_each(test: impl AsyncFn(&Service)) {
    for store in stores::ALL {
        println!("on {store}");
        let service = Service::start(store, |_| ()).await;
        test(&service).await;
        service.running.stop().await;
    }
}

/// Makes an image and gives its path.
pub async fn make(client: &Client, image: Value) -> String {
    let answer = client.json(Method::POST, "/v2/images", &image).await.unwrap();
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.json()["self"].as_str().unwrap().to_owned()
}

/// Makes an image with data and gives its path.
pub async fn make_active(client: &Client, data: &'static str) -> String {
    let path = make(client, json!({"disk_format": "raw", "container_format": "bare"})).await;
    ok(204, client.put_data(&format!("{path}/file"), data).await.unwrap());
    path
}

/// Checks the status of an answer and gives its JSON.
#[track_caller]
pub fn ok(status: u16, answer: Answer) -> Value {
    assert_eq!(answer.status, status, "{}", answer.text());
    answer.json()
}

/// The names of the images that a list has.
pub async fn names(client: &Client, query: &str) -> Vec<String> {
    let list = ok(200, client.get(&format!("/v2/images?{query}")).await.unwrap());
    let name = |image: &Value| image["name"].as_str().unwrap_or("-").to_owned();
    list["images"].as_array().unwrap().iter().map(name).collect()
}
