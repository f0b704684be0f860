//! Fields whose types do not suit their attributes.

use rome_orm::prelude::*;

struct Plain;

#[derive(Entity)]
struct Roles {
    #[rome(key)]
    id: u64,
    #[rome(created_at)]
    created: u64,
    #[rome(updated_at)]
    updated: Option<u64>,
    #[rome(version)]
    version: String,
    #[rome(soft_delete)]
    gone: bool,
}

#[derive(Entity)]
struct Fields {
    #[rome(key)]
    id: u64,
    plain: Plain,
    list: Vec<Plain>,
    #[rome(json)]
    json: Plain,
    #[rome(embed)]
    embedded: Plain,
    #[rome(default = 1)]
    name: String,
}

fn main() {}
