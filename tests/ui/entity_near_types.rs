//! Types that are no columns and that are often written for one: the error says what to write instead.

use std::collections::HashMap;

use rome_orm::chrono::{FixedOffset, Local, NaiveDateTime};
use rome_orm::prelude::*;

#[derive(Entity)]
struct Dog {
    #[rome(key)]
    id: u64,
    naive: NaiveDateTime,
    local: DateTime<Local>,
    fixed: Option<DateTime<FixedOffset>>,
    system: std::time::SystemTime,
    unsigned: usize,
    signed: isize,
    many: Vec<usize>,
    hash: [u8; 32],
    pause: std::time::Duration,
    delta: rome_orm::chrono::Duration,
    map: HashMap<String, u32>,
    set: std::collections::BTreeSet<String>,
    letter: char,
    place: (f64, f64),
    address: std::net::IpAddr,
    count: std::num::NonZeroU32,
    boxed: Box<u64>,
    #[rome(json)]
    allowed: HashMap<String, u32>,
}

#[derive(Embedded)]
struct Home {
    floor: usize,
}

mod own {
    use rome_orm::prelude::*;

    /// A column type of the program's own, by the name of one that is none.
    #[derive(Newtype, Clone)]
    pub struct Duration(pub u64);
}

#[derive(Entity)]
struct Walk {
    #[rome(key)]
    id: u64,
    took: own::Duration,
    best: Option<own::Duration>,
}

fn main() {}
