//! The rows of all tables, the same for the same number of images.

use std::cmp::Reverse;

use rome_orm::prelude::*;

use crate::tables::{Event, Image, Member, Note, Tag};

/// Rows that are written at once.
const BULK: usize = 1000;

/// All rows, for the naive evaluation and to fill a database with.
#[derive(Debug)]
pub struct World {
    /// How many images there are, and as many notes and events.
    pub rows: u64,
    /// When the image was created that a page begins after, in the middle of the newest ones, and its id.
    pub middle: (u64, u64),
    /// When the image was seen, of those that were, after which eleven more and then those that were never seen come, and its id.
    pub seen_long_ago: (u64, u64),
    /// By id.
    pub images: Vec<Image>,
    /// By image and name.
    pub tags: Vec<Tag>,
    /// By image and user.
    pub members: Vec<Member>,
    /// By id.
    pub notes: Vec<Note>,
    /// By id.
    pub events: Vec<Event>,
}

/// A number that looks random, the same for the same ones.
const fn mixed(of: u64, salt: u64) -> u64 {
    let mut z = of.wrapping_add(salt.wrapping_mul(0x9E37_79B9_7F4A_7C15)).wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// Whether it is one of forty, which lie evenly among so many.
const fn is_rare(id: u64, rows: u64) -> bool {
    id % (rows / 40) == 7
}

impl World {
    /// A world of so many images.
    ///
    /// # Panics
    /// Unless that is a multiple of 1,000: the groups of some columns have a fixed number of rows, and orders are permutations.
    #[must_use]
    pub fn new(rows: u64) -> Self {
        assert!(rows > 0 && rows.is_multiple_of(1000), "a world has a multiple of 1,000 images");
        let image = |id: u64| Image {
            id,
            owner: mixed(id, 1) % 100,
            team: id % (rows / 50),
            visibility: (mixed(id, 3) % 10).min(1),
            created: id * 7919 % rows / 4,
            seen: (!mixed(id, 4).is_multiple_of(3)).then_some(id * 104_729 % rows),
            grade: mixed(id, 5) % 5,
            price: id * 1_299_709 % rows / 2,
            kind: if is_rare(id, rows) { 9 } else { mixed(id, 6) % 3 },
            size: mixed(id, 7) % 1000,
            title: format!("image {id:08} of somebody, with a title of some length"),
            ..Default::default()
        };
        let tag = |image_id, name, value| Tag { image_id, name, value, ..Default::default() };
        let tags = (0..rows).flat_map(|id| {
            let rare = is_rare(id, rows).then(|| tag(id, 9, id));
            [tag(id, 0, mixed(id, 8) % 3), tag(id, 1, id * 15_485_863 % rows)].into_iter().chain(rare)
        });
        // One image in ten is shared, with one user.
        let member = |id: u64| Member { image_id: id, user: id / 10 % (rows / 300) };
        let deleted_at = |id: u64| mixed(id, 10).is_multiple_of(10).then_some(DateTime::UNIX_EPOCH);
        let note = |id: u64| Note { id, author: mixed(id, 11) % 50, at: id * 7919 % rows, deleted_at: deleted_at(id) };
        let event = |id: u64| Event {
            id,
            kind: mixed(id, 12) % 10,
            at: id * 7919 % rows / 2,
            run: id / 400,
            shift: (id + 20) / 400,
            color: mixed(id, 13) % 7,
            form: mixed(id, 14) % 5,
        };
        let images: Vec<Image> = (0..rows).map(image).collect();
        let created = rows / 8;
        let third = images.iter().filter(|image| image.created == created).nth(2);
        let mut seen: Vec<(u64, u64)> = images.iter().filter_map(|image| Some((image.seen?, image.id))).collect();
        seen.sort_unstable();
        Self {
            rows,
            middle: (created, third.map_or(0, |image| image.id)),
            seen_long_ago: seen.get(11).copied().unwrap_or_default(),
            images,
            tags: tags.collect(),
            members: (0..rows).step_by(10).map(member).collect(),
            notes: (0..rows).map(note).collect(),
            events: (0..rows).map(event).collect(),
        }
    }

    /// Writes all rows.
    ///
    /// # Errors
    /// As [`Database::insert_many`].
    pub async fn fill(&self, db: &Database) -> rome_orm::Result<()> {
        for rows in self.images.chunks(BULK) {
            db.insert_many(rows.iter().cloned()).await?;
        }
        for rows in self.tags.chunks(BULK) {
            db.insert_many(rows.iter().cloned()).await?;
        }
        for rows in self.members.chunks(BULK) {
            db.insert_many(rows.iter().cloned()).await?;
        }
        for rows in self.notes.chunks(BULK) {
            db.insert_many(rows.iter().cloned()).await?;
        }
        for rows in self.events.chunks(BULK) {
            db.insert_many(rows.iter().cloned()).await?;
        }
        Ok(())
    }

    /// The images for which this holds, ids ascending.
    pub(crate) fn images_where(&self, holds: impl Fn(&Image) -> bool) -> Vec<&Image> {
        self.images.iter().filter(|image| holds(image)).collect()
    }

    /// The ids of the 25 newest of those for which this holds.
    pub(crate) fn newest(&self, holds: impl Fn(&Image) -> bool) -> Vec<u64> {
        let mut images = self.images_where(holds);
        images.sort_by_key(|image| Reverse((image.created, image.id)));
        images.iter().take(25).map(|image| image.id).collect()
    }

    /// The tags of an image.
    pub(crate) fn tags_of(&self, image: u64) -> &[Tag] {
        let from = self.tags.partition_point(|tag| tag.image_id < image);
        let to = self.tags.partition_point(|tag| tag.image_id <= image);
        self.tags.get(from..to).unwrap_or_default()
    }

    /// Whether an image has a tag for which this holds.
    pub(crate) fn has_tag(&self, image: &Image, holds: impl Fn(&Tag) -> bool) -> bool {
        self.tags_of(image.id).iter().any(holds)
    }

    /// Whether an image is shared with a user.
    pub(crate) fn is_member(&self, image: &Image, user: u64) -> bool {
        self.members.binary_search_by_key(&(image.id, user), |member| (member.image_id, member.user)).is_ok()
    }
}
