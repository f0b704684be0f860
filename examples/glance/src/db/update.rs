//! Changing images.

use std::cmp::Reverse;

use rome_orm::prelude::*;

use super::context::Context;
use super::entities::{ImageProperty, ImageStatus, now};
use super::error::{DbError, DbResult};
use super::record::{self, GetOptions, ImageRecord};
use super::usage::{self, Limits};
use super::values::ImageValues;
use super::{access, locations, tags};

/// How an image is updated.
#[derive(Debug, Clone, Default)]
pub struct UpdateOptions {
    /// Properties that are not given are deleted.
    pub purge_props: bool,
    /// The image has to be in this status.
    pub from_state: Option<ImageStatus>,
    /// Properties that are left exactly as they are.
    pub atomic_props: Vec<String>,
    /// What the owner of the image may have.
    pub limits: Limits,
}

impl UpdateOptions {
    /// Only from this status.
    #[must_use]
    pub fn from_state(status: ImageStatus) -> Self {
        Self { from_state: Some(status), ..Self::default() }
    }

    /// If its owner stays within these limits.
    #[must_use]
    pub fn within(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }
}

/// Updates an image; the record has its tags. Of several calls at the same time from one status to another exactly one
/// succeeds.
///
/// # Errors
/// Those of `image_get`, `Forbidden` or `ForbiddenPublicImage` if the context may not change it, `Invalid`, `Conflict` if
/// the image is not in `from_state`, and `LimitExceeded`.
pub async fn image_update(
    at: &impl Executor,
    context: &Context,
    id: &str,
    values: &ImageValues,
    options: &UpdateOptions,
) -> DbResult<ImageRecord> {
    at.try_transaction(async |s| {
        let before = record::image_get(s, context, id, GetOptions::with_tags()).await?;
        access::check_change(context, &before.image)?;
        change(s, context, &before, values, options).await
    })
    .await
}

/// Reads an image, decides what to set, and sets it, in one transaction: nobody comes between. The decision gets the
/// record with its tags, and may run several times; its error ends the transaction with nothing changed. Gives the record
/// as it was and as it is.
///
/// # Errors
/// Those of `image_get` and of [`image_update`], and what `decide` fails with. Whether the context may change the image
/// is for `decide` to look at first, so that it can tell what is wrong in its own words; it is checked again after it.
pub async fn image_modify<E: From<DbError> + From<rome_orm::Error> + Send + 'static>(
    at: &impl Executor,
    context: &Context,
    id: &str,
    decide: impl Fn(&ImageRecord) -> Result<ImageValues, E> + Send + Sync,
    options: &UpdateOptions,
) -> Result<(ImageRecord, ImageRecord), E> {
    at.try_transaction(async |s| {
        let before = record::image_get(s, context, id, GetOptions::with_tags()).await?;
        let values = decide(&before)?;
        access::check_change(context, &before.image)?;
        let after = change(s, context, &before, &values, options).await?;
        Ok((before, after))
    })
    .await
}

/// Sets what the values say of an image that was just read.
async fn change(
    s: &Session,
    context: &Context,
    before: &ImageRecord,
    values: &ImageValues,
    options: &UpdateOptions,
) -> DbResult<ImageRecord> {
    values.check()?;
    let mut image = before.image.clone();
    if values.id.as_ref().is_some_and(|id| *id != image.id) {
        return Err(DbError::Invalid("the id of an image cannot change".to_owned()));
    }
    if let Some(expected) = options.from_state.filter(|expected| *expected != image.status) {
        return Err(DbError::Conflict(format!(
            "cannot transition from {expected}: image {} is in status {}",
            image.id, image.status
        )));
    }
    values.apply(&mut image);
    image.updated_at = Some(now());
    usage::check(s, &options.limits, Some(&before.image), &image).await?;
    let image = s.update(&image).await?;
    let mut after = ImageRecord { image, ..before.clone() };
    let id = after.image.id.as_str();
    if values.properties.is_some() || options.purge_props {
        let given = values.properties.as_deref().unwrap_or_default();
        after.properties = set_properties(s, id, after.properties, given, options).await?;
    }
    if let Some(given) = values.locations.as_ref().filter(|given| !given.is_empty()) {
        after.locations = locations::set_in(s, id, given).await?;
    } else if record::shows_locations(context, &before.image) != record::shows_locations(context, &after.image) {
        after.locations = locations::live(s, id).await?;
    }
    if !record::shows_locations(context, &after.image) {
        after.locations.clear();
    }
    if let Some(given) = &values.tags {
        after.tags = Some(tags::change(s, id, after.tags.unwrap_or_default(), given).await?);
    }
    Ok(after)
}

/// Makes, sets or brings back the properties that are given; with `purge_props` deletes the others. Gives all of them.
async fn set_properties(
    s: &Session,
    image_id: &str,
    mut properties: Vec<ImageProperty>,
    given: &[(String, Option<String>)],
    options: &UpdateOptions,
) -> DbResult<Vec<ImageProperty>> {
    let now = now();
    let untouched = |name: &str| options.atomic_props.iter().any(|atomic| atomic == name);
    let mut changed = Vec::new();
    let mut new: Vec<ImageProperty> = Vec::new();
    for (name, value) in given.iter().filter(|(name, _)| !untouched(name)) {
        if let Some(property) = properties.iter_mut().find(|property| property.name == *name) {
            if property.deleted || property.value != *value {
                property.set_value(value.as_deref());
                property.deleted = false;
                property.updated_at = Some(now);
                changed.push(property.clone());
            }
        } else {
            new.push(ImageProperty::new(image_id, name, value.as_deref(), now));
        }
    }
    let purged = |property: &ImageProperty| {
        !property.deleted && !untouched(&property.name) && !given.iter().any(|(name, _)| *name == property.name)
    };
    if options.purge_props {
        for property in properties.iter_mut().filter(|property| purged(property)) {
            property.deleted = true;
            property.deleted_at = Some(now);
            property.updated_at = Some(now);
            changed.push(property.clone());
        }
    }
    s.update_many(&changed).await?;
    let forgotten = forgotten(&mut properties);
    s.delete_many(&forgotten).await?;
    properties.extend(s.insert_many(new).await?);
    Ok(properties)
}

/// How many deleted properties of an image are remembered.
const REMEMBERED: usize = 128;
/// How many bytes their values have together.
const REMEMBERED_BYTES: usize = 64 * 1024;

/// Takes out the deleted properties that are not remembered: they are read with each look at the image, which must not grow with
/// all that it ever had. Those that were deleted last stay.
fn forgotten(properties: &mut Vec<ImageProperty>) -> Vec<ImageProperty> {
    let mut deleted: Vec<&ImageProperty> = properties.iter().filter(|property| property.deleted).collect();
    deleted.sort_by_key(|property| Reverse((property.deleted_at, property.id)));
    let mut bytes = 0;
    let mut kept = deleted.iter().take(REMEMBERED).take_while(|property| {
        bytes += property.value.as_deref().unwrap_or_default().len();
        bytes <= REMEMBERED_BYTES
    });
    let oldest = kept.by_ref().last().map(|property| (property.deleted_at, property.id));
    let is_old = |property: &ImageProperty| {
        property.deleted && oldest.is_none_or(|oldest| (property.deleted_at, property.id) < oldest)
    };
    let (gone, left) = std::mem::take(properties).into_iter().partition(is_old);
    *properties = left;
    gone
}
