//! Traits that only ROME implements: implementing one elsewhere is an error, so that each may get further methods and implementations.

use rome_orm::expr::{Assignments, Conditions, IntoOperand, Orders};
use rome_orm::prelude::*;
use rome_orm::query::{Selection, SetOperand};

struct Mine;

impl Executor for Mine {}

impl rome_orm::IntoStore for Mine {}

impl Conditions<Dog> for Mine {}

impl Assignments<Dog> for Mine {}

impl Orders<Dog> for Mine {}

impl IntoOperand<Dog, u32> for Mine {}

impl Selection<Dog> for Mine {}

impl SetOperand<Dog> for Mine {}

impl<T> OrNotFound<T> for Mine {}

#[derive(Entity)]
struct Dog {
    #[rome(key)]
    id: u64,
}

fn main() {}
