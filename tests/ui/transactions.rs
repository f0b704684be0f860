//! Transaction bodies that could not run a second time, and sessions that are used after their end.

use rome_orm::prelude::*;

#[derive(Entity, Clone)]
struct Dog {
    #[rome(key)]
    id: Id<Dog>,
    name: String,
}

struct Token;

fn spend(_: Token) {}

async fn changes_what_it_captures(db: &Database) -> rome_orm::Result<()> {
    let mut runs = 0;
    db.transaction(async |s| {
        runs += 1;
        s.query::<Dog>().count().await
    })
    .await?;
    println!("{runs}");
    Ok(())
}

async fn consumes_what_it_captures(db: &Database) -> rome_orm::Result<u64> {
    let token = Token;
    db.transaction(async move |s| {
        spend(token);
        s.query::<Dog>().count().await
    })
    .await
}

async fn is_not_async(db: &Database) -> rome_orm::Result<u64> {
    db.transaction(|_| 3).await
}

async fn uses_a_session_after_its_end(db: &Database, dog: Dog) -> rome_orm::Result<u64> {
    let s = db.session();
    s.insert(dog).await?;
    s.commit().await?;
    s.query::<Dog>().count().await
}

fn main() {}
