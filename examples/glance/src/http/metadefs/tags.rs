//! Tags of a namespace.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Response, StatusCode};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::super::body::{empty, json as answer};
use super::namespaces::MetadefTagBody;
use super::{ApiResult, App, Caller, map, read, with_times};
use crate::db::{self, MetadefTag};

#[derive(Deserialize)]
struct TagsBody {
    tags: Vec<MetadefTagBody>,
}

fn view(tag: &MetadefTag) -> Map<String, Value> {
    with_times(map([("name", tag.name.as_str().into())]), tag.created_at, tag.updated_at)
}

fn views(ns: &str, tags: &[MetadefTag]) -> Value {
    let tags: Vec<_> = tags.iter().map(|tag| json!({ "name": tag.name })).collect();
    let first = format!("/v2/metadefs/namespaces/{ns}/tags");
    json!({ "tags": tags, "first": first, "schema": "/v2/schemas/metadefs/tags" })
}

/// `GET /v2/metadefs/namespaces/{ns}/tags`
pub async fn list(State(app): State<Arc<App>>, caller: Caller, Path(ns): Path<String>) -> ApiResult<Response<Body>> {
    caller.check_reader("get_metadef_tags")?;
    let tags: Vec<MetadefTag> = db::metadef_get_all(&app.db, &caller.0, &ns).await?;
    answer(StatusCode::OK, &views(&ns, &tags))
}

/// `POST /v2/metadefs/namespaces/{ns}/tags`: the tags of the namespace from now on, or with `X-Openstack-Append: true`
/// some more.
pub async fn replace_all(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(ns): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> ApiResult<Response<Body>> {
    let body: TagsBody = read(&app, &caller, "add_metadef_tags", "tags", body).await?;
    let append = headers.get("x-openstack-append").is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"true"));
    let tags: Vec<MetadefTag> = body.tags.into_iter().map(Into::into).collect();
    let made = db::metadef_add_all(&app.db, &caller.0, &ns, &tags, append).await?;
    answer(StatusCode::CREATED, &views(&ns, &made))
}

/// `POST /v2/metadefs/namespaces/{ns}/tags/{name}`
pub async fn create(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path((ns, name)): Path<(String, String)>,
) -> ApiResult<Response<Body>> {
    caller.check_admin("add_metadef_tag")?;
    let made = db::metadef_create(&app.db, &caller.0, &ns, &MetadefTag { name, ..MetadefTag::default() }).await?;
    answer(StatusCode::CREATED, &view(&made))
}

/// `GET /v2/metadefs/namespaces/{ns}/tags/{name}`
pub async fn show(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path((ns, name)): Path<(String, String)>,
) -> ApiResult<Response<Body>> {
    caller.check_reader("get_metadef_tag")?;
    answer(StatusCode::OK, &view(&db::metadef_get(&app.db, &caller.0, &ns, &name).await?))
}

/// `PUT /v2/metadefs/namespaces/{ns}/tags/{name}`: gives it another name.
pub async fn update(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path((ns, name)): Path<(String, String)>,
    body: Body,
) -> ApiResult<Response<Body>> {
    let body: MetadefTagBody = read(&app, &caller, "modify_metadef_tag", "tag", body).await?;
    let updated = db::metadef_update::<MetadefTag>(&app.db, &caller.0, &ns, &name, &body.into()).await?;
    answer(StatusCode::OK, &view(&updated))
}

/// `DELETE /v2/metadefs/namespaces/{ns}/tags/{name}`
pub async fn delete(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path((ns, name)): Path<(String, String)>,
) -> ApiResult<Response<Body>> {
    caller.check_admin("delete_metadef_tag")?;
    db::metadef_delete::<MetadefTag>(&app.db, &caller.0, &ns, &name).await?;
    Ok(empty(StatusCode::NO_CONTENT))
}

/// `DELETE /v2/metadefs/namespaces/{ns}/tags`
pub async fn delete_all(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(ns): Path<String>,
) -> ApiResult<Response<Body>> {
    caller.check_admin("delete_metadef_tags")?;
    db::metadef_delete_all::<MetadefTag>(&app.db, &caller.0, &ns).await?;
    Ok(empty(StatusCode::NO_CONTENT))
}
