//! Aggregate indexes over columns that cannot be summed or grouped by.

use rome_orm::prelude::*;

#[derive(Entity)]
#[rome(sum(name), sum(weight, by = name), sum(large), sum(tags), count(by = [name, tags]), count(by = notes), sum(age, by = name))]
struct Dog {
    #[rome(key)]
    id: u64,
    name: String,
    age: Option<u32>,
    weight: f64,
    large: u128,
    tags: Vec<String>,
    notes: Json<String>,
}

fn main() {}
