//! An index over a column that the embedded struct does not have.

use rome_orm::prelude::*;

#[derive(Embedded)]
struct Address {
    city: String,
}

#[derive(Entity)]
#[rome(index(address.citty))]
struct Dog {
    #[rome(key)]
    id: u64,
    #[rome(embed)]
    address: Address,
}

fn main() {}
