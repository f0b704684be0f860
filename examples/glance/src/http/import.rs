//! Import of staged data: `glance-direct`.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{Response, StatusCode};
use serde_json::{Value, json};

use super::App;
use super::body::empty;
use super::caller::Caller;
use super::error::{ApiError, ApiResult};
use crate::config::KIB;
use crate::data::{Area, Busy, DataError, STORE};
use crate::db::{self, Context, ImageRecord, ImageStatus, ImageValues, UpdateOptions};

/// The most bytes of an import request.
const LONGEST: u64 = 64 * KIB;

/// `POST /v2/images/{id}/import`
pub async fn import(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
    body: Body,
) -> ApiResult<Response<Body>> {
    // It is kept with the task.
    let request = app.read_json_of(&caller, body, LONGEST, "an import request").await?;
    check(&request)?;
    let staged = app.data.has(Area::Staging, &id);
    let decide = |record: &ImageRecord| {
        caller.check_get(&record.image)?;
        let image = &record.image;
        if image.status == ImageStatus::Active {
            return Err(ApiError::conflict("Image with status active cannot be target for import"));
        }
        if image.status != ImageStatus::Uploading || !staged {
            return Err(ApiError::conflict("Image needs to be staged before 'glance-direct' method can be used"));
        }
        for (name, value) in [("container_format", &image.container_format), ("disk_format", &image.disk_format)] {
            if value.is_none() {
                return Err(ApiError::conflict(format!("'{name}' needs to be set before import")));
            }
        }
        caller.check_change("modify_image", &record.image)?;
        Ok(ImageValues { status: Some(ImageStatus::Importing), ..ImageValues::default() })
    };
    let busy = app.data.begin(&id).map_err(DataError::Write)?;
    let options = UpdateOptions::default().within(app.limits);
    let input = json!({ "image_id": id, "import_req": request });
    db::image_import_begin::<ApiError>(&app.db, &caller.0, &id, decide, &options, &input).await?;
    let job = Arc::clone(&app);
    app.background.spawn(async move { job.import_staged(&caller.0, &id, busy).await });
    Ok(empty(StatusCode::ACCEPTED))
}

fn check(body: &Value) -> ApiResult<()> {
    let method =
        body.get("method").ok_or_else(|| ApiError::bad_request("Import request requires a 'method' field."))?;
    let name = method
        .get("name")
        .and_then(Value::as_str)
        .ok_or_else(|| ApiError::bad_request("Import request requires a 'name' field."))?;
    if name != "glance-direct" {
        return Err(ApiError::bad_request(format!("Unknown import method name '{name}'.")));
    }
    for field in ["all_stores_must_succeed", "all_stores"] {
        if body.get(field).is_some_and(|value| !value.is_boolean()) {
            return Err(ApiError::bad_request(format!("'{field}' must be boolean value only")));
        }
    }
    let stores = body.get("stores").and_then(Value::as_array).into_iter().flatten();
    match stores.filter_map(Value::as_str).find(|store| *store != STORE) {
        Some(other) => Err(ApiError::conflict(format!("The store {other} is not available."))),
        None => Ok(()),
    }
}

impl App {
    /// Moves the staged data of an image that is `importing` into the store and makes the image active. If that fails the
    /// image is `uploading` again, its data still staged.
    pub(crate) async fn import_staged(&self, context: &Context, id: &str, _busy: Busy) {
        if let Err(e) = db::image_import_starts(&self.db, id).await {
            tracing::warn!(image = id, error = %e, "the task of an import seems to wait");
        }
        let (data, own) = (self.data.clone(), id.to_owned());
        // Never closed, so each import has its turn.
        let _turn = self.room.imports.acquire().await;
        let moved = match tokio::task::spawn_blocking(move || data.import(&own)).await {
            Ok(moved) => moved.map_err(|e| e.to_string()),
            Err(e) => Err(e.to_string()),
        };
        let values = match &moved {
            Ok(received) => self.active(id, received),
            Err(e) => {
                tracing::error!(image = id, error = %e, "an import failed");
                ImageValues { status: Some(ImageStatus::Uploading), ..ImageValues::default() }
            }
        };
        match db::image_import_end(&self.db, context, id, &values, moved.as_ref().err().map(String::as_str)).await {
            Ok(true) if moved.is_ok() => tracing::info!(image = id, "image imported"),
            Ok(true) => {}
            // It was deleted meanwhile.
            Ok(false) => self.remove_data(&[Area::Store, Area::Staging], id).await,
            Err(e) => tracing::error!(image = id, error = %e, "an import is left undone until the next start"),
        }
    }
}
