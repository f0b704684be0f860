//! The laws of sessions, each under its name, on every store.

mod allocation;
mod constraints;
mod counters;
mod isolation;
mod keys;
mod lifecycle;
mod long_work;
mod retry;
mod roles;
mod statements;
mod update_if;

use rome_orm::prelude::*;

/// What most of these tests store.
#[derive(Entity, Clone, Debug, PartialEq, Default)]
#[rome(table = "dogs", index(city, age))]
pub struct Dog {
    #[rome(key, auto)]
    pub id: Id<Dog>,
    pub name: String,
    #[rome(index)]
    pub age: Option<u32>,
    pub city: String,
    #[rome(unique)]
    pub chip: Option<u64>,
    #[rome(index)]
    pub tags: Vec<String>,
}

pub fn dog(name: &str, age: u32) -> Dog {
    Dog { name: name.into(), age: Some(age), city: "Lyon".into(), ..Default::default() }
}

pub fn chipped(name: &str, chip: u64) -> Dog {
    Dog { chip: Some(chip), ..dog(name, 1) }
}

/// Runs a law on each store, on an empty database of its own.
macro_rules! laws {
    ($entities:tt $($(#[$meta:meta])* async fn $name:ident($db:ident) $body:block)+) => { $(
        $(#[$meta])*
        #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
        async fn $name() {
            for place in crate::stores::places() {
                println!("on {}", place.name);
                let $db = crate::stores::open!(place, $entities);
                $body
            }
        }
    )+ };
}
pub(crate) use laws;
