//! Objects of a namespace.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{Response, StatusCode};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::super::body::{empty, json as answer};
use super::{ApiResult, App, Caller, map, read, with_times};
use crate::db::{self, MetadefObject};

/// What a request says of an object.
#[derive(Deserialize)]
pub(super) struct ObjectBody {
    name: String,
    description: Option<String>,
    #[serde(default)]
    required: Vec<String>,
    #[serde(default)]
    properties: Map<String, Value>,
}

impl ObjectBody {
    pub(super) fn object(self) -> MetadefObject {
        let Self { name, description, required, properties } = self;
        MetadefObject { name, description, required, json_schema: properties, ..MetadefObject::default() }
    }
}

/// An object, the names of its properties with a prefix.
pub(super) fn view(namespace: &str, object: &MetadefObject, prefix: &str) -> Map<String, Value> {
    let properties: Map<String, Value> =
        object.json_schema.iter().map(|(name, schema)| (format!("{prefix}{name}"), schema.clone())).collect();
    let view = map([
        ("name", object.name.as_str().into()),
        ("description", object.description.as_deref().into()),
        ("required", json!(object.required.iter().map(|name| format!("{prefix}{name}")).collect::<Vec<_>>())),
        ("properties", properties.into()),
        ("self", format!("/v2/metadefs/namespaces/{namespace}/objects/{}", object.name).into()),
        ("schema", "/v2/schemas/metadefs/object".into()),
    ]);
    with_times(view, object.created_at, object.updated_at)
}

/// `GET /v2/metadefs/namespaces/{ns}/objects`
pub async fn list(State(app): State<Arc<App>>, caller: Caller, Path(ns): Path<String>) -> ApiResult<Response<Body>> {
    caller.check_reader("get_metadef_objects")?;
    let objects: Vec<MetadefObject> = db::metadef_get_all(&app.db, &caller.0, &ns).await?;
    let views: Vec<_> = objects.iter().map(|object| view(&ns, object, "")).collect();
    let first = format!("/v2/metadefs/namespaces/{ns}/objects");
    answer(StatusCode::OK, &json!({ "objects": views, "first": first, "schema": "/v2/schemas/metadefs/objects" }))
}

/// `POST /v2/metadefs/namespaces/{ns}/objects`
pub async fn create(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(ns): Path<String>,
    body: Body,
) -> ApiResult<Response<Body>> {
    let body: ObjectBody = read(&app, &caller, "add_metadef_object", "object", body).await?;
    let made = db::metadef_create(&app.db, &caller.0, &ns, &body.object()).await?;
    answer(StatusCode::CREATED, &view(&ns, &made, ""))
}

/// `GET /v2/metadefs/namespaces/{ns}/objects/{name}`
pub async fn show(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path((ns, name)): Path<(String, String)>,
) -> ApiResult<Response<Body>> {
    caller.check_reader("get_metadef_object")?;
    let object = db::metadef_get(&app.db, &caller.0, &ns, &name).await?;
    answer(StatusCode::OK, &view(&ns, &object, ""))
}

/// `PUT /v2/metadefs/namespaces/{ns}/objects/{name}`
pub async fn update(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path((ns, name)): Path<(String, String)>,
    body: Body,
) -> ApiResult<Response<Body>> {
    let body: ObjectBody = read(&app, &caller, "modify_metadef_object", "object", body).await?;
    let updated = db::metadef_update(&app.db, &caller.0, &ns, &name, &body.object()).await?;
    answer(StatusCode::OK, &view(&ns, &updated, ""))
}

/// `DELETE /v2/metadefs/namespaces/{ns}/objects/{name}`
pub async fn delete(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path((ns, name)): Path<(String, String)>,
) -> ApiResult<Response<Body>> {
    caller.check_admin("delete_metadef_object")?;
    db::metadef_delete::<MetadefObject>(&app.db, &caller.0, &ns, &name).await?;
    Ok(empty(StatusCode::NO_CONTENT))
}

/// `DELETE /v2/metadefs/namespaces/{ns}/objects`
pub async fn delete_all(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(ns): Path<String>,
) -> ApiResult<Response<Body>> {
    caller.check_admin("delete_metadef_object")?;
    db::metadef_delete_all::<MetadefObject>(&app.db, &caller.0, &ns).await?;
    Ok(empty(StatusCode::NO_CONTENT))
}
