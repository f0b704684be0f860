//! Attributes that are unknown, misplaced, repeated, incomplete or contradict each other.

use rome_orm::prelude::*;

#[derive(Entity)]
#[rome(tabel = "dogs", key, table = "", table = 3)]
#[rome]
struct Unknown {
    #[rome(key, key, atuo)]
    id: u64,
    #[rome(idnex, colour)]
    name: String,
    #[rome(column, table = "x", column = "a")]
    age: u32,
    #[rome(unique = true, column = kind)]
    kind: String,
    #[rome(count, sum(size, by = owner), rename = "x")]
    owner: u64,
    #[rome(index desc, default)]
    weight: u32,
}

#[derive(Entity)]
struct Contradictions {
    #[rome(key, json)]
    id: u64,
    #[rome(auto)]
    name: String,
    #[rome(json, embed)]
    address: String,
    #[rome(json, index, version)]
    notes: String,
    #[rome(embed, index, unique, default = 1)]
    home: Home,
    #[rome(version)]
    one: u64,
    #[rome(version)]
    two: u64,
    #[rome(created_at, updated_at)]
    time: u64,
    #[rome(updated_at, version)]
    other: u64,
    #[rome(key, default = 3)]
    extra: u64,
}

#[derive(Entity)]
struct Names {
    #[rome(key)]
    id: u64,
    #[rome(column = "id")]
    name: String,
    #[rome(column = "a")]
    a_b: u64,
    aB: u64,
}

/// A mistake in an attribute leaves the entity and its columns usable.
#[derive(Entity)]
struct Usable {
    #[rome(key, atuo)]
    id: u64,
    #[rome(idnex)]
    name: String,
}

fn uses() -> (u64, u16) {
    (Usable { id: 1, name: String::new() }.key(), Usable::NAME.position())
}

#[derive(Embedded)]
struct Home {
    city: String,
}

fn main() {}
