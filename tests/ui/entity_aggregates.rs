//! Aggregate indexes that are declared wrong.

use rome_orm::prelude::*;

#[derive(Entity)]
#[rome(count = 3, count_by, count_by(), count_by(naem), count_by(name, name), count_by(age), count_by(age))]
#[rome(sum, sum(), sum(aeg), sum(age, by), sum(age, of = name), sum(age, by(name, naem)), sum(age = name))]
#[rome(sum(age, as = "by_name"), sum(notes), sum(address), sum(address.city.street), count_by(notes), count_on(name))]
#[rome(count_by(name = age), count_by(desc(name)), sum(age, by = age, by = name), count_by(name, as = ""))]
struct Dog {
    #[rome(key)]
    id: u64,
    #[rome(index)]
    name: String,
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
