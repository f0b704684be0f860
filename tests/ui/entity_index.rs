//! Indexes that are declared wrong.

use rome_orm::prelude::*;

#[derive(Entity)]
#[rome(index, index(), index(naem), index(name, name), unique(descending(name)), index(desc(name, age)))]
#[rome(index(age), index(name, name = "by_age"), index(address), index(address.city.street), index(name.first))]
#[rome(index(notes), unique(name, name = ""), index(name, called = "x"), index(age, as = "x"))]
#[rome(index(global, name), index = [age, desc(naem)], index = age, unique = [], global_index(global), global_index = [3])]
struct Dog {
    #[rome(key)]
    id: u64,
    #[rome(index(up), index(global), unique)]
    name: String,
    #[rome(index, global_index)]
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
