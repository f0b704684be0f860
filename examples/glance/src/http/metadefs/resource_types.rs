//! Resource types, and the namespaces that are for them.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{Response, StatusCode};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::super::body::{empty, json as answer};
use super::{ApiResult, App, Caller, map, read, with_times};
use crate::db::{self, MetadefAssociation, MetadefNamespace, NewAssociation};

/// What a request says of an association.
#[derive(Deserialize)]
pub(super) struct AssociationBody {
    name: String,
    prefix: Option<String>,
    properties_target: Option<String>,
}

impl From<AssociationBody> for NewAssociation {
    fn from(body: AssociationBody) -> Self {
        let AssociationBody { name, prefix, properties_target } = body;
        Self { name, properties_target, prefix }
    }
}

fn name(association: &MetadefAssociation) -> &str {
    association.resource_type.get().ok().flatten().map_or("", |resource_type| resource_type.name.as_str())
}

fn view(association: &MetadefAssociation) -> Map<String, Value> {
    let view = map([
        ("name", name(association).into()),
        ("prefix", association.prefix.as_deref().into()),
        ("properties_target", association.properties_target.as_deref().into()),
    ]);
    with_times(view, association.created_at, association.updated_at)
}

/// The associations that are loaded with a namespace.
pub(super) fn views(namespace: &MetadefNamespace) -> Vec<Value> {
    namespace.associations.get().unwrap_or_default().iter().map(|own| view(own).into()).collect()
}

/// What stands before the names of properties of a resource type.
pub(super) fn prefix(namespace: &MetadefNamespace, resource_type: Option<&str>) -> String {
    let Some(wanted) = resource_type else { return String::new() };
    let found = namespace.associations.get().unwrap_or_default().iter().find(|own| name(own) == wanted);
    found.and_then(|own| own.prefix.clone()).unwrap_or_default()
}

/// `GET /v2/metadefs/resource_types`
pub async fn all(State(app): State<Arc<App>>, caller: Caller) -> ApiResult<Response<Body>> {
    caller.check_reader("list_metadef_resource_types")?;
    let all = db::metadef_resource_type_get_all(&app.db).await?;
    let views: Vec<_> = all
        .iter()
        .map(|own| with_times(map([("name", own.name.as_str().into())]), own.created_at, own.updated_at))
        .collect();
    answer(StatusCode::OK, &json!({ "resource_types": views, "schema": "/v2/schemas/metadefs/resource_types" }))
}

/// `GET /v2/metadefs/namespaces/{ns}/resource_types`
pub async fn list(State(app): State<Arc<App>>, caller: Caller, Path(ns): Path<String>) -> ApiResult<Response<Body>> {
    caller.check_reader("get_metadef_resource_type")?;
    let associations = db::metadef_association_get_all(&app.db, &caller.0, &ns).await?;
    let views: Vec<_> = associations.iter().map(view).collect();
    answer(StatusCode::OK, &json!({ "resource_type_associations": views }))
}

/// `POST /v2/metadefs/namespaces/{ns}/resource_types`
pub async fn create(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(ns): Path<String>,
    body: Body,
) -> ApiResult<Response<Body>> {
    let body: AssociationBody =
        read(&app, &caller, "add_metadef_resource_type_association", "resource_type", body).await?;
    let made = db::metadef_association_create(&app.db, &caller.0, &ns, &body.into()).await?;
    answer(StatusCode::CREATED, &view(&made))
}

/// `DELETE /v2/metadefs/namespaces/{ns}/resource_types/{name}`
pub async fn delete(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path((ns, name)): Path<(String, String)>,
) -> ApiResult<Response<Body>> {
    caller.check_admin("remove_metadef_resource_type_association")?;
    db::metadef_association_delete(&app.db, &caller.0, &ns, &name).await?;
    Ok(empty(StatusCode::NO_CONTENT))
}
