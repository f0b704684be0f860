//! What the service says of itself: versions, health, schemas, stores, import methods.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::header::{CONTENT_TYPE, HOST};
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode};
use serde_json::{Map, Value, json};

use super::App;
use super::body::json as answer;
use super::caller::Caller;
use super::error::{ApiError, ApiResult};
use super::schema;
use crate::config::MIB;
use crate::data::STORE;
use crate::db::{self, Image};

/// The versions of the API up to the last one all of which is here, newest first.
const VERSIONS: [&str; 10] = ["2.9", "2.8", "2.7", "2.6", "2.5", "2.4", "2.3", "2.2", "2.1", "2.0"];

/// `GET /`: a choice of versions.
pub async fn root(headers: HeaderMap) -> ApiResult<Response<Body>> {
    answer(StatusCode::MULTIPLE_CHOICES, &versions_document(&headers))
}

/// `GET /versions`
pub async fn versions(headers: HeaderMap) -> ApiResult<Response<Body>> {
    answer(StatusCode::OK, &versions_document(&headers))
}

fn versions_document(headers: &HeaderMap) -> Value {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or("localhost");
    let versions: Vec<Value> = VERSIONS
        .iter()
        .enumerate()
        .map(|(at, version)| {
            json!({
                "id": format!("v{version}"),
                "status": if at == 0 { "CURRENT" } else { "SUPPORTED" },
                "links": [{"rel": "self", "href": format!("http://{host}/v2/")}],
            })
        })
        .collect();
    json!({ "versions": versions })
}

/// `GET /healthz` and `GET /healthcheck`: whether the database answers.
pub async fn health(State(app): State<Arc<App>>) -> ApiResult<Response<Body>> {
    app.db.get::<Image>("00000000-0000-0000-0000-000000000000").await.map_err(|e| {
        tracing::error!(error = %e, "the database does not answer");
        ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "The database does not answer.")
    })?;
    let mut response = Response::new(Body::from("OK"));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=UTF-8"));
    Ok(response)
}

/// `GET /v2/schemas/{name}`
pub async fn schema(_: Caller, Path(name): Path<String>) -> ApiResult<Response<Body>> {
    document(&name)
}

/// `GET /v2/schemas/metadefs/{name}`
pub async fn metadef_schema(_: Caller, Path(name): Path<String>) -> ApiResult<Response<Body>> {
    document(&format!("metadefs/{name}"))
}

fn document(name: &str) -> ApiResult<Response<Body>> {
    let mut response = Response::new(Body::from(schema::document(name)?));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response)
}

/// `GET /v2/info/import`
pub async fn import(_: Caller) -> ApiResult<Response<Body>> {
    let methods = json!({ "description": "Import methods available.", "type": "array", "value": ["glance-direct"] });
    answer(StatusCode::OK, &json!({ "import-methods": methods }))
}

/// `GET /v2/info/stores`
pub async fn stores(_: Caller) -> ApiResult<Response<Body>> {
    answer(StatusCode::OK, &json!({ "stores": [{ "id": STORE, "default": "true" }] }))
}

/// `GET /v2/info/usage`: what the caller's project takes of what is limited; sizes are in MiB.
pub async fn usage(State(app): State<Arc<App>>, caller: Caller) -> ApiResult<Response<Body>> {
    let mut usage = Map::new();
    if let Some(owner) = caller.0.owner() {
        for (name, used, limit) in db::usage(&app.db, owner).await?.limited(&app.limits) {
            let Some(limit) = limit else { continue };
            let unit = if matches!(name, "image_size_total" | "image_stage_total") { MIB } else { 1 };
            usage.insert(name.to_owned(), json!({ "limit": limit / unit, "usage": used / unit }));
        }
    }
    answer(StatusCode::OK, &json!({ "usage": usage }))
}
