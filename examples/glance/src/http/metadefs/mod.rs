//! Metadata definitions: `/v2/metadefs`. Whoever reads, reads what is public or its project's; changes are for admins.

mod namespaces;
mod objects;
mod properties;
mod resource_types;
mod tags;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::routing::{get, post};
use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::App;
use super::caller::Caller;
use super::error::{ApiError, ApiResult};
use super::{schema, view};

/// The routes.
pub fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/resource_types", get(resource_types::all))
        .route("/namespaces", get(namespaces::list).post(namespaces::create))
        .route("/namespaces/{ns}", get(namespaces::show).put(namespaces::update).delete(namespaces::delete))
        .route("/namespaces/{ns}/resource_types", get(resource_types::list).post(resource_types::create))
        .route("/namespaces/{ns}/resource_types/{name}", axum::routing::delete(resource_types::delete))
        .route("/namespaces/{ns}/objects", get(objects::list).post(objects::create).delete(objects::delete_all))
        .route("/namespaces/{ns}/objects/{name}", get(objects::show).put(objects::update).delete(objects::delete))
        .route(
            "/namespaces/{ns}/properties",
            get(properties::list).post(properties::create).delete(properties::delete_all),
        )
        .route(
            "/namespaces/{ns}/properties/{name}",
            get(properties::show).put(properties::update).delete(properties::delete),
        )
        .route("/namespaces/{ns}/tags", get(tags::list).post(tags::replace_all).delete(tags::delete_all))
        .route(
            "/namespaces/{ns}/tags/{name}",
            post(tags::create).get(tags::show).put(tags::update).delete(tags::delete),
        )
}

/// Reads a body that has to fit a schema, of a caller who may change definitions.
async fn read<T: DeserializeOwned>(app: &App, caller: &Caller, action: &str, name: &str, body: Body) -> ApiResult<T> {
    caller.check_admin(action)?;
    parse(name, app.read_json(caller, body).await?)
}

/// A value that has to fit a schema.
fn parse<T: DeserializeOwned>(name: &str, value: Value) -> ApiResult<T> {
    schema::check_metadef(name, &value)?;
    serde_json::from_value(value).map_err(|e| ApiError::bad_request(format!("This is no {name}: {e}")))
}

/// An answer to which the times are added, and where it is found.
fn with_times(mut map: Map<String, Value>, created: DateTime<Utc>, updated: DateTime<Utc>) -> Map<String, Value> {
    map.insert("created_at".to_owned(), view::time(created).into());
    map.insert("updated_at".to_owned(), view::time(updated).into());
    map
}

/// A map of what there is; what is not there is left out.
fn map<const N: usize>(entries: [(&str, Value); N]) -> Map<String, Value> {
    entries.into_iter().filter(|(_, value)| !value.is_null()).map(|(name, value)| (name.to_owned(), value)).collect()
}

/// A parameter of a query.
fn parameter(query: Option<&str>, name: &str) -> Option<String> {
    let mut all = form_urlencoded::parse(query.unwrap_or_default().as_bytes());
    all.find(|(own, _)| own == name).map(|(_, value)| value.into_owned())
}
