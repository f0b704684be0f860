//! The entities without indexes.
#![allow(clippy::duplicate_mod, reason = "the same questions are asked of each set of entities")]

use rome_orm::prelude::*;

#[path = "ask_groups.rs"]
mod ask_groups;
#[path = "asks.rs"]
mod asks;
#[path = "world.rs"]
mod world;

super::entities! {
    owner [] city [] age [] code [],
    dog [] name [] age [] owner_id [] boss_id [] code [] gone [],
    tag [],
    link []
}
