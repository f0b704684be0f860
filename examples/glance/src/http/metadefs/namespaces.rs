//! Namespaces.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, RawQuery, State};
use axum::http::{Response, StatusCode};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::super::body::{empty, json as answer};
use super::super::query::limit;
use super::objects::ObjectBody;
use super::resource_types::AssociationBody;
use super::{
    ApiError, ApiResult, App, Caller, map, objects, parameter, parse, properties, read, resource_types, with_times,
};
use crate::db::{self, MetadefNamespace, MetadefTag, MetadefVisibility, NamespaceListing, NewNamespace};

/// What a request says of a namespace.
#[derive(Deserialize)]
struct NamespaceBody {
    namespace: String,
    display_name: Option<String>,
    description: Option<String>,
    visibility: Option<String>,
    #[serde(default)]
    protected: bool,
    owner: Option<String>,
    #[serde(default)]
    objects: Vec<Value>,
    #[serde(default)]
    properties: Map<String, Value>,
    #[serde(default)]
    tags: Vec<Value>,
    #[serde(default)]
    resource_type_associations: Vec<Value>,
}

impl NamespaceBody {
    fn namespace(&self) -> MetadefNamespace {
        MetadefNamespace {
            namespace: self.namespace.clone(),
            display_name: self.display_name.clone(),
            description: self.description.clone(),
            visibility: self.visibility.as_deref().and_then(|text| text.parse().ok()).unwrap_or_default(),
            protected: self.protected,
            owner: self.owner.clone().unwrap_or_default(),
            ..MetadefNamespace::default()
        }
    }
}

/// `POST /v2/metadefs/namespaces`
pub async fn create(State(app): State<Arc<App>>, caller: Caller, body: Body) -> ApiResult<Response<Body>> {
    let body: NamespaceBody = read(&app, &caller, "add_metadef_namespace", "namespace", body).await?;
    let mut namespace = body.namespace();
    if namespace.owner.is_empty() {
        namespace.owner = caller.0.project_id.clone().unwrap_or_default();
    }
    let all = |values: Vec<Value>| values.into_iter();
    let new = NewNamespace {
        namespace,
        objects: all(body.objects)
            .map(|value| parse::<ObjectBody>("object", value).map(ObjectBody::object))
            .collect::<ApiResult<_>>()?,
        properties: body
            .properties
            .into_iter()
            .map(|(name, value)| properties::property(Some(name), value))
            .collect::<ApiResult<_>>()?,
        tags: all(body.tags)
            .map(|value| parse::<MetadefTagBody>("tag", value).map(Into::into))
            .collect::<ApiResult<_>>()?,
        associations: all(body.resource_type_associations)
            .map(|value| parse::<AssociationBody>("resource_type", value).map(Into::into))
            .collect::<ApiResult<_>>()?,
    };
    let made = db::metadef_namespace_create(&app.db, &new).await?;
    tracing::info!(namespace = made.namespace, "namespace created");
    answer(StatusCode::CREATED, &whole(&made, None))
}

/// What a request says of a tag.
#[derive(Deserialize)]
pub(super) struct MetadefTagBody {
    name: String,
}

impl From<MetadefTagBody> for MetadefTag {
    fn from(body: MetadefTagBody) -> Self {
        Self { name: body.name, ..Self::default() }
    }
}

/// `GET /v2/metadefs/namespaces`
pub async fn list(State(app): State<Arc<App>>, caller: Caller, RawQuery(query): RawQuery) -> ApiResult<Response<Body>> {
    caller.check_reader("get_metadef_namespaces")?;
    let query = query.unwrap_or_default();
    let get = |name| parameter(Some(&query), name);
    let wrong = |what: &str, value: &str| ApiError::bad_request(format!("Invalid {what}: {value}"));
    let visibility = |text: String| text.parse::<MetadefVisibility>().map_err(|_| wrong("visibility value", &text));
    let size = limit(get("limit").as_deref().unwrap_or("25"))?;
    let listing = NamespaceListing {
        visibility: get("visibility").map(visibility).transpose()?,
        resource_types: get("resource_types").map(|names| names.split(',').map(str::to_owned).collect()),
        marker: get("marker"),
        limit: usize::try_from(size).ok(),
        sort: (
            get("sort_key"),
            get("sort_dir").map(|dir| dir.parse().map_err(|()| wrong("sort direction", &dir))).transpose()?,
        ),
    };
    let found = db::metadef_namespace_get_all(&app.db, &caller.0, &listing).await?;
    let full = size > 0 && found.len() as u64 == size;
    let mut list = super::super::query::links(
        "/v2/metadefs/namespaces",
        &query,
        found.last().filter(|_| full).map(|last| last.namespace.as_str()),
    );
    let namespaces: Vec<_> = found
        .iter()
        .map(|namespace| {
            let mut view = view(namespace);
            view.insert("resource_type_associations".to_owned(), resource_types::views(namespace).into());
            view
        })
        .collect();
    let mut page = map([
        ("first", list.0.into()),
        ("next", list.1.take().into()),
        ("schema", "/v2/schemas/metadefs/namespaces".into()),
    ]);
    page.insert("namespaces".to_owned(), json!(namespaces));
    answer(StatusCode::OK, &page)
}

/// `GET /v2/metadefs/namespaces/{ns}`
pub async fn show(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
) -> ApiResult<Response<Body>> {
    caller.check_reader("get_metadef_namespace")?;
    let namespace = db::metadef_namespace_get(&app.db, &caller.0, &name).await?;
    let resource_type = parameter(query.as_deref(), "resource_type");
    answer(StatusCode::OK, &whole(&namespace, resource_type.as_deref()))
}

/// `PUT /v2/metadefs/namespaces/{ns}`
pub async fn update(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(name): Path<String>,
    body: Body,
) -> ApiResult<Response<Body>> {
    let body: NamespaceBody = read(&app, &caller, "modify_metadef_namespace", "namespace", body).await?;
    let updated = db::metadef_namespace_update(&app.db, &caller.0, &name, &body.namespace()).await?;
    answer(StatusCode::OK, &view(&updated))
}

/// `DELETE /v2/metadefs/namespaces/{ns}`
pub async fn delete(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(name): Path<String>,
) -> ApiResult<Response<Body>> {
    caller.check_admin("delete_metadef_namespace")?;
    db::metadef_namespace_delete(&app.db, &caller.0, &name).await?;
    tracing::info!(namespace = name, "namespace deleted");
    Ok(empty(StatusCode::NO_CONTENT))
}

/// A namespace alone.
fn view(namespace: &MetadefNamespace) -> Map<String, Value> {
    let view = map([
        ("namespace", namespace.namespace.as_str().into()),
        ("display_name", namespace.display_name.as_deref().into()),
        ("description", namespace.description.as_deref().into()),
        ("visibility", namespace.visibility.label().into()),
        ("protected", namespace.protected.into()),
        ("owner", namespace.owner.as_str().into()),
        ("self", format!("/v2/metadefs/namespaces/{}", namespace.namespace).into()),
        ("schema", "/v2/schemas/metadefs/namespace".into()),
    ]);
    with_times(view, namespace.created_at, namespace.updated_at)
}

/// A namespace with what is in it. For a resource type the names of properties have its prefix.
fn whole(namespace: &MetadefNamespace, resource_type: Option<&str>) -> Map<String, Value> {
    let prefix = resource_types::prefix(namespace, resource_type);
    let name = &namespace.namespace;
    let own_objects: Vec<_> =
        namespace.objects.get().unwrap_or_default().iter().map(|object| objects::view(name, object, &prefix)).collect();
    let own_properties: Map<String, Value> = namespace
        .properties
        .get()
        .unwrap_or_default()
        .iter()
        .map(|property| (format!("{prefix}{}", property.name), property.json_schema.clone().into()))
        .collect();
    let tags: Vec<_> = namespace.tags.get().unwrap_or_default().iter().map(|tag| json!({ "name": tag.name })).collect();
    let mut view = view(namespace);
    for (name, value) in [
        ("objects", json!(own_objects)),
        ("properties", own_properties.into()),
        ("tags", json!(tags)),
        ("resource_type_associations", resource_types::views(namespace).into()),
    ] {
        view.insert(name.to_owned(), value);
    }
    view
}
