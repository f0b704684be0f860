//! Mistakes in enums for columns.

use rome_orm::prelude::*;

#[derive(ColumnEnum)]
#[rome(rename_all = "snake-case", lable = "x")]
enum Coat {
    #[rome(rename = "short", label = "s")]
    Short,
    #[rome(rename = "short")]
    Long(u64),
    #[rome(rename)]
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

#[derive(ColumnEnum)]
#[rome(ordered)]
enum Size {
    Small,
    #[rome(order)]
    Large,
}

#[derive(ColumnEnum)]
#[rome(order = "declaration")]
enum Priority {
    Low,
    High,
}

#[derive(ColumnEnum)]
#[rome(order)]
enum Level {
    High = 3,
    Middle = 2,
    Low = -1,
    Unset,
    Lowest = -5,
}

fn main() {}
