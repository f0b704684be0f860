//! Columns that are compared, ordered or set as their types do not allow.

use rome_orm::expr::Orders;
use rome_orm::prelude::*;

#[derive(ColumnEnum, Clone)]
enum Coat {
    Short,
}

#[derive(Newtype, Clone)]
struct Marks(Vec<u32>);

#[derive(Entity)]
struct Dog {
    #[rome(key)]
    id: Id<Dog>,
    name: String,
    age: Option<u32>,
    tags: Vec<String>,
    coat: Coat,
    marks: Marks,
    #[rome(json)]
    notes: Vec<u8>,
    owner: Id<Owner>,
}

#[derive(Entity)]
struct Owner {
    #[rome(key)]
    id: Id<Owner>,
}

fn order(_: impl Orders<Dog>) {}

fn main() {
    let _ = Dog::AGE.ge("x");
    let _ = Dog::NAME.eq(3);
    let _ = Dog::OWNER.eq(Id::<Dog>::new(1));
    let _ = Dog::COAT.eq("short");
    let _ = Dog::NAME.is_null();
    let _ = Dog::TAGS.lt(Vec::new());
    let _ = Dog::MARKS.desc();
    let _ = Dog::NOTES.asc();
    let _ = Dog::AGE.like("x%");
    let _ = Dog::NAME + 1;
    let _ = Dog::AGE.contains(1);
    let _ = Dog::AGE.set("x");
    order(Dog::AGE);
    order(Owner::ID.asc());
    let _ = Condition::after(Dog::AGE.desc(), "x");
    let _ = Condition::after((Dog::AGE.desc(), Dog::NAME.asc()), (3, 4));
    let _ = Condition::after((Dog::AGE.desc(), Dog::NAME.asc()), (3,));
}
