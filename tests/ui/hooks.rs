//! Hooks that are announced and not there, and hooks that are there and not announced.

use rome_orm::Hooks;
use rome_orm::prelude::*;

#[derive(Entity)]
#[rome(hooks)]
struct Dog {
    #[rome(key)]
    id: u32,
}

#[derive(Entity)]
struct Owner {
    #[rome(key)]
    id: u32,
}

impl Hooks for Owner {}

#[derive(Entity)]
#[rome(hooks = true)]
struct City {
    #[rome(key, hooks)]
    id: u32,
}

impl Hooks for City {}

fn main() {}
