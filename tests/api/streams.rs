//! A stream has a name, needs no pin, and may outlive the function that begins it.

use futures::{Stream, StreamExt, TryStreamExt};
use rome_orm::prelude::*;
use rome_orm::query::{Joined, RowStream};

use super::{Dog, dog, kennel};

#[derive(Entity, Clone, Debug, Default, PartialEq)]
struct Walk {
    #[rome(key, auto)]
    id: Id<Walk>,
    #[rome(index)]
    dog_id: Id<Dog>,
    #[rome(belongs_to(dog_id))]
    dog: One<Dog>,
}

/// As the body of an answer.
struct Body {
    names: RowStream<'static, String>,
}

fn body(db: Database) -> Body {
    Body { names: db.into_query::<Dog>().filter(Dog::AGE.eq(3)).order_by(Dog::NAME.asc()).select(Dog::NAME).stream() }
}

fn is_everything<S: Stream + Unpin + Send + 'static>(_: &S) {}

#[tokio::test]
async fn a_stream_is_taken_as_it_is() {
    let db = kennel().await;
    let mut names = Vec::new();
    let mut stream = db.query::<Dog>().order_by(Dog::NAME.asc()).stream();
    while let Some(dog) = stream.next().await {
        names.push(dog.unwrap().name);
    }
    assert_eq!(names, ["Ida", "Max", "Rex"]);
}

#[tokio::test]
async fn a_stream_may_outlive_what_began_it() {
    let body = body(kennel().await);
    is_everything(&body.names);
    let names = tokio::spawn(body.names.try_collect::<Vec<_>>()).await.unwrap().unwrap();
    assert_eq!(names, ["Max", "Rex"]);
}

#[tokio::test]
async fn what_is_made_of_an_owned_query_is_owned_too() {
    let db = Database::builder().entity::<Dog>().entity::<Walk>().open("memory:").await.unwrap();
    let rex = db.insert(dog("Rex", 3)).await.unwrap();
    db.insert(Walk { dog_id: rex.id, ..Default::default() }).await.unwrap();
    let joined: Joined<'static, (Walk, Dog), _> = db.clone().into_query::<Walk>().join(Walk::DOG);
    let pairs = joined.clone().stream();
    is_everything(&pairs);
    assert_eq!(pairs.try_collect::<Vec<_>>().await.unwrap()[0].1, rex);
    let all = db.clone().into_query::<Dog>().union(db.into_query::<Dog>());
    assert_eq!(tokio::spawn(async move { all.all().await }).await.unwrap().unwrap(), [rex]);
    assert_eq!(joined.count().await.unwrap(), 1);
}
