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
mod flights;
mod hosts;
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

use std::sync::{Arc, OnceLock};
use std::time::Instant;

use axum::Router;
use axum::body::{Body, HttpBody};
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, Response, StatusCode};
use axum::middleware::{self, Next};
use axum::response::IntoResponse;
use axum::routing::{get, post, put};
use rome_orm::prelude::Database;
use tokio::sync::Semaphore;

use crate::config::{Bounds, Config, KIB, MIB};
use crate::data::DataFolder;
use crate::db::Limits;
use crate::identity::Trusted;
use crate::slots::Slots;
pub(crate) use background::Background;
use error::{Accept, ApiError};
use flights::Flights;
use hosts::Hosts;
use view::Shown;

/// What the handlers work with.
pub struct App {
    /// The database.
    pub(crate) db: Database,
    /// The image data.
    pub(crate) data: DataFolder,
    /// How the service is set up.
    pub(crate) config: Config,
    /// Whose word is taken for who asks.
    pub(crate) trusted: Trusted,
    /// Which names `Host` may have.
    hosts: Hosts,
    /// What requests take of the service.
    room: Room,
    /// Bytes of uploads that are on their way.
    flights: Flights,
    /// Imports that run on after their request was answered.
    pub(crate) background: Background,
    /// What one project may have.
    pub(crate) limits: Limits,
    shown: Shown,
}

/// What requests take of the service, and how much of it there is.
struct Room {
    uploads: Arc<Slots>,
    downloads: Arc<Slots>,
    bodies: Arc<Slots>,
    answers: Arc<Slots>,
    lists: Semaphore,
    imports: Semaphore,
}

impl Room {
    fn new(bounds: &Bounds) -> Self {
        let slots = |what, most: u64| Slots::new(what, most, bounds.share_of(most));
        let permits = |most: u32| Semaphore::new(usize::try_from(most).unwrap_or(Semaphore::MAX_PERMITS));
        Self {
            uploads: slots("uploads (--max-uploads)", bounds.max_uploads.into()),
            downloads: slots("downloads (--max-downloads)", bounds.max_downloads.into()),
            bodies: slots("slow request bodies (--max-waiting-bodies)", bounds.max_waiting_bodies.into()),
            answers: slots(
                "bytes of answers that wait to be taken (--max-waiting-answers)",
                u64::from(bounds.max_waiting_answers) * MIB,
            ),
            lists: permits(bounds.max_lists),
            imports: permits(bounds.max_imports),
        }
    }
}

impl App {
    /// Puts a service together, whose address is loopback or not.
    #[must_use]
    pub fn new(db: Database, data: DataFolder, config: Config, trusted: Trusted, loopback: bool) -> Self {
        let shown = Shown { locations: config.show_locations, direct_url: config.show_direct_url };
        let limits = config.limits.limits();
        let hosts = Hosts::new(&config.trust.allowed_hosts, loopback);
        let room = Room::new(&config.bounds);
        let (flights, background) = (Flights::default(), Background::default());
        Self { db, data, config, trusted, hosts, room, flights, limits, background, shown }
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
        .layer(middleware::from_fn_with_state(Arc::clone(&app), around))
        .with_state(app)
}

/// What is known of a request while it is answered.
#[derive(Debug, Clone)]
struct Asked {
    /// Its id.
    id: String,
    /// Whom what it takes is counted for, once that is known.
    who: Arc<OnceLock<String>>,
}

/// Answers up to so many bytes are not counted: there are no more of them than connections.
const SMALL: u64 = 64 * KIB;

/// The most characters of a path in the log.
const LOGGED: usize = 256;

/// Around every request: an id for it, a look at its host, a body for its error, room for its answer, a line in the log.
async fn around(State(app): State<Arc<App>>, mut request: Request, next: Next) -> Response<Body> {
    let started = Instant::now();
    let accept = Accept::of(request.headers());
    let id = format!("req-{}", uuid::Uuid::new_v4());
    let asked = Asked { id: id.clone(), who: Arc::default() };
    request.extensions_mut().insert(asked.clone());
    let method = request.method().clone();
    let path: String = request.uri().path().chars().take(LOGGED).collect();
    let mut response = match app.hosts.check(&request) {
        Ok(()) => next.run(request).await,
        Err(e) => e.into_response(),
    };
    if let Some(size) = response.body().size_hint().exact().filter(|size| *size > SMALL) {
        let who = asked.who.get().map_or("", String::as_str);
        response = match app.room.answers.take(who, size) {
            Ok(slot) => response.map(|body| body::with(body, slot)),
            Err(full) => ApiError::from(full).into_response(),
        };
    }
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
