//! Lists of images: who asks, filters, order and pages, all pushed down into queries.
//!
//! A list is one query over images that stops at the limit: conditions on properties, tags and members are `exists`, which the
//! library tests on each image in its order, or asks first, whichever visits less. What belongs to the images of the page is loaded with
//! them.

mod filters;
mod items;
mod order;
mod time;
mod visible;

use rome_orm::prelude::*;

pub use filters::{Filters, VisibilityFilter};
pub use order::Direction;
pub use visible::MemberStatus;

use super::access;
use super::context::Context;
use super::entities::Image;
use super::error::DbResult;
use super::reading;
use super::record::{self, GetOptions, ImageRecord};
use order::Sort;

/// What is listed, in which order, and how much of it.
#[derive(Debug, Clone, Default)]
pub struct Listing {
    /// Which images; all of them have to match.
    pub filters: Filters,
    /// The id of an image, after which the list starts.
    pub marker: Option<String>,
    /// The most images to give; all without.
    pub limit: Option<u64>,
    /// Columns to sort by; `created_at` if empty.
    pub sort_key: Vec<String>,
    /// A direction for each of them, or one for all; `desc` if empty.
    pub sort_dir: Vec<Direction>,
    /// What a member has to have said for an image to be shared with it.
    pub member_status: MemberStatus,
    /// Only public images, or none of them.
    pub is_public: Option<bool>,
    /// An admin sees what a user would.
    pub admin_as_user: bool,
    /// The records have their tags.
    pub return_tag: bool,
}

/// A page of images.
#[derive(Debug, Default)]
pub struct ImagePage {
    /// Its images.
    pub records: Vec<ImageRecord>,
    /// Whether it ends before its limit because it has as many bytes as it may have.
    pub cut: bool,
}

/// With how many images at once what belongs to them is loaded, so that a page can end before all of it is in memory.
const CHUNK: usize = 32;

/// The images that the context sees and that match, a page of them, in an order that is total.
///
/// # Errors
/// `InvalidSortKey`, the errors of the filters (see [`Filters`]), and those of `image_get` for the marker.
pub async fn image_get_all(db: &Database, context: &Context, listing: &Listing) -> DbResult<Vec<ImageRecord>> {
    Ok(image_get_page(db, context, listing, usize::MAX).await?.records)
}

/// [`image_get_all`] with so many bytes at most; one image is given whatever its size. The page goes on with the last image as
/// marker.
///
/// # Errors
/// Those of [`image_get_all`].
pub async fn image_get_page(
    db: &Database,
    context: &Context,
    listing: &Listing,
    most_bytes: usize,
) -> DbResult<ImagePage> {
    let sort = Sort::new(&listing.sort_key, &listing.sort_dir)?;
    let condition = listing.filters.condition()?;
    if listing.limit == Some(0) {
        return Ok(ImagePage::default());
    }
    db.try_transaction_with(reading(), async |s| {
        let show_deleted = listing.filters.changes_since.is_some() || listing.filters.deleted == Some(true);
        let mut query = s.query::<Image>().filter(condition.clone()).order_by(sort.orders()?);
        if let Some(visible) = visible::condition(context, listing) {
            query = query.filter(visible);
        }
        if let Some(marker) = &listing.marker {
            let marker = access::find(s, context, marker, show_deleted).await?;
            query = query.filter(sort.after(&marker)?);
        }
        if let Some(limit) = listing.limit {
            query = query.limit(limit);
        }
        let options = GetOptions { force_show_deleted: show_deleted, return_tag: listing.return_tag };
        let mut page = ImagePage::default();
        if most_bytes == usize::MAX || listing.limit.is_some_and(|limit| limit <= CHUNK as u64) {
            let images = record::with_children(query, options).all().await?;
            page.fill(context, images, &mut 0, most_bytes);
            return Ok(page);
        }
        // The images first, which are small, and then what belongs to them until there is enough.
        let mut images = query.all().await?;
        let mut bytes = 0;
        while !images.is_empty() && !page.cut {
            let rest = images.split_off(images.len().min(CHUNK));
            record::load_children(s, &mut images, options).await?;
            page.fill(context, images, &mut bytes, most_bytes);
            images = rest;
        }
        Ok(page)
    })
    .await
}

impl ImagePage {
    /// Adds images, which have `bytes` with those before them, until there are as many bytes as there may be.
    fn fill(&mut self, context: &Context, images: Vec<Image>, bytes: &mut usize, most: usize) {
        for image in images {
            let record = ImageRecord::new(context, image);
            *bytes = bytes.saturating_add(record.bytes());
            if *bytes > most && !self.records.is_empty() {
                self.cut = true;
                return;
            }
            self.records.push(record);
        }
    }
}
