//! Who sees and who changes an image.

use rome_orm::prelude::*;

use super::context::Context;
use super::entities::{Image, ImageMember, Visibility};
use super::error::{DbError, DbResult};
use super::{reading, text};

/// Finds an image by id, deleted ones only for a context that sees them or with `force_show_deleted`.
pub(super) async fn find(s: &Session, context: &Context, id: &str, force_show_deleted: bool) -> DbResult<Image> {
    find_with(s, context, id, force_show_deleted, |query| query).await
}

/// [`find`] with relations of the image. One read for the image and one for all that is loaded with it, among it the
/// member that the context is.
pub(super) async fn find_with<'s>(
    s: &'s Session,
    context: &Context,
    id: &str,
    force_show_deleted: bool,
    load: impl FnOnce(Query<'s, Image>) -> Query<'s, Image>,
) -> DbResult<Image> {
    if id.chars().count() > text::ID {
        return Err(DbError::no_image(id));
    }
    let mut query = s.query::<Image>().filter(Image::ID.eq(id));
    if let Some(owner) = context.owner().filter(|_| !context.is_admin) {
        query = query.with(Image::MEMBERS.filter(is_live_member(owner)));
    }
    let image = load(query).first().await?.ok_or_else(|| DbError::no_image(id))?;
    if image.deleted && !force_show_deleted && !context.sees_deleted() {
        return Err(DbError::no_image(id));
    }
    let seen = match context.sees(&image) {
        Some(seen) => seen,
        None => {
            let own = |member: &ImageMember| !member.deleted && Some(member.member.as_str()) == context.owner();
            image.members.get()?.iter().any(own)
        }
    };
    // In the words for an image that is not there: who may not see it should not learn from them that it is.
    if seen { Ok(image) } else { Err(DbError::Forbidden(DbError::no_image(id).to_string())) }
}

fn is_live_member(owner: &str) -> Condition<ImageMember> {
    ImageMember::MEMBER.eq(owner).and(ImageMember::DELETED.eq(false))
}

/// What a foreign key says of an image that is not there, in our words.
pub(super) fn referring(id: &str) -> impl Fn(rome_orm::Error) -> DbError {
    move |e| if e.is_foreign_key_violation() { DbError::no_such_reference(id) } else { e.into() }
}

/// Checks that the context may change an image.
pub(super) fn check_change(context: &Context, image: &Image) -> DbResult<()> {
    if context.may_change(image) {
        return Ok(());
    }
    let message = "You do not own this image".to_owned();
    Err(match image.visibility {
        Visibility::Private | Visibility::Shared => DbError::Forbidden(message),
        Visibility::Public | Visibility::Community => DbError::ForbiddenPublicImage(message),
    })
}

/// Whether the owner of the context is a live member of the image, with this status if one is given.
async fn has_member(s: &Session, context: &Context, image_id: &str, status: Option<&str>) -> DbResult<bool> {
    let Some(owner) = context.owner() else { return Ok(false) };
    let mut found = s.query::<ImageMember>().filter(ImageMember::IMAGE_ID.eq(image_id)).filter(is_live_member(owner));
    if let Some(status) = status {
        found = found.filter(ImageMember::STATUS.eq(status));
    }
    Ok(found.exists().await?)
}

/// Whether the context sees the image. With a `status`, a member's record has to have it.
///
/// # Errors
/// When the store fails.
pub async fn is_image_visible(db: &Database, context: &Context, image: &Image, status: Option<&str>) -> DbResult<bool> {
    match context.sees(image) {
        Some(seen) => Ok(seen),
        None => db.try_transaction_with(reading(), async |s| has_member(s, context, &image.id, status).await).await,
    }
}

/// Whether the context may change the image.
#[must_use]
pub fn is_image_mutable(context: &Context, image: &Image) -> bool {
    context.may_change(image)
}
