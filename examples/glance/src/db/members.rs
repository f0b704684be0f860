//! Members of shared images.

use rome_orm::prelude::*;

use super::access;
use super::context::Context;
use super::entities::{Image, ImageMember, now, serial};
use super::error::{DbError, DbResult};
use super::{reading, text};

/// What a new member record has.
#[derive(Debug, Clone)]
pub struct NewMember {
    /// The image.
    pub image_id: String,
    /// The project.
    pub member: String,
    /// Kept for old clients.
    pub can_share: bool,
    /// `pending` unless given.
    pub status: Option<String>,
}

impl NewMember {
    fn check(&self) -> DbResult<()> {
        text::check("a member", &self.member, text::NAME)?;
        text::check_opt("the status of a member", self.status.as_deref(), 20)
    }
}

/// What an update of a member record sets.
#[derive(Debug, Clone, Default)]
pub struct MemberUpdate {
    /// Kept for old clients; false unless given.
    pub can_share: bool,
    /// What the member says.
    pub status: Option<String>,
}

/// Which member records are looked for. Each field that is given has to match.
#[derive(Debug, Clone, Default)]
pub struct MemberSearch<'a> {
    /// The image.
    pub image_id: Option<&'a str>,
    /// The project.
    pub member: Option<&'a str>,
    /// The status.
    pub status: Option<&'a str>,
    /// Deleted ones too.
    pub include_deleted: bool,
}

/// Makes a member record.
///
/// # Errors
/// `Invalid`; `Reference` if there is no such image; `Duplicate` if the member has a live record there.
pub async fn image_member_create(db: &Database, _context: &Context, new: &NewMember) -> DbResult<ImageMember> {
    new.check()?;
    db.try_transaction(async |s| {
        let live = live(s, &new.image_id).all().await?;
        create_in(s, new, &live).await
    })
    .await
}

/// Makes a member record after a decision that sees the image and how many live members it has, in one transaction.
///
/// # Errors
/// Those of `image_get`, what `decide` fails with, which may run several times, and those of [`image_member_create`].
pub async fn image_member_create_with<E: From<DbError> + From<rome_orm::Error> + Send + 'static>(
    db: &Database,
    context: &Context,
    new: &NewMember,
    decide: impl Fn(&Image, u64) -> Result<(), E> + Send + Sync,
) -> Result<ImageMember, E> {
    new.check()?;
    db.try_transaction(async |s| {
        let image = access::find_with(s, context, &new.image_id, false, with_members).await?;
        decide(&image, image.members.get()?.len() as u64)?;
        Ok(create_in(s, new, image.members.get()?).await?)
    })
    .await
}

fn with_members(query: Query<'_, Image>) -> Query<'_, Image> {
    query.with(Image::MEMBERS.filter(ImageMember::DELETED.eq(false)))
}

async fn create_in(s: &Session, new: &NewMember, live: &[ImageMember]) -> DbResult<ImageMember> {
    if live.iter().any(|member| member.member == new.member) {
        return Err(DbError::Duplicate(format!(
            "The target member {} is already associated with image {}.",
            new.member, new.image_id
        )));
    }
    let now = now();
    let member = ImageMember {
        image_id: new.image_id.clone(),
        id: serial(),
        member: new.member.clone(),
        can_share: new.can_share,
        status: new.status.clone().unwrap_or_else(|| "pending".to_owned()),
        created_at: now,
        updated_at: Some(now),
        deleted_at: None,
        deleted: false,
        image: One::default(),
    };
    s.insert(member).await.map_err(access::referring(&new.image_id))
}

/// Changes a member record, which becomes undeleted.
///
/// # Errors
/// `Invalid`, `NotFound`.
pub async fn image_member_update(
    db: &Database,
    _context: &Context,
    id: u64,
    update: &MemberUpdate,
) -> DbResult<ImageMember> {
    text::check_opt("the status of a member", update.status.as_deref(), 20)?;
    db.try_transaction(async |s| {
        let mut member = find(s, id).await?;
        if let Some(status) = &update.status {
            member.status.clone_from(status);
        }
        member.can_share = update.can_share;
        member.deleted = false;
        member.deleted_at = None;
        member.updated_at = Some(now());
        Ok(s.update(&member).await?)
    })
    .await
}

/// Softly deletes a member record.
///
/// # Errors
/// `NotFound`.
pub async fn image_member_delete(db: &Database, _context: &Context, id: u64) -> DbResult<()> {
    db.try_transaction(async |s| {
        let mut member = find(s, id).await?;
        let now = now();
        member.deleted = true;
        member.deleted_at = Some(now);
        member.updated_at = Some(now);
        s.update(&member).await?;
        Ok(())
    })
    .await
}

/// The member records that match, by `id`. A context that is no admin gets only those whose image it owns (one without
/// owner owns the images without owner) or whose member it is.
///
/// # Errors
/// When the store fails.
pub async fn image_member_find(
    db: &Database,
    context: &Context,
    search: &MemberSearch<'_>,
) -> DbResult<Vec<ImageMember>> {
    db.try_transaction_with(reading(), async |s| {
        let mut query = s.query::<ImageMember>();
        if let Some(image_id) = search.image_id {
            query = query.filter(ImageMember::IMAGE_ID.eq(image_id));
        }
        if let Some(member) = search.member {
            query = query.filter(ImageMember::MEMBER.eq(member));
        }
        if let Some(status) = search.status {
            query = query.filter(ImageMember::STATUS.eq(status));
        }
        if !search.include_deleted {
            query = query.filter(ImageMember::DELETED.eq(false));
        }
        if !context.is_admin {
            query = query.with(ImageMember::IMAGE);
        }
        let mut members = query.all().await?;
        members.sort_by_key(|member| member.id);
        if !context.is_admin {
            let owns = |member: &ImageMember| {
                let image = member.image.get().ok().flatten();
                image.is_some_and(|image| image.owner.as_deref() == context.owner())
            };
            members.retain(|member| Some(member.member.as_str()) == context.owner() || owns(member));
        }
        members.iter_mut().for_each(|member| member.image = One::default());
        Ok(members)
    })
    .await
}

/// How many live member records an image has.
///
/// # Errors
/// `Invalid` for an empty id.
pub async fn image_member_count(db: &Database, image_id: &str) -> DbResult<u64> {
    if image_id.is_empty() {
        return Err(DbError::Invalid("Image id is required.".to_owned()));
    }
    db.try_transaction_with(reading(), async |s| Ok(live(s, image_id).count().await?)).await
}

fn live<'a>(s: &'a Session, image_id: &str) -> Query<'a, ImageMember> {
    s.query::<ImageMember>().filter(ImageMember::IMAGE_ID.eq(image_id)).filter(ImageMember::DELETED.eq(false))
}

async fn find(s: &Session, id: u64) -> DbResult<ImageMember> {
    let found = s.query::<ImageMember>().filter(ImageMember::ID.eq(Id::new(id))).first().await?;
    found.ok_or_else(|| DbError::NotFound(format!("No membership found with ID {id}")))
}
