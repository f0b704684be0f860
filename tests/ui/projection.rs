//! Mistakes in projections.

use rome_orm::prelude::*;

#[derive(Projection)]
#[rome(entiti = Dog)]
struct Nameless {
    #[rome(colum = NAME)]
    name: String,
    #[rome(column = "age")]
    age: &'static str,
}

#[derive(Projection)]
#[rome(entity = "Dog")]
struct Quoted(String);

fn main() {}
