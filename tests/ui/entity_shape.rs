//! What cannot be an entity.

use rome_orm::prelude::*;

#[derive(Entity)]
enum Choice {
    A,
}

#[derive(Entity)]
struct Tuple(u64);

#[derive(Entity)]
struct Unit;

#[derive(Entity)]
struct Empty {}

#[derive(Entity)]
union Overlap {
    a: u64,
}

#[derive(Entity)]
struct Generic<T> {
    #[rome(key)]
    id: u64,
    value: T,
}

#[derive(Entity)]
struct Borrowing<'a> {
    #[rome(key)]
    id: u64,
    name: &'a str,
    #[rome(idnex)]
    nick: Option<&'static str>,
}

fn main() {}
