//! The operations, and the requests that a client makes of them.
//!
//! A request is data: the clients prepare theirs before the clock starts, and every peer is sent the same ones.

use anyhow::{Result, bail};
use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::model::{self, COUNTERS, DISK_FORMATS, IMAGES_PER_OWNER, Image, Property, STATUSES};

/// Rows of the newest-of-a-range query and of the three-condition query.
pub const SHORT_LIMIT: u32 = 25;
/// Rows of one page.
pub const PAGE: u32 = 50;
/// Pages whose cursors each peer prepares.
pub const PAGES: usize = 16;
/// Rows of the bulk insert.
pub const BULK: usize = 1_000;

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    PointGet,
    GetMany,
    ByOwner,
    Newest,
    Filtered,
    Page,
    WithProperties,
    Joined,
    CountOwner,
    CountStatus,
    Insert,
    UpdateIndexed,
    Delete,
    InsertMany,
    Counter,
}

impl Operation {
    /// All of them, in the order in which they run: a delete takes what the insert before it made.
    pub const ALL: [Self; 15] = [
        Self::PointGet,
        Self::GetMany,
        Self::ByOwner,
        Self::Newest,
        Self::Filtered,
        Self::Page,
        Self::WithProperties,
        Self::Joined,
        Self::CountOwner,
        Self::CountStatus,
        Self::Insert,
        Self::UpdateIndexed,
        Self::Delete,
        Self::InsertMany,
        Self::Counter,
    ];

    /// Its name in tables and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::PointGet => "point get",
            Self::GetMany => "get 100 keys",
            Self::ByOwner => "100 rows by index",
            Self::Newest => "newest 25 of a range",
            Self::Filtered => "two indexed conditions and one plain, limit 25",
            Self::Page => "a page of 50 by cursor",
            Self::WithProperties => "100 images with their properties",
            Self::Joined => "the same as a join",
            Self::CountOwner => "count by index, 100 rows",
            Self::CountStatus => "count by index, a fifth of the table",
            Self::Insert => "insert one, durable",
            Self::UpdateIndexed => "update an indexed column, durable",
            Self::Delete => "delete, durable",
            Self::InsertMany => "insert 1,000 in one transaction, durable",
            Self::Counter => "contended counter, 8 rows, durable",
        }
    }

    /// Whether it is measured on servers too.
    pub fn is_for_servers(self) -> bool {
        !matches!(
            self,
            Self::Filtered | Self::Page | Self::WithProperties | Self::Joined | Self::CountOwner | Self::InsertMany
        )
    }

    /// Whether it writes.
    pub fn writes(self) -> bool {
        matches!(self, Self::Insert | Self::UpdateIndexed | Self::Delete | Self::InsertMany | Self::Counter)
    }
}

/// One thing that a client asks.
#[derive(Clone, Debug)]
pub enum Request {
    PointGet(Uuid),
    GetMany(Vec<Uuid>),
    ByOwner(String),
    Newest { from: DateTime<Utc>, to: DateTime<Utc> },
    Filtered { status: &'static str, owner: String, disk_format: &'static str },
    Page(usize),
    WithProperties(String),
    Joined(String),
    CountOwner(String),
    CountStatus(&'static str),
    Insert(Image),
    UpdateSize { id: Uuid, size: i64, now: DateTime<Utc> },
    Delete(Uuid),
    InsertMany(Vec<Image>),
    Increment(u32),
}

/// What came back.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    Image(Option<Image>),
    Images(Vec<Image>),
    WithProperties(Vec<(Image, Vec<Property>)>),
    Joined(Vec<(Image, Property)>),
    Count(u64),
    Done,
}

/// Numbers that decide what a client asks next.
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// The same seed gives the same requests.
    pub fn new(seed: u64) -> Self {
        Self(model::mix(seed))
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(1);
        model::mix(self.0) % limit
    }
}

/// A read over a table of this many images, or a write that leaves it as large as it was.
pub fn request(operation: Operation, images: u64, dice: &mut Dice) -> Result<Request> {
    let owners = images / IMAGES_PER_OWNER;
    Ok(match operation {
        Operation::PointGet => Request::PointGet(model::image_id(dice.below(images))),
        // A prime stride: a hundred different keys, since SQL's IN gives a row once.
        Operation::GetMany => {
            let first = dice.below(images);
            Request::GetMany((0..100).map(|place| model::image_id((first + place * 97) % images)).collect())
        }
        Operation::ByOwner => Request::ByOwner(model::owner(dice.below(owners))),
        Operation::Newest => {
            let first = dice.below(images / 2);
            Request::Newest { from: model::created_at(first), to: model::created_at(first + images / 4) }
        }
        Operation::Filtered => {
            let number = dice.below(images);
            Request::Filtered {
                status: model::status(number),
                owner: model::owner(number / IMAGES_PER_OWNER),
                disk_format: DISK_FORMATS[dice.below(4) as usize],
            }
        }
        Operation::Page => Request::Page(dice.below(PAGES as u64) as usize),
        Operation::WithProperties => Request::WithProperties(model::owner(dice.below(owners))),
        Operation::Joined => Request::Joined(model::owner(dice.below(owners))),
        Operation::CountOwner => Request::CountOwner(model::owner(dice.below(owners))),
        Operation::CountStatus => Request::CountStatus(STATUSES[dice.below(5) as usize]),
        // The size is indexed and no read of the workload asks for it, so updates do not change what reads return.
        Operation::UpdateIndexed => Request::UpdateSize {
            id: model::image_id(dice.below(images)),
            size: dice.below(20_000_000_000) as i64,
            now: model::created_at(images + dice.below(images)),
        },
        Operation::Counter => Request::Increment(dice.below(u64::from(COUNTERS)) as u32),
        Operation::Insert | Operation::InsertMany | Operation::Delete => {
            bail!("{} takes rows of its own, see Contestant::requests", operation.name())
        }
    })
}
