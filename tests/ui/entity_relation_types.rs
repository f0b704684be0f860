//! Relations whose fields or columns do not lead where they should.

use rome_orm::prelude::*;

#[derive(Entity)]
struct Owner {
    #[rome(key, auto)]
    id: Id<Owner>,
    name: String,
    #[rome(has_many(owner_id))]
    dogs: One<Dog>,
    #[rome(has_many(name))]
    named: Many<Dog>,
    #[rome(has_many(onwer_id))]
    misspelt: Many<Dog>,
    #[rome(many_to_many(through = Tagged, tag, owner))]
    tags: Many<Tag>,
}

#[derive(Entity)]
struct Tag {
    #[rome(key)]
    name: String,
}

#[derive(Entity)]
struct Tagged {
    #[rome(key)]
    owner: Id<Owner>,
    #[rome(key)]
    tag: String,
}

#[derive(Entity)]
struct Dog {
    #[rome(key)]
    id: u64,
    name: String,
    owner_id: Id<Owner>,
    #[rome(belongs_to(name))]
    owner: One<Owner>,
    #[rome(belongs_to(owner_id))]
    owners: Many<Owner>,
    #[rome(belongs_to(owner_id))]
    plain: Owner,
    #[rome(belongs_to(owner_id, name))]
    two: One<Owner>,
    #[rome(belongs_to(owner_id))]
    text: One<String>,
    undeclared: One<Owner>,
}

fn main() {}
