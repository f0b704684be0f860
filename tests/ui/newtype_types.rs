//! Newtypes around what is no column, and uses that what they hold does not allow.

use rome_orm::prelude::*;

struct Plain;

#[derive(Newtype)]
struct Around(Plain);

#[derive(Newtype, Clone)]
struct Weight(f64);

#[derive(Entity)]
struct Dog {
    #[rome(key)]
    weight: Weight,
}

fn main() {}
