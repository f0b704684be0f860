//! Aggregate indexes: whatever is written, they answer what a look at all rows answers.

mod build;
mod calls;
mod named;
mod races;
mod random;

use chrono::{DateTime, Utc};
use rome_orm::prelude::*;

#[derive(ColumnEnum, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum State {
    Active,
    Queued,
}

#[derive(Entity, Clone, Debug, PartialEq)]
#[rome(table = "owners")]
struct Owner {
    #[rome(key)]
    id: u32,
}

#[derive(Entity, Clone, Debug, PartialEq)]
#[rome(table = "images", count, count(by = format), sum(size, by = [owner, state]), sum(size, by = owner), sum(rank))]
struct Image {
    #[rome(key)]
    id: u32,
    #[rome(references = Owner, on_delete = cascade)]
    owner: Option<u32>,
    state: State,
    format: Option<String>,
    size: Option<u32>,
    rank: i64,
    #[rome(soft_delete)]
    gone: Option<DateTime<Utc>>,
}

/// Rows that lie together by their owner, who is in the index: the question of one owner is one partition's.
#[derive(Entity, Clone, Debug, PartialEq)]
#[rome(table = "parts", partition_by = owner, sum(size, by = owner))]
struct Part {
    #[rome(key)]
    owner: u32,
    #[rome(key)]
    n: u32,
    size: u64,
}

fn image(id: u32, owner: u32, size: u32) -> Image {
    Image { id, owner: Some(owner), state: State::Active, format: None, size: Some(size), rank: 1, gone: None }
}

/// The database or a session.
#[derive(Clone, Copy)]
enum Where<'a> {
    Database(&'a Database),
    Session(&'a Session),
}

impl<'a> Where<'a> {
    fn query<E: Entity>(self) -> Query<'a, E> {
        match self {
            Self::Database(db) => db.query(),
            Self::Session(session) => session.query(),
        }
    }
}
