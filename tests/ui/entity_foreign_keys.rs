//! Foreign keys and partitions that are declared wrong.

use rome_orm::prelude::*;

#[derive(Entity)]
struct Owner {
    #[rome(key)]
    id: u64,
}

#[derive(Embedded)]
struct Address {
    city: String,
    #[rome(references = Owner)]
    owner: u64,
}

#[derive(Entity)]
#[rome(references = Owner, on_delete = cascade, foreign_key, foreign_key(owner_id), foreign_key(references = Owner))]
#[rome(foreign_key(owner_di, references = Owner), foreign_key(owner_id, owner_id, references = Owner))]
#[rome(foreign_key(owner_id, reference = Owner), foreign_key(owner_id, references = Owner, on_delete = delete))]
#[rome(foreign_key(address, references = Owner), foreign_key(notes, references = Owner), foreign_key(a, b, c, d, e, f, references = Owner))]
#[rome(foreign_key(owner_id, references = Owner), foreign_key(owner_id, references = Owner))]
struct Dog {
    #[rome(key, foreign_key(owner_id))]
    id: u64,
    owner_id: u64,
    #[rome(on_delete = cascade)]
    walker_id: u64,
    #[rome(references, on_delete = cascde)]
    mother_id: u64,
    #[rome(references = "Owner", on_delete)]
    father_id: u64,
    #[rome(references = Owner, references = Owner, on_delete = "cascade")]
    vet_id: u64,
    #[rome(embed)]
    address: Home,
    #[rome(json, references = Owner)]
    notes: Vec<u64>,
    #[rome(refrences = Owner)]
    last: u64,
}

#[derive(Entity)]
#[rome(partition_by = name, partition_by = id)]
struct ByName {
    #[rome(key, partition_by = id)]
    id: u64,
    name: String,
}

#[derive(Entity)]
#[rome(partition_by(id, id, naem, home.city))]
struct ByNothing {
    #[rome(key)]
    id: u64,
    #[rome(embed)]
    home: Home,
}

#[derive(Entity)]
#[rome(partition_by())]
struct ByEmptyList {
    #[rome(key)]
    id: u64,
}

#[derive(Entity)]
#[rome(partition_by, unique(global, name), index(name, global))]
struct ByFlag {
    #[rome(key)]
    id: u64,
    #[rome(index(local))]
    name: String,
}

#[derive(Embedded)]
struct Home {
    city: String,
}

fn main() {}
