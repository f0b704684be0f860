//! Deactivating images and reactivating them.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{Response, StatusCode};

use super::App;
use super::body::empty;
use super::caller::Caller;
use super::error::{ApiError, ApiResult};
use crate::db::{self, ImageRecord, ImageStatus, ImageValues, UpdateOptions};

/// `POST /v2/images/{id}/actions/deactivate`
pub async fn deactivate(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
) -> ApiResult<Response<Body>> {
    switch(&app, &caller, &id, "deactivate", ImageStatus::Active, ImageStatus::Deactivated).await
}

/// `POST /v2/images/{id}/actions/reactivate`
pub async fn reactivate(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
) -> ApiResult<Response<Body>> {
    switch(&app, &caller, &id, "reactivate", ImageStatus::Deactivated, ImageStatus::Active).await
}

/// Switches between two statuses; an image that is in the second one already stays there.
async fn switch(
    app: &App,
    caller: &Caller,
    id: &str,
    verb: &str,
    from: ImageStatus,
    to: ImageStatus,
) -> ApiResult<Response<Body>> {
    let decide = |record: &ImageRecord| {
        caller.check_change(verb, &record.image)?;
        let status = record.image.status;
        if status != from && status != to {
            return Err(ApiError::forbidden(format!("Not allowed to {verb} image in status '{status}'")));
        }
        Ok(ImageValues { status: Some(to), ..ImageValues::default() })
    };
    db::image_modify::<ApiError>(&app.db, &caller.0, id, decide, &UpdateOptions::default()).await?;
    Ok(empty(StatusCode::NO_CONTENT))
}
