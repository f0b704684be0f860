//! Relations that are declared wrong.

use rome_orm::prelude::*;

#[derive(Entity)]
#[rome(belongs_to(owner_id), has_many(owner_id), index(owner))]
struct Dog {
    #[rome(key)]
    id: u64,
    owner_id: u64,
    #[rome(belongs_to)]
    owner: One<Dog>,
    #[rome(belongs_to())]
    first: One<Dog>,
    #[rome(belongs_to(owner_di, owner), has_one(owner_id), index, column = "x")]
    second: One<Dog>,
    #[rome(has_many = owner_id)]
    third: Many<Dog>,
    #[rome(has_many(owner_id, owner_id))]
    fourth: Many<Dog>,
    #[rome(many_to_many(dog_id, tag_id))]
    fifth: Many<Dog>,
    #[rome(many_to_many(through = Dog, dog_id))]
    sixth: Many<Dog>,
    #[rome(many_to_many(through = Dog, dog_id, dog_id))]
    seventh: Many<Dog>,
    #[rome(many_to_many(by = Dog, dog_id, tag_id))]
    eighth: Many<Dog>,
    #[rome(belong_to(owner_id))]
    ninth: u64,
}

/// The constant of a relation is one among those of the columns.
#[derive(Entity)]
struct Names {
    #[rome(key)]
    id: u64,
    a_b: u64,
    #[rome(belongs_to(a_b))]
    aB: One<Names>,
}

#[derive(Embedded)]
struct Address {
    owner_id: u64,
    #[rome(belongs_to(owner_id))]
    owner: One<Dog>,
}

/// A mistake in an attribute leaves the entity and its relations usable.
#[derive(Entity)]
struct Usable {
    #[rome(key, atuo)]
    id: u64,
    #[rome(has_many)]
    others: Many<Usable>,
}

fn uses(usable: &Usable) -> rome_orm::Result<(usize, &'static str)> {
    Ok((usable.others.get()?.len(), Usable::OTHERS.name().field))
}

fn main() {}
