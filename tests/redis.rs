//! A database on a Redis server, opened by its URL.
#![cfg(feature = "redis")]
#![allow(clippy::unwrap_used)]

use rome_orm::prelude::*;
use rome_redis::testkit::LocalServer;

#[derive(Entity, Clone, Debug, PartialEq, Default)]
#[rome(table = "dogs", unique(name))]
struct Dog {
    #[rome(key, auto)]
    id: Id<Dog>,
    name: String,
    #[rome(index)]
    age: Option<u32>,
}

#[tokio::test]
async fn a_database_is_there_again_for_the_next_handle() {
    let server = LocalServer::start();
    let url = format!("{}/3?prefix=kennel", server.url());
    let open = async || Database::builder().entity::<Dog>().open(&url).await.unwrap();
    let db = open().await;
    for age in 0..300 {
        db.insert(Dog { name: format!("dog {age}"), age: Some(age), ..Default::default() }).await.unwrap();
    }
    let twin = Dog { name: "dog 7".into(), ..Default::default() };
    assert!(open().await.insert(twin).await.unwrap_err().is_unique_violation());
    let again = open().await;
    let oldest = again.query::<Dog>().filter(Dog::AGE.ge(100)).order_by(Dog::AGE.desc()).limit(2);
    let ages: Vec<_> = oldest.all().await.unwrap().into_iter().map(|dog| dog.age).collect();
    assert_eq!(ages, [Some(299), Some(298)]);
    let raised = db.query::<Dog>().filter(Dog::AGE.lt(200)).update((Dog::AGE.set(Dog::AGE + 1000),)).await.unwrap();
    assert_eq!(raised, 200);
    assert_eq!(open().await.query::<Dog>().filter(Dog::AGE.ge(1000)).count().await.unwrap(), 200);
}

#[tokio::test]
async fn sixteen_clients_count_to_the_sum_of_what_they_did() {
    let server = LocalServer::start();
    let db = Database::builder().entity::<Dog>().open(&server.url()).await.unwrap();
    let dog = db.insert(Dog { name: "Rex".into(), age: Some(0), ..Default::default() }).await.unwrap();
    let clients = (0..16).map(|_| {
        let (db, id) = (db.clone(), dog.id);
        tokio::spawn(async move {
            for _ in 0..20 {
                db.transaction(async |s| {
                    let mut dog = s.get::<Dog>(id).await?.ok_or_not_found()?;
                    dog.age = dog.age.map(|age| age + 1);
                    s.update(&dog).await
                })
                .await
                .unwrap();
            }
        })
    });
    for client in clients.collect::<Vec<_>>() {
        client.await.unwrap();
    }
    assert_eq!(db.get::<Dog>(dog.id).await.unwrap().unwrap().age, Some(320));
}

#[tokio::test]
async fn an_error_names_no_password() {
    let server = LocalServer::with(&["--requirepass", "right-secret"]);
    let url = server.url().replace("127", "default:wrong-secret@127");
    let error = Database::builder().entity::<Dog>().open(&url).await.unwrap_err().to_string();
    assert!(error.contains("user or password") && !error.contains("secret"), "{error}");
}
