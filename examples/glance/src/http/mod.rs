//! The HTTP API: one file for each kind of resource, and what they share.
//!
//! A handler reads the request, checks what the caller may do, calls the database layer and the data folder, and shows the
//! result. Checks that depend on an image run inside the transaction that changes it, as decisions that the database layer
//! calls (`image_modify`), so nothing can come between the check and the change.

mod actions;
mod apply;
mod background;
mod body;
mod caller;
mod error;
mod file;
mod images;
mod import;
mod info;
mod locations;
mod members;
mod metadefs;
mod patch;
mod query;
mod quota;
mod range;
mod schema;
mod tags;
mod tasks;
mod view;

use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, Response, StatusCode};
use axum::middleware::{self, Next};
use axum::routing::{get, post, put};
use rome::prelude::Database;

use crate::config::Config;
use crate::data::DataFolder;
use crate::db::Limits;
pub(crate) use background::Background;
use error::{Accept, ApiError};
use view::Shown;

/// What the handlers work with.
pub struct App {
    /// The database.
    pub(crate) db: Database,
    /// The image data.
    pub(crate) data: DataFolder,
    /// How the service is set up.
    pub(crate) config: Config,
    /// Whether tokens say who asks.
    pub(crate) trust_tokens: bool,
    /// Imports that run on after their request was answered.
    pub(crate) background: Background,
    /// What one project may have.
    pub(crate) limits: Limits,
    shown: Shown,
}

impl App {
    /// Puts a service together.
    #[must_use]
    pub fn new(db: Database, data: DataFolder, config: Config, trust_tokens: bool) -> Self {
        let shown = Shown { locations: config.show_locations, direct_url: config.show_direct_url };
        let limits = config.limits.limits();
        Self { db, data, config, trust_tokens, limits, background: Background::default(), shown }
    }
}

/// The routes of the service.
pub fn router(app: Arc<App>) -> Router {
    Router::new()
        .route("/", get(info::root))
        .route("/versions", get(info::versions))
        .route("/v2", get(info::root))
        .route("/v2/", get(info::root))
        .route("/healthz", get(info::health))
        .route("/healthcheck", get(info::health))
        .route("/v2/schemas/{name}", get(info::schema))
        .route("/v2/schemas/metadefs/{name}", get(info::metadef_schema))
        .nest("/v2/metadefs", metadefs::routes())
        .route("/v2/info/import", get(info::import))
        .route("/v2/info/stores", get(info::stores))
        .route("/v2/info/usage", get(info::usage))
        .route("/v2/images", get(images::list).post(images::create))
        .route("/v2/images/{id}", get(images::show).patch(images::update).delete(images::delete))
        .route("/v2/images/{id}/file", put(file::upload).get(file::download))
        .route("/v2/images/{id}/stage", put(file::stage))
        .route("/v2/tasks", get(tasks::list).post(tasks::create))
        .route("/v2/tasks/{id}", get(tasks::show))
        .route("/v2/images/{id}/tasks", get(tasks::of_image))
        .route("/v2/images/{id}/import", post(import::import))
        .route("/v2/images/{id}/actions/deactivate", post(actions::deactivate))
        .route("/v2/images/{id}/actions/reactivate", post(actions::reactivate))
        .route("/v2/images/{id}/tags/{tag}", put(tags::add).delete(tags::remove))
        .route("/v2/images/{id}/members", get(members::list).post(members::create))
        .route("/v2/images/{id}/members/{member}", get(members::show).put(members::update).delete(members::delete))
        .fallback(async || ApiError::not_found("The resource could not be found."))
        .method_not_allowed_fallback(async || {
            ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "The method is not allowed for this resource.")
        })
        .layer(middleware::from_fn(around))
        .with_state(app)
}

/// The id of a request.
#[derive(Debug, Clone)]
struct RequestId(String);

/// Around every request: an id for it, a body for its error, a line in the log.
async fn around(mut request: Request, next: Next) -> Response<Body> {
    let started = Instant::now();
    let accept = Accept::of(request.headers());
    let id = format!("req-{}", uuid::Uuid::new_v4());
    request.extensions_mut().insert(RequestId(id.clone()));
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let mut response = next.run(request).await;
    if let Some(error) = response.extensions_mut().remove::<ApiError>() {
        response = error::render(&error, accept, response);
    }
    let status = response.status().as_u16();
    tracing::info!(%method, path, status, millis = started.elapsed().as_millis(), request = id, "answered");
    if let Ok(id) = HeaderValue::try_from(id) {
        response.headers_mut().insert(HeaderName::from_static("x-openstack-request-id"), id);
    }
    response
}
