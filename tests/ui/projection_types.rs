//! Projections that do not fit their entity.

use rome_orm::prelude::*;

#[derive(Entity)]
struct Dog {
    #[rome(key)]
    id: u64,
    name: String,
    age: Option<u32>,
}

#[derive(Projection)]
#[rome(entity = Dog)]
struct Wrong {
    age: u32,
    #[rome(from = NAME)]
    called: u64,
}

#[derive(Projection)]
#[rome(entity = Dog)]
struct Missing {
    nmae: String,
}

struct NoEntity;

#[derive(Projection)]
#[rome(entity = NoEntity)]
struct OfNothing {
    breed_of_nothing: String,
}

fn main() {}
