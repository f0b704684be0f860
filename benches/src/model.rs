//! The image table of a service like Glance, and a data set that is the same for every peer and every run.
//!
//! 12 columns, 4 secondary indexes (status, owner, size, created_at), 5 properties an image, 100 images an owner. All
//! values follow from the row's number, so peers can be compared row by row and nothing depends on chance.

use chrono::{DateTime, TimeDelta, Utc};
use rome_orm::prelude::*;
use uuid::Uuid;

/// The five states that an image can be in; a fifth of the images is in each.
pub const STATUSES: [&str; 5] = ["queued", "saving", "active", "deactivated", "killed"];
/// Plain column of the three-condition query: not indexed anywhere.
pub const DISK_FORMATS: [&str; 4] = ["qcow2", "raw", "vmdk", "iso"];
/// Images that one owner has.
pub const IMAGES_PER_OWNER: u64 = 100;
/// Names of the properties that each image has.
pub const PROPERTY_NAMES: [&str; 5] = ["architecture", "hw_disk_bus", "os_distro", "os_version", "signature_verified"];
/// Rows of the contended counter table.
pub const COUNTERS: u32 = 8;

/// One image.
#[derive(Entity, Clone, Debug, PartialEq)]
#[rome(table = "images")]
pub struct Image {
    #[rome(key)]
    pub id: Uuid,
    pub name: String,
    #[rome(index)]
    pub status: String,
    #[rome(index)]
    pub owner: String,
    pub visibility: String,
    pub disk_format: String,
    #[rome(index)]
    pub size: i64,
    pub checksum: Option<String>,
    pub min_ram: u32,
    pub protected: bool,
    #[rome(index)]
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    #[rome(has_many(image_id))]
    pub properties: Many<Property>,
}

/// One property of an image; its key is the image and its name.
#[derive(Entity, Clone, Debug, PartialEq)]
#[rome(table = "properties")]
pub struct Property {
    #[rome(key)]
    pub image_id: Uuid,
    #[rome(key)]
    pub name: String,
    pub value: String,
}

/// A row that many tasks increment at once.
#[derive(Entity, Clone, Debug, PartialEq)]
#[rome(table = "counters")]
pub struct Counter {
    #[rome(key)]
    pub id: u32,
    pub value: i64,
}

/// The image of this number, the same in every peer.
pub fn image(number: u64) -> Image {
    let created_at = created_at(number);
    Image {
        id: image_id(number),
        name: format!("image-{number:08}"),
        status: status(number).to_owned(),
        owner: owner(number / IMAGES_PER_OWNER),
        visibility: if number.is_multiple_of(3) { "public" } else { "private" }.to_owned(),
        disk_format: DISK_FORMATS[(number / 5 % 4) as usize].to_owned(),
        size: (mix(number ^ 0x5153) % 20_000_000_000) as i64,
        checksum: (!number.is_multiple_of(5))
            .then(|| format!("{:016x}{:016x}", mix(number ^ 0xc0), mix(number ^ 0xc1))),
        min_ram: (number % 8 * 512) as u32,
        protected: number.is_multiple_of(7),
        created_at,
        updated_at: created_at + TimeDelta::seconds(30),
        properties: Many::default(),
    }
}

/// The five properties of an image.
pub fn properties(number: u64) -> [Property; 5] {
    PROPERTY_NAMES.map(|name| Property {
        image_id: image_id(number),
        name: name.to_owned(),
        value: format!("{name}-{}", mix(number) % 1_000),
    })
}

/// A random-looking (version 4) identifier, as Glance gives its images.
pub fn image_id(number: u64) -> Uuid {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&mix(number ^ 0x1d).to_be_bytes());
    bytes[8..].copy_from_slice(&mix(number ^ 0x1d00).to_be_bytes());
    uuid::Builder::from_random_bytes(bytes).into_uuid()
}

/// The state of the image of this number.
pub fn status(number: u64) -> &'static str {
    STATUSES[(number % 5) as usize]
}

/// A project identifier as Keystone writes it: 32 hexadecimal digits.
pub fn owner(number: u64) -> String {
    format!("{:016x}{:016x}", mix(number ^ 0x0e), mix(number ^ 0x0e00))
}

/// When the image of this number was made: one every ten seconds.
pub fn created_at(number: u64) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(
        1_700_000_000_000_000 + number as i64 * 10_000_000 + (mix(number) % 1_000_000) as i64,
    )
    .expect("a time in this century is in chrono's range")
}

/// SplitMix64: a fixed, well-spread number for a number.
pub fn mix(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
