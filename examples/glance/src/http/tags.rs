//! Tags one by one.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{Response, StatusCode};

use super::App;
use super::body::empty;
use super::caller::Caller;
use super::error::{ApiError, ApiResult};
use super::{quota, schema};
use crate::db::{self, ImageRecord, ImageValues, UpdateOptions};

/// `PUT /v2/images/{id}/tags/{tag}`
pub async fn add(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path((id, tag)): Path<(String, String)>,
) -> ApiResult<Response<Body>> {
    schema::check_printable("A tag", &tag)?;
    let decide = |record: &ImageRecord| {
        caller.check_change("modify_image", &record.image)?;
        let mut tags: Vec<String> = record.tags().into_iter().map(str::to_owned).collect();
        if !tags.contains(&tag) {
            tags.push(tag.clone());
        }
        quota::check("tags", tags.len(), app.config.quotas.tags)?;
        Ok(ImageValues { tags: Some(tags), ..ImageValues::default() })
    };
    db::image_modify::<ApiError>(&app.db, &caller.0, &id, decide, &UpdateOptions::default()).await?;
    Ok(empty(StatusCode::NO_CONTENT))
}

/// `DELETE /v2/images/{id}/tags/{tag}`
pub async fn remove(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path((id, tag)): Path<(String, String)>,
) -> ApiResult<Response<Body>> {
    let decide = |record: &ImageRecord| {
        caller.check_change("modify_image", &record.image)?;
        if !record.tags().contains(&tag.as_str()) {
            return Err(ApiError::not_found(format!("Image {id} has no tag {tag}.")));
        }
        let tags = record.tags().into_iter().filter(|own| *own != tag).map(str::to_owned).collect();
        Ok(ImageValues { tags: Some(tags), ..ImageValues::default() })
    };
    db::image_modify::<ApiError>(&app.db, &caller.0, &id, decide, &UpdateOptions::default()).await?;
    Ok(empty(StatusCode::NO_CONTENT))
}
