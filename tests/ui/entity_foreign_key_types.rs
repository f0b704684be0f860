//! Foreign keys whose columns cannot hold the key that they reference.

use rome_orm::prelude::*;

#[derive(Entity)]
struct Owner {
    #[rome(key, auto)]
    id: Id<Owner>,
}

#[derive(Entity)]
struct Team {
    #[rome(key)]
    tenant: u32,
    #[rome(key)]
    name: String,
}

struct Plain;

#[derive(Entity)]
#[rome(foreign_key(tenant, owner_id, references = Team), foreign_key(tenant, team, references = Owner))]
#[rome(foreign_key(team, tenant, references = Team), foreign_key(tenant, team, references = Team, on_delete = set_null))]
struct Dog {
    #[rome(key)]
    id: u64,
    #[rome(references = Owner)]
    name: String,
    #[rome(references = Owner)]
    owner_id: u64,
    #[rome(references = Owner, on_delete = set_null)]
    walker_id: Id<Owner>,
    #[rome(references = Dog)]
    mother_id: Option<Id<Dog>>,
    #[rome(references = Team)]
    tenant: u32,
    #[rome(references = Plain)]
    plain_id: u64,
    #[rome(references = Nobody)]
    nobody_id: u64,
    team: Option<String>,
}

fn main() {}
