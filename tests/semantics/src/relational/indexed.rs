//! The entities with indexes on single columns.
#![allow(clippy::duplicate_mod, reason = "the same questions are asked of each set of entities")]

use rome_orm::prelude::*;

#[path = "ask_groups.rs"]
mod ask_groups;
#[path = "asks.rs"]
mod asks;
#[path = "world.rs"]
mod world;

super::entities! {
    owner [] city [#[rome(index)]] age [#[rome(index)]] code [#[rome(unique)]],
    dog [] name [#[rome(index)]] age [#[rome(index)]] owner_id [#[rome(index)]] boss_id [#[rome(index)]]
        code [#[rome(index)]] gone [],
    tag [#[rome(index(label))]],
    link [#[rome(index(tag_id))]]
}
