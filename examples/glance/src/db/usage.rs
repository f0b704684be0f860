//! What the images of a project take, and that it stays within limits.
//!
//! There is one rule: a write that makes an owner use more of something has to leave it within its limit. It is tested in
//! the transaction of the write, so of any number of writes at the same time only as many succeed as there is room for.
//! A write that needs no more of anything passes, also where a limit was lowered below what is used already.

use rome_orm::prelude::*;

use super::entities::{Image, ImageStatus};
use super::error::{DbError, DbResult};

/// What the images of a project take, by the names of OpenStack's unified limits; sizes are in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Bytes of the images whose data is in the store, or is on its way there and has said how much it is.
    pub image_size_total: u64,
    /// Bytes that are staged for an import.
    pub image_stage_total: u64,
    /// Images that are not deleted.
    pub image_count_total: u64,
    /// Images that are uploaded or imported right now, or wait for their import.
    pub image_count_uploading: u64,
}

/// The most that the images of one project may take; no limit where it is `None`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are those of `Usage`, see there")]
pub struct Limits {
    pub image_size_total: Option<u64>,
    pub image_stage_total: Option<u64>,
    pub image_count_total: Option<u64>,
    pub image_count_uploading: Option<u64>,
}

impl Usage {
    /// What so many images of one status and together so many bytes take.
    fn of(status: ImageStatus, images: u64, bytes: u64) -> Self {
        use ImageStatus::{Active, Deactivated, Deleted, Importing, Killed, PendingDelete, Queued, Saving, Uploading};
        let there = Self { image_count_total: images, ..Self::default() };
        match status {
            Queued => there,
            Saving => Self { image_count_uploading: images, image_size_total: bytes, ..there },
            Uploading => Self { image_count_uploading: images, image_stage_total: bytes, ..there },
            // It lies in one place and needs room in the other.
            Importing => Self { image_size_total: bytes, ..Self::of(Uploading, images, bytes) },
            Active | Deactivated => Self { image_size_total: bytes, ..there },
            Killed | PendingDelete | Deleted => Self::default(),
        }
    }

    fn of_image(image: &Image) -> Self {
        Self::of(image.status, 1, image.size.and_then(|size| u64::try_from(size).ok()).unwrap_or_default())
    }

    fn plus(self, other: Self) -> Self {
        Self {
            image_size_total: self.image_size_total.saturating_add(other.image_size_total),
            image_stage_total: self.image_stage_total.saturating_add(other.image_stage_total),
            image_count_total: self.image_count_total.saturating_add(other.image_count_total),
            image_count_uploading: self.image_count_uploading.saturating_add(other.image_count_uploading),
        }
    }

    /// Each with its name and its limit.
    #[must_use]
    pub fn limited(&self, limits: &Limits) -> [(&'static str, u64, Option<u64>); 4] {
        [
            ("image_size_total", self.image_size_total, limits.image_size_total),
            ("image_stage_total", self.image_stage_total, limits.image_stage_total),
            ("image_count_total", self.image_count_total, limits.image_count_total),
            ("image_count_uploading", self.image_count_uploading, limits.image_count_uploading),
        ]
    }

    /// Checks that there is room for something that took `before` and is to take `after`.
    fn check_room(&self, limits: &Limits, owner: &str, before: &Self, after: &Self) -> DbResult<()> {
        for ((name, used, _), (delta, limit)) in self.limited(limits).into_iter().zip(growth(limits, before, after)) {
            if let Some(limit) = limit.filter(|limit| delta > 0 && used.saturating_add(delta) > *limit) {
                return Err(DbError::LimitExceeded(over_limit(owner, name, limit, used, delta)));
            }
        }
        Ok(())
    }
}

/// The answer to a project that needs `delta` more of something than there is room for.
#[must_use]
pub fn over_limit(owner: &str, name: &str, limit: u64, used: u64, delta: u64) -> String {
    format!(
        "Project {owner} is over a limit for [Resource {name} is over limit of {limit} due to current usage {used} and delta \
         {delta}]"
    )
}

/// How much more of each is taken, with its limit.
fn growth(limits: &Limits, before: &Usage, after: &Usage) -> impl Iterator<Item = (u64, Option<u64>)> {
    let (before, after) = (before.limited(limits), after.limited(limits));
    before.into_iter().zip(after).map(|((_, before, limit), (_, after, _))| (after.saturating_sub(before), limit))
}

/// What the images of a project take. Costs one read of counters, however many images there are; one round trip more in several
/// partitions.
///
/// # Errors
/// When the store fails.
pub async fn usage(at: &impl Executor, owner: &str) -> DbResult<Usage> {
    let by_status = at.query::<Image>().filter(Image::OWNER.eq(owner)).group_by(Image::STATUS);
    let groups = by_status.select((Image::STATUS, count(), sum(Image::SIZE))).all().await?;
    let of = |(status, images, bytes): (ImageStatus, u64, Option<i64>)| {
        Usage::of(status, images, bytes.and_then(|bytes| u64::try_from(bytes).ok()).unwrap_or_default())
    };
    Ok(groups.into_iter().map(of).fold(Usage::default(), Usage::plus))
}

/// Checks that a project has room for what becomes of an image, before it is written. Costs one read for a write that needs
/// more of something that is limited, and none for any other.
pub(super) async fn check(s: &Session, limits: &Limits, before: Option<&Image>, after: &Image) -> DbResult<()> {
    let Some(owner) = after.owner.as_deref() else { return Ok(()) };
    let own = before.filter(|before| before.owner == after.owner);
    let (before, after) = (own.map_or_else(Usage::default, Usage::of_image), Usage::of_image(after));
    if growth(limits, &before, &after).any(|(delta, limit)| delta > 0 && limit.is_some()) {
        usage(s, owner).await?.check_room(limits, owner, &before, &after)?;
    }
    Ok(())
}
