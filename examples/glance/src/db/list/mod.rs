//! Lists of images: who asks, filters, order and pages, all pushed down into queries.
//!
//! Conditions on properties, tags and members become a set of image ids first, by an index of those tables; everything
//! else is one query over images that stops at the limit, and loads what belongs to the images of the page with them.

mod filters;
mod items;
mod order;
mod time;
mod visible;

use rome::prelude::*;

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

/// The images that the context sees and that match, a page of them, in an order that is total.
///
/// # Errors
/// `InvalidSortKey`, the errors of the filters (see [`Filters`]), and those of `image_get` for the marker.
pub async fn image_get_all(db: &Database, context: &Context, listing: &Listing) -> DbResult<Vec<ImageRecord>> {
    let sort = Sort::new(&listing.sort_key, &listing.sort_dir)?;
    let condition = listing.filters.condition()?;
    if listing.limit == Some(0) {
        return Ok(Vec::new());
    }
    db.try_transaction_with(reading(), async |s| {
        let show_deleted = listing.filters.changes_since.is_some() || listing.filters.deleted == Some(true);
        let mut query = s.query::<Image>().filter(condition.clone()).order_by(sort.orders()?);
        if let Some(ids) = listing.filters.ids(s).await? {
            query = query.filter(Image::ID.is_in(ids));
        }
        if let Some(visible) = visible::condition(s, context, listing).await? {
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
        let images = record::with_children(query, options).all().await?;
        Ok(images.into_iter().map(|image| ImageRecord::new(context, image)).collect())
    })
    .await
}
