//! Columns of embedded structs that have the names of other columns.

use rome_orm::prelude::*;

#[derive(Embedded)]
struct Address {
    #[rome(column = "town")]
    city: String,
}

#[derive(Entity)]
struct Dog {
    #[rome(key)]
    id: u64,
    #[rome(embed)]
    address: Address,
    address_town: String,
}

#[derive(Embedded)]
struct Nested {
    b_c: String,
}

#[derive(Embedded)]
struct Deep {
    c: String,
}

#[derive(Entity)]
struct Two {
    #[rome(key)]
    id: u64,
    #[rome(embed)]
    a: Nested,
    #[rome(embed)]
    a_b: Deep,
}

fn main() {}
