//! Keys that are missing, or declared so that they could not work.

use rome_orm::prelude::*;

#[derive(Entity)]
struct Keyless {
    id: u64,
    #[rome(idnex)]
    name: String,
}

#[derive(Entity)]
struct KeyIndexed {
    #[rome(key, auto = count, index, unique)]
    id: u64,
}

#[derive(Entity)]
struct AutoOfSeveral {
    #[rome(key, auto)]
    one: u64,
    #[rome(key, auto = uuid)]
    two: u64,
}

#[derive(Entity)]
struct TooWide {
    #[rome(key)]
    a: u64,
    #[rome(key)]
    b: u64,
    #[rome(key)]
    c: u64,
    #[rome(key)]
    d: u64,
    #[rome(key)]
    e: u64,
    #[rome(key)]
    f: u64,
}

fn main() {}
