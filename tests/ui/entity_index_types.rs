//! Indexes over columns that cannot be indexed.

use rome_orm::prelude::*;

#[derive(Embedded)]
struct Address {
    city: String,
    #[rome(json)]
    notes: Vec<String>,
}

#[derive(Entity)]
#[rome(index(tags, name, marks), index(name, address.notes), unique(name, tags))]
struct Dog {
    #[rome(key)]
    id: u64,
    name: String,
    tags: Vec<String>,
    marks: Option<Vec<u32>>,
    #[rome(index)]
    notes: Json<String>,
    #[rome(unique)]
    pages: Vec<Json<String>>,
    #[rome(embed)]
    address: Address,
}

fn main() {}
