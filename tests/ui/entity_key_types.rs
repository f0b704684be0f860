//! Key fields of types that cannot be keys, or that cannot be generated.

use rome_orm::prelude::*;

#[derive(Entity)]
struct Optional {
    #[rome(key)]
    id: Option<u64>,
}

#[derive(Entity)]
struct Float {
    #[rome(key)]
    id: u64,
    #[rome(key)]
    at: f64,
}

#[derive(Entity)]
struct AutoText {
    #[rome(key, auto)]
    id: String,
}

#[derive(Entity)]
struct CountedText {
    #[rome(key, auto = counter)]
    id: String,
}

#[derive(Entity)]
struct UuidNumber {
    #[rome(key, auto = uuid_v7)]
    id: Id<UuidNumber>,
}

fn main() {}
