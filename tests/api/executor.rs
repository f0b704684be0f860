//! A function says that it runs on a database or in a session, and may be a part of a larger one.

use rome_orm::prelude::*;
use rome_orm::{Error, Result};

use super::{Dog, dog, kennel};

/// Needs two statements to be one.
async fn swap_ages(at: &impl Executor, one: Id<Dog>, other: Id<Dog>) -> Result<()> {
    at.transaction(async move |s| {
        let (mut one, mut other) =
            (s.get::<Dog>(one).await?.ok_or_not_found()?, s.get::<Dog>(other).await?.ok_or_not_found()?);
        std::mem::swap(&mut one.age, &mut other.age);
        s.update_many([&one, &other]).await.map(drop)
    })
    .await
}

/// Needs the former one, twice.
async fn rotate(at: &impl Executor, dogs: [Id<Dog>; 3]) -> Result<()> {
    at.transaction(async move |s| {
        swap_ages(s, dogs[0], dogs[1]).await?;
        swap_ages(s, dogs[1], dogs[2]).await
    })
    .await
}

/// All verbs, with bounds for any entity.
async fn copy<E: Entity + Clone>(at: &impl Executor, key: E::Key, change: fn(&mut E)) -> Result<E> {
    let mut row = at.get::<E>(key).await?.ok_or_not_found()?;
    change(&mut row);
    at.insert(row).await
}

async fn ages(at: &impl Executor) -> Vec<u32> {
    at.query::<Dog>().order_by(Dog::NAME.asc()).all().await.unwrap().into_iter().filter_map(|dog| dog.age).collect()
}

#[tokio::test]
async fn functions_run_on_a_database_and_in_a_session() {
    let db = kennel().await;
    let ids: Vec<Id<Dog>> = db.query::<Dog>().order_by(Dog::NAME.asc()).keys().await.unwrap();
    let [ida, max, rex]: [Id<Dog>; 3] = ids.try_into().unwrap();
    assert_eq!(ages(&db).await, [5, 3, 3]);
    rotate(&db, [ida, max, rex]).await.unwrap();
    assert_eq!(ages(&db).await, [3, 3, 5]);

    let refused: Result<()> = db
        .transaction(async move |s| {
            rotate(s, [rex, max, ida]).await?;
            assert_eq!(ages(s).await, [5, 3, 3], "it has happened within the session");
            Err(Error::custom("and is given up with it"))
        })
        .await;
    assert!(refused.unwrap_err().is_custom());
    assert_eq!(ages(&db).await, [3, 3, 5], "an inner transaction commits nothing of its own");

    let mut session = db.session();
    rotate(&session, [ida, max, rex]).await.unwrap();
    copy::<Dog>(&session, ida, |dog| *dog = dog_like(dog)).await.unwrap();
    assert_eq!(db.query::<Dog>().count().await.unwrap(), 3);
    session.commit().await.unwrap();
    assert_eq!(db.query::<Dog>().count().await.unwrap(), 4);
    session = db.session();
    let own_error = session.try_transaction(async |_| Err::<(), _>(Refused::Early)).await;
    assert!(matches!(own_error, Err(Refused::Early)));
}

#[derive(Debug)]
enum Refused {
    Early,
    Failed(#[allow(dead_code)] Error),
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

fn dog_like(other: &Dog) -> Dog {
    Dog { name: format!("{} the second", other.name), id: Id::default(), ..other.clone() }
}

/// What runs on either can be spawned: its futures are `Send`.
#[tokio::test]
async fn futures_of_either_can_be_sent() {
    async fn work<X: Executor>(at: &X) -> Result<u64> {
        let some = at.insert_many([dog("Ann", 1), dog("Bob", 2)]).await?;
        at.update_many(&some).await?;
        at.upsert_many(some.clone()).await?;
        at.get_many::<Dog>(some.iter().map(|dog| dog.id)).await?;
        at.update_if::<Dog>(some[0].id, Dog::AGE.eq(1), Dog::AGE.set(2)).await?;
        at.try_transaction(async |s| s.query::<Dog>().delete().await).await
    }
    let db = kennel().await;
    let of_session = db.session();
    assert_eq!(tokio::spawn(async move { work(&of_session).await }).await.unwrap().unwrap(), 5);
    assert_eq!(tokio::spawn(async move { work(&db).await }).await.unwrap().unwrap(), 5);
}
