//! The entities with composite and global indexes, softly deleted rows and rows that lie together.
#![allow(clippy::duplicate_mod, reason = "the same questions are asked of each set of entities")]
#![allow(clippy::duplicated_attributes, reason = "indexes share columns")]

use rome_orm::prelude::*;

#[path = "ask_groups.rs"]
mod ask_groups;
#[path = "asks.rs"]
mod asks;
#[path = "world.rs"]
mod world;

super::entities! {
    owner [#[rome(index(code, desc(age)), index(city, id))]] city [] age [] code [],
    dog [#[rome(
        index(owner_id, desc(age)), index(kind, age), global_index(desc(boss_id)), index(desc(age)), index(name, kind),
        index(gone, age), index(weight, gone), index(gone, kind, age)
    )]] name [] age [] owner_id [] boss_id [] code [] gone [#[rome(soft_delete)]],
    tag [],
    link [#[rome(partition_by(dog_id), global_index(tag_id, dog_id))]]
}
