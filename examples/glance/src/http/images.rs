//! Images: create, list, show, update, delete.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, RawQuery, State};
use axum::http::header::{HOST, LOCATION};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use serde::Serialize;
use serde_json::{Map, Value};

use super::App;
use super::body::{empty, json};
use super::caller::Caller;
use super::error::{ApiError, ApiResult};
use super::view::ImageView;
use super::{apply, patch, query, quota, schema};
use crate::config::KIB;
use crate::data::{Area, STORE};
use crate::db::{self, DbError, GetOptions, ImageRecord, ImageStatus, ImageValues, UpdateOptions, Visibility};

/// `POST /v2/images`
pub async fn create(
    State(app): State<Arc<App>>,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> ApiResult<Response<Body>> {
    caller.check_member("add_image")?;
    let body = app.read_json(&caller, body).await?;
    let values = new_values(&app, &caller, body)?;
    let record = db::image_create_within(&app.db, &caller.0, &values, &app.limits).await?;
    tracing::info!(image = %record.image.id, "image created");
    let mut response = app.show(StatusCode::CREATED, &record)?;
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    let path = format!("/v2/images/{}", record.image.id);
    let location = host.map_or_else(|| path.clone(), |host| format!("http://{host}{path}"));
    let headers = response.headers_mut();
    headers.extend(HeaderValue::try_from(location).ok().map(|location| (LOCATION, location)));
    headers
        .insert(HeaderName::from_static("openstack-image-import-methods"), HeaderValue::from_static("glance-direct"));
    headers.insert(HeaderName::from_static("openstack-image-store-ids"), HeaderValue::from_static(STORE));
    Ok(response)
}

fn new_values(app: &App, caller: &Caller, body: Value) -> ApiResult<ImageValues> {
    for name in schema::NOT_CREATED {
        if body.get(name).is_some() {
            schema::check_writable(name, schema::NOT_CREATED)?;
        }
    }
    schema::check_image(&body)?;
    let Value::Object(attributes) = body else { return Err(ApiError::bad_request("An image is a JSON object.")) };
    let mut values = ImageValues { status: Some(ImageStatus::Queued), ..ImageValues::default() };
    let properties = base_values(&mut values, &attributes)?;
    let owner = values.owner.clone().flatten();
    if !caller.0.is_admin && values.owner.is_some() && owner.as_deref() != caller.0.owner() {
        let owner = owner.unwrap_or_default();
        return Err(ApiError::forbidden(format!("You are not permitted to create images owned by '{owner}'.")));
    }
    if values.owner.is_none() {
        values.owner = Some(caller.0.project_id.clone());
    }
    caller.check_visibility(values.visibility.unwrap_or(Visibility::Shared))?;
    if values.owner.iter().flatten().all(String::is_empty) && !caller.0.is_admin {
        // Nobody could change it, it would count for nobody's quota, and a private one would be nobody's.
        return Err(ApiError::forbidden("An image needs a project that owns it: the caller has none."));
    }
    quota::check("properties", properties.len(), app.config.quotas.properties)?;
    quota::check("tags", values.tags.as_ref().map_or(0, Vec::len), app.config.quotas.tags)?;
    quota::check_sizes(&app.config.quotas, properties.iter().map(|(name, value)| (name, value)), &[])?;
    values.properties = Some(properties);
    Ok(values)
}

/// Sets what every image has, and gives back the rest: the additional properties.
fn base_values(values: &mut ImageValues, attributes: &Map<String, Value>) -> ApiResult<Vec<(String, Option<String>)>> {
    const BASE: [&str; 11] = [
        "id",
        "name",
        "disk_format",
        "container_format",
        "min_disk",
        "min_ram",
        "visibility",
        "protected",
        "os_hidden",
        "owner",
        "tags",
    ];
    let mut properties = Vec::new();
    for (name, value) in attributes {
        if BASE.contains(&name.as_str()) {
            apply::base(values, name, value)?;
            continue;
        }
        schema::check_writable(name, schema::READ_ONLY)?;
        if name == "locations" {
            return Err(ApiError::forbidden("Attribute 'locations' is reserved."));
        }
        properties.push((name.clone(), value.as_str().map(str::to_owned)));
    }
    Ok(properties)
}

#[derive(Serialize)]
struct ListView<'a> {
    images: Vec<ImageView<'a>>,
    first: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
    schema: &'static str,
}

/// `GET /v2/images`
pub async fn list(State(app): State<Arc<App>>, caller: Caller, RawQuery(query): RawQuery) -> ApiResult<Response<Body>> {
    caller.check_reader("get_images")?;
    let query = query.unwrap_or_default();
    let bounds = &app.config.bounds;
    let listing = query::listing(&query, bounds)?;
    let most = usize::try_from(u64::from(bounds.max_list_size) * KIB).unwrap_or(usize::MAX);
    // What lists take of memory while they are read is bounded by how many are read at once. Never closed, so each has its turn.
    let _turn = app.room.lists.acquire().await;
    let page = db::image_get_page(&app.db, &caller.0, &listing, most).await.map_err(|e| match e {
        // One answer, whether there is such an image that the caller does not see, or none.
        DbError::ImageNotFound(message) | DbError::Forbidden(message) => ApiError::bad_request(message),
        e => e.into(),
    })?;
    let records = page.records;
    let full = page.cut || listing.limit.is_some_and(|limit| records.len() as u64 == limit);
    let marker = records.last().filter(|_| full).map(|record| record.image.id.as_str());
    let (first, next) = query::links("/v2/images", &query, marker);
    let images = records.iter().map(|record| ImageView { record, shown: app.shown }).collect();
    json(StatusCode::OK, &ListView { images, first, next, schema: "/v2/schemas/images" })
}

/// `GET /v2/images/{id}`
pub async fn show(State(app): State<Arc<App>>, caller: Caller, Path(id): Path<String>) -> ApiResult<Response<Body>> {
    let record = app.image(&caller, &id).await?;
    app.show(StatusCode::OK, &record)
}

/// `PATCH /v2/images/{id}`
pub async fn update(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> ApiResult<Response<Body>> {
    let form = patch::form(&headers)?;
    let changes = patch::parse(&app.read_json(&caller, body).await?, form)?;
    if changes.is_empty() {
        let record = app.image(&caller, &id).await?;
        return app.show(StatusCode::OK, &record);
    }
    let decide = |record: &ImageRecord| {
        caller.check_get(&record.image)?;
        apply::values(&caller, record, &changes, &app.config)
    };
    let options = UpdateOptions { purge_props: true, limits: app.limits, ..UpdateOptions::default() };
    let (before, after) = db::image_modify::<ApiError>(&app.db, &caller.0, &id, decide, &options).await?;
    for gone in before.locations.iter().filter(|old| !after.locations.iter().any(|new| new.id == old.id)) {
        app.remove_url(gone.value.clone()).await;
    }
    app.show(StatusCode::OK, &after)
}

/// `DELETE /v2/images/{id}`
pub async fn delete(State(app): State<Arc<App>>, caller: Caller, Path(id): Path<String>) -> ApiResult<Response<Body>> {
    let decide = |record: &ImageRecord| {
        caller.check_change("delete_image", &record.image)?;
        if record.image.protected {
            return Err(ApiError::forbidden(format!("Image {id} is protected and cannot be deleted.")));
        }
        Ok(ImageStatus::Deleted)
    };
    db::image_destroy_with::<ApiError>(&app.db, &caller.0, &id, decide).await?;
    // The record is gone first: data without a record can be swept, a record without data is a lie.
    app.remove_data(&[Area::Store, Area::Staging], &id).await;
    tracing::info!(image = %id, "image deleted");
    Ok(empty(StatusCode::NO_CONTENT))
}

impl App {
    /// An image that the caller may read, with its tags.
    pub(super) async fn image(&self, caller: &Caller, id: &str) -> ApiResult<ImageRecord> {
        let record = db::image_get(&self.db, &caller.0, id, GetOptions::with_tags()).await?;
        caller.check_get(&record.image)?;
        Ok(record)
    }

    fn show(&self, status: StatusCode, record: &ImageRecord) -> ApiResult<Response<Body>> {
        json(status, &ImageView { record, shown: self.shown })
    }
}
