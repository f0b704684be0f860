//! Which images are in the list of whom.

use rome::prelude::*;

use super::{Listing, VisibilityFilter};
use crate::db::context::Context;
use crate::db::entities::{Image, ImageMember, Visibility};
use crate::db::error::DbResult;

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
pub(super) async fn condition(s: &Session, context: &Context, listing: &Listing) -> DbResult<Option<Expr<Image>>> {
    let mut all = Vec::new();
    if !context.is_admin || listing.admin_as_user {
        all.extend(of_user(s, context, listing).await?);
    } else if listing.filters.visibility.is_none() {
        all.push(Expr::any([Image::VISIBILITY.ne(Visibility::Community), owned(context)]));
    }
    if let Some(VisibilityFilter::Is(visibility)) = listing.filters.visibility {
        all.push(Image::VISIBILITY.eq(visibility));
    }
    match listing.is_public {
        Some(true) => all.push(Image::VISIBILITY.eq(Visibility::Public)),
        Some(false) => all.push(Image::VISIBILITY.ne(Visibility::Public)),
        None => {}
    }
    Ok((!all.is_empty()).then(|| Expr::all(all)))
}

/// What a user sees: what is open to all, what its project owns, and what is shared with it. Alternatives that the filter
/// `visibility` rules out are left out, so that the plan does not look for them; community images without that filter are
/// among those owned, and nowhere else.
async fn of_user(s: &Session, context: &Context, listing: &Listing) -> DbResult<Option<Expr<Image>>> {
    let may_be = |visibility| match listing.filters.visibility {
        None | Some(VisibilityFilter::All) => true,
        Some(VisibilityFilter::Is(only)) => only == visibility,
    };
    if matches!(listing.filters.visibility, Some(VisibilityFilter::Is(Visibility::Public | Visibility::Community))) {
        return Ok(None);
    }
    let mut any = vec![owned(context)];
    if may_be(Visibility::Public) {
        any.push(Image::VISIBILITY.eq(Visibility::Public));
    }
    if listing.filters.visibility == Some(VisibilityFilter::All) {
        any.push(Image::VISIBILITY.eq(Visibility::Community));
    }
    if may_be(Visibility::Shared) {
        let ids = shared_with(s, context, &listing.member_status).await?;
        if !ids.is_empty() {
            any.push(Image::ID.is_in(ids).and(Image::VISIBILITY.eq(Visibility::Shared)));
        }
    }
    Ok(Some(Expr::any(any)))
}

fn owned(context: &Context) -> Expr<Image> {
    context.owner().map_or_else(|| Expr::any([]), |owner| Image::OWNER.eq(owner))
}

async fn shared_with(s: &Session, context: &Context, status: &MemberStatus) -> DbResult<Vec<String>> {
    let Some(owner) = context.owner() else { return Ok(Vec::new()) };
    let query = s.query::<ImageMember>().filter(ImageMember::MEMBER.eq(owner)).filter(ImageMember::DELETED.eq(false));
    let query = match status {
        MemberStatus::Accepted => query.filter(ImageMember::STATUS.eq("accepted")),
        MemberStatus::Is(status) => query.filter(ImageMember::STATUS.eq(status.as_str())),
        MemberStatus::All => query,
    };
    Ok(query.select((ImageMember::IMAGE_ID,)).all().await?.into_iter().map(|(id,)| id).collect())
}
