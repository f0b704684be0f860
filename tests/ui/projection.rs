//! Mistakes in projections.

use rome_orm::prelude::*;

#[derive(Projection)]
#[rome(entiti = Dog)]
struct Nameless {
    #[rome(form = NAME)]
    name: String,
    #[rome(from = "age")]
    age: &'static str,
    #[rome(column = AGE)]
    years: u32,
}

#[derive(Projection)]
#[rome(entity = "Dog")]
struct Quoted(String);

fn main() {}
