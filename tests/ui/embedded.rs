//! Mistakes in embedded structs.

use rome_orm::prelude::*;

#[derive(Embedded)]
#[rome(table = "addresses", index(city))]
struct Address {
    #[rome(key, index)]
    city: String,
    #[rome(embed)]
    place: String,
    #[rome(colum = "x", created_at)]
    street: String,
    #[rome(column = "street")]
    way: &'static str,
}

#[derive(Embedded)]
struct Pair(u64, u64);

#[derive(Embedded)]
enum Choice {
    A,
}

fn main() {}
