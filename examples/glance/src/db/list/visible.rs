//! Which images are in the list of whom.

use rome_orm::prelude::*;

use super::{Listing, VisibilityFilter};
use crate::db::context::Context;
use crate::db::entities::{Image, ImageMember, Visibility};

/// What a member has to have said for an image to be shared with it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum MemberStatus {
    /// Yes.
    #[default]
    Accepted,
    /// This.
    Is(String),
    /// Anything.
    All,
}

/// The condition that the caller, the filter `visibility` and `is_public` put on images, or `None` for all of them.
pub(super) fn condition(context: &Context, listing: &Listing) -> Option<Condition<Image>> {
    let mut all = Vec::new();
    if !context.is_admin || listing.admin_as_user {
        all.extend(of_user(context, listing));
    } else if listing.filters.visibility.is_none() {
        all.push(Condition::any([Image::VISIBILITY.ne(Visibility::Community), owned(context)]));
    }
    if let Some(VisibilityFilter::Is(visibility)) = listing.filters.visibility {
        all.push(Image::VISIBILITY.eq(visibility));
    }
    match listing.is_public {
        Some(true) => all.push(Image::VISIBILITY.eq(Visibility::Public)),
        Some(false) => all.push(Image::VISIBILITY.ne(Visibility::Public)),
        None => {}
    }
    (!all.is_empty()).then(|| Condition::all(all))
}

/// What a user sees: what is open to all, what its project owns, and what is shared with it. Alternatives that the filter
/// `visibility` rules out are left out, so that the plan does not look for them; community images without that filter are
/// among those owned, and nowhere else.
fn of_user(context: &Context, listing: &Listing) -> Option<Condition<Image>> {
    let may_be = |visibility| match listing.filters.visibility {
        None | Some(VisibilityFilter::All) => true,
        Some(VisibilityFilter::Is(only)) => only == visibility,
    };
    if matches!(listing.filters.visibility, Some(VisibilityFilter::Is(Visibility::Public | Visibility::Community))) {
        return None;
    }
    let mut any = vec![owned(context)];
    if may_be(Visibility::Public) {
        any.push(Image::VISIBILITY.eq(Visibility::Public));
    }
    if listing.filters.visibility == Some(VisibilityFilter::All) {
        any.push(Image::VISIBILITY.eq(Visibility::Community));
    }
    if may_be(Visibility::Shared) {
        any.extend(shared(context, &listing.member_status));
    }
    Some(Condition::any(any))
}

fn owned(context: &Context) -> Condition<Image> {
    context.owner().map_or_else(|| Condition::any([]), |owner| Image::OWNER.eq(owner))
}

/// Shared with the project of the caller, which said this to it.
fn shared(context: &Context, status: &MemberStatus) -> Option<Condition<Image>> {
    let mut member = vec![ImageMember::MEMBER.eq(context.owner()?), ImageMember::DELETED.eq(false)];
    match status {
        MemberStatus::Accepted => member.push(ImageMember::STATUS.eq("accepted")),
        MemberStatus::Is(status) => member.push(ImageMember::STATUS.eq(status.as_str())),
        MemberStatus::All => {}
    }
    Some(Image::VISIBILITY.eq(Visibility::Shared).and(Image::MEMBERS.any(Condition::all(member))))
}
