//! Mistakes in enums for columns.

use rome::prelude::*;

#[derive(ColumnEnum)]
#[rome(rename_all = "snake-case", lable = "x")]
enum Coat {
    #[rome(label = "short", rename = "s")]
    Short,
    #[rome(label = "short")]
    Long(u64),
    #[rome(label)]
    Curly { tight: bool },
}

#[derive(ColumnEnum)]
#[rome(rename_all = "title")]
enum Never {}

#[derive(ColumnEnum)]
struct Email(String);

#[derive(ColumnEnum)]
enum Either<A> {
    Left(A),
    #[rome(lable = "r")]
    Right,
}

fn main() {}
