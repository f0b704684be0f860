//! Indexes that are declared wrong.

use rome_orm::prelude::*;

#[derive(Entity)]
#[rome(index, index(), index(naem), index(name, name), unique(descending(name)), index(desc(name, age)))]
#[rome(index(age), index(name, as = "by_age"), index(address), index(address.city.street), index(name.first))]
#[rome(index(notes), unique(name, as = ""), index(name, called = "x"))]
struct Dog {
    #[rome(key)]
    id: u64,
    #[rome(index(up), unique)]
    name: String,
    #[rome(index)]
    age: u32,
    #[rome(embed)]
    address: Address,
    #[rome(json)]
    notes: Vec<String>,
}

#[derive(Embedded)]
struct Address {
    city: String,
}

fn main() {}
