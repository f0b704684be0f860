//! Mistakes in newtypes.

use rome_orm::prelude::*;

#[derive(Newtype)]
#[rome(column = "email")]
struct Email(#[rome(index)] &'static str);

#[derive(Newtype)]
struct Pair(u64, u64);

#[derive(Newtype)]
enum Choice {
    A,
}

#[derive(Newtype)]
struct Holder<T>(T);

fn main() {}
