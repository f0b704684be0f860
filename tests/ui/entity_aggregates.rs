//! Aggregate indexes that are declared wrong.

use rome_orm::prelude::*;

#[derive(Entity)]
#[rome(count = 3, count_by(name), count(), count(by), count(by = []), count(name), count(by = naem), count(by = [name, name]), count(by = age), count(by = age))]
#[rome(sum, sum(), sum(aeg), sum(age, by), sum(age, by(name)), sum(age, of = name), sum(age, by = [name, naem]), sum(age = name))]
#[rome(sum(age, name = "by_name"), sum(notes), sum(address), sum(address.city.street), count(by = notes), count_on(name))]
#[rome(count(name = age), count(by = desc(name)), sum(age, by = age, by = name), count(by = name, name = ""), sum(age, as = "x"))]
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
