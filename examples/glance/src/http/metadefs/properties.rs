//! Properties of a namespace. A property is a schema with a name in it.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, RawQuery, State};
use axum::http::{Response, StatusCode};
use serde_json::{Map, Value, json};

use super::super::body::{empty, json as answer};
use super::{ApiError, ApiResult, App, Caller, parameter, parse, read, resource_types};
use crate::db::{self, MetadefProperty};

/// A property from what a request says, which has the name in it unless it is given.
pub(super) fn property(name: Option<String>, schema: Value) -> ApiResult<MetadefProperty> {
    let mut schema = schema;
    if let (Some(name), Value::Object(schema)) = (name, &mut schema) {
        schema.insert("name".to_owned(), name.into());
    }
    let mut schema: Map<String, Value> = parse("property", schema)?;
    let name = schema.remove("name").and_then(|name| name.as_str().map(str::to_owned)).unwrap_or_default();
    Ok(MetadefProperty { name, json_schema: schema, ..MetadefProperty::default() })
}

fn view(property: &MetadefProperty, prefix: &str) -> Map<String, Value> {
    let mut view = property.json_schema.clone();
    view.insert("name".to_owned(), format!("{prefix}{}", property.name).into());
    view
}

/// `GET /v2/metadefs/namespaces/{ns}/properties`
pub async fn list(State(app): State<Arc<App>>, caller: Caller, Path(ns): Path<String>) -> ApiResult<Response<Body>> {
    caller.check_reader("get_metadef_properties")?;
    let all: Vec<MetadefProperty> = db::metadef_get_all(&app.db, &caller.0, &ns).await?;
    let all: Map<String, Value> = all.iter().map(|own| (own.name.clone(), view(own, "").into())).collect();
    answer(StatusCode::OK, &json!({ "properties": all, "schema": "/v2/schemas/metadefs/properties" }))
}

/// `POST /v2/metadefs/namespaces/{ns}/properties`
pub async fn create(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(ns): Path<String>,
    body: Body,
) -> ApiResult<Response<Body>> {
    let body: Value = read(&app, &caller, "add_metadef_property", "property", body).await?;
    let made = db::metadef_create(&app.db, &caller.0, &ns, &property(None, body)?).await?;
    answer(StatusCode::CREATED, &view(&made, ""))
}

/// `GET /v2/metadefs/namespaces/{ns}/properties/{name}`. For a resource type the name has its prefix.
pub async fn show(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path((ns, name)): Path<(String, String)>,
    RawQuery(query): RawQuery,
) -> ApiResult<Response<Body>> {
    caller.check_reader("get_metadef_property")?;
    let Some(resource_type) = parameter(query.as_deref(), "resource_type") else {
        let found: MetadefProperty = db::metadef_get(&app.db, &caller.0, &ns, &name).await?;
        return answer(StatusCode::OK, &view(&found, ""));
    };
    let namespace = db::metadef_namespace_get(&app.db, &caller.0, &ns).await?;
    let prefix = resource_types::prefix(&namespace, Some(&resource_type));
    let found = name
        .strip_prefix(prefix.as_str())
        .and_then(|bare| namespace.properties.get().unwrap_or_default().iter().find(|property| property.name == bare));
    let missing = || {
        ApiError::not_found(format!(
            "Property {name} does not start with the prefix of {resource_type}, or is not there."
        ))
    };
    answer(StatusCode::OK, &view(found.ok_or_else(missing)?, &prefix))
}

/// `PUT /v2/metadefs/namespaces/{ns}/properties/{name}`
pub async fn update(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path((ns, name)): Path<(String, String)>,
    body: Body,
) -> ApiResult<Response<Body>> {
    let body: Value = read(&app, &caller, "modify_metadef_property", "property", body).await?;
    let updated = db::metadef_update(&app.db, &caller.0, &ns, &name, &property(None, body)?).await?;
    answer(StatusCode::OK, &view(&updated, ""))
}

/// `DELETE /v2/metadefs/namespaces/{ns}/properties/{name}`
pub async fn delete(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path((ns, name)): Path<(String, String)>,
) -> ApiResult<Response<Body>> {
    caller.check_admin("remove_metadef_property")?;
    db::metadef_delete::<MetadefProperty>(&app.db, &caller.0, &ns, &name).await?;
    Ok(empty(StatusCode::NO_CONTENT))
}

/// `DELETE /v2/metadefs/namespaces/{ns}/properties`
pub async fn delete_all(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(ns): Path<String>,
) -> ApiResult<Response<Body>> {
    caller.check_admin("remove_metadef_property")?;
    db::metadef_delete_all::<MetadefProperty>(&app.db, &caller.0, &ns).await?;
    Ok(empty(StatusCode::NO_CONTENT))
}
