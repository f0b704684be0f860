//! Image data: upload, stage, download.

use std::sync::Arc;

use axum::body::{Body, BodyDataStream};
use axum::extract::{Path, State};
use axum::http::header::{ACCEPT_RANGES, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, EXPECT};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};

use super::App;
use super::body::{empty, with};
use super::caller::Caller;
use super::error::{ApiError, ApiResult};
use super::flights::Flight;
use super::range::{self, Part};
use crate::data::{self, Area, Busy, DataError, Expected, Received, STORE};
use crate::db::{self, Context, DbError, ImageRecord, ImageStatus, ImageValues, LocationValues, UpdateOptions};

/// `PUT /v2/images/{id}/file`
pub async fn upload(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> ApiResult<Response<Body>> {
    take_in(app, caller, id, headers, body, Area::Store).await
}

/// `PUT /v2/images/{id}/stage`
pub async fn stage(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> ApiResult<Response<Body>> {
    take_in(app, caller, id, headers, body, Area::Staging).await
}

async fn take_in(
    app: Arc<App>,
    caller: Caller,
    id: String,
    headers: HeaderMap,
    body: Body,
    area: Area,
) -> ApiResult<Response<Body>> {
    // Too many uploads are refused before anything of them is read.
    let slot = app.room.uploads.take(caller.who(), 1)?;
    let mut body = body.into_data_stream();
    let begun = match begin(&app, &caller, &id, &headers, area).await {
        Ok(begun) => begun,
        Err(e) => {
            // A client that asked first whether to send is told by the answer alone.
            if !headers.contains_key(EXPECT) {
                drop(slot);
                app.discard(&caller, body).await;
            }
            return Err(e);
        }
    };
    // As a task of its own it also ends well when the client goes away and this request is dropped.
    let upload = tokio::spawn(async move {
        let (_slot, Begun { announced, room, busy }) = (slot, begun);
        let _busy = busy;
        let received = app.receive(&caller.0, &id, &mut body, announced, room, area).await;
        if received.as_ref().is_err_and(|e| e.status() == StatusCode::PAYLOAD_TOO_LARGE) {
            app.discard(&caller, body).await;
        }
        received
    });
    upload.await.map_err(|e| {
        tracing::error!(error = %e, "an upload failed");
        ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "The server failed to take in the data.")
    })??;
    Ok(empty(StatusCode::NO_CONTENT))
}

/// An upload that may come.
struct Begun {
    announced: Option<u64>,
    room: Fits,
    busy: Busy,
}

/// How much room there is for an upload.
struct Fits {
    /// Bytes of one image.
    cap: u64,
    received: u64,
    quota: Option<Unannounced>,
}

/// What is left of a project's quota for an upload that has not taken its room before.
struct Unannounced {
    flight: Flight,
    name: &'static str,
    owner: String,
    limit: u64,
    used: u64,
}

impl Fits {
    /// Whether there is room for some more bytes, and if not why.
    fn more(&mut self, bytes: u64) -> Result<(), String> {
        self.received = self.received.saturating_add(bytes);
        if self.received > self.cap {
            return Err(too_large(self.received, self.cap));
        }
        let received = self.received;
        let Some(Unannounced { flight, name, owner, limit, used }) = &mut self.quota else { return Ok(()) };
        if flight.fits(bytes, limit.saturating_sub(*used)) {
            return Ok(());
        }
        Err(db::over_limit(owner, name, *limit, *used, received))
    }

    /// Notes that the database knows of the data.
    fn landed(self) {
        if let Some(quota) = self.quota {
            quota.flight.landed();
        }
    }
}

fn too_large(bytes: u64, cap: u64) -> String {
    format!(
        "The limit has been exceeded on the bytes of an image. Attempted: {bytes}, Maximum: {cap} (--image-size-cap)"
    )
}

const fn receiving(area: Area) -> ImageStatus {
    match area {
        Area::Store => ImageStatus::Saving,
        Area::Staging => ImageStatus::Uploading,
    }
}

/// Checks that data may come and notes that it does. Of several uploads to one image exactly one gets past this.
async fn begin(app: &App, caller: &Caller, id: &str, headers: &HeaderMap, area: Area) -> ApiResult<Begun> {
    let media = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !media.starts_with("application/octet-stream") {
        return Err(ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "Image data is application/octet-stream."));
    }
    let announced = announced(headers)?;
    let cap = app.config.quotas.size_cap;
    if let Some(announced) = announced.filter(|announced| *announced > cap) {
        return Err(ApiError::too_large(too_large(announced, cap)));
    }
    let to = receiving(area);
    // Where its size is limited, an upload that says how much will come takes its room before it comes.
    let limited = match area {
        Area::Store => app.limits.image_size_total,
        Area::Staging => app.limits.image_stage_total,
    };
    let reserved = announced.filter(|_| limited.is_some()).and_then(|bytes| i64::try_from(bytes).ok());
    let decide = |record: &ImageRecord| {
        caller.check_change("upload_image", &record.image)?;
        match record.image.status {
            ImageStatus::Queued => {
                Ok(ImageValues { status: Some(to), size: reserved.map(Some), ..ImageValues::default() })
            }
            from => Err(ApiError::conflict(format!("Image status transition from {from} to {to} is not allowed"))),
        }
    };
    let busy = app.data.begin(id).map_err(DataError::Write)?;
    let options = UpdateOptions::default().within(app.limits);
    let (_, after) = db::image_modify::<ApiError>(&app.db, &caller.0, id, decide, &options).await?;
    let quota = match (limited, after.image.owner) {
        (Some(limit), Some(owner)) if reserved.is_none() => {
            // It counts from now on, so that what the database says next has all that does not.
            let flight = app.flights.begin(&owner, area);
            let quota = unannounced(app, flight, area, owner, limit).await;
            if quota.is_err() {
                app.queue_again(&caller.0, id, to).await;
            }
            Some(quota?)
        }
        _ => None,
    };
    Ok(Begun { announced, room: Fits { cap, received: 0, quota }, busy })
}

async fn unannounced(app: &App, flight: Flight, area: Area, owner: String, limit: u64) -> ApiResult<Unannounced> {
    let usage = db::usage(&app.db, &owner).await?;
    let (name, used) = match area {
        Area::Store => ("image_size_total", usage.image_size_total),
        Area::Staging => ("image_stage_total", usage.image_stage_total),
    };
    Ok(Unannounced { flight, name, owner, limit, used })
}

/// How many bytes the headers say will come.
fn announced(headers: &HeaderMap) -> ApiResult<Option<u64>> {
    let number = |name: HeaderName| {
        let Some(value) = headers.get(&name) else { return Ok(None) };
        let number = value.to_str().ok().and_then(|value| value.trim().parse::<u64>().ok());
        number.map(Some).ok_or_else(|| ApiError::bad_request(format!("{name} is not a number of bytes.")))
    };
    let (length, size) = (number(CONTENT_LENGTH)?, number(HeaderName::from_static("x-openstack-image-size"))?);
    match (length, size) {
        (Some(length), Some(size)) if length != size => {
            Err(ApiError::bad_request(format!("{size} bytes are announced and {length} sent.")))
        }
        _ => Ok(length.or(size)),
    }
}

impl App {
    async fn receive(
        &self,
        context: &Context,
        id: &str,
        body: &mut BodyDataStream,
        announced: Option<u64>,
        mut room: Fits,
        area: Area,
    ) -> ApiResult<()> {
        let from = UpdateOptions::from_state(receiving(area)).within(self.limits);
        let expected = Expected { announced, time: self.config.bounds.upload_time() };
        let received = match self.data.receive(area, id, body, expected, |more| room.more(more)).await {
            Ok(received) => received,
            Err(e) => {
                tracing::warn!(image = id, error = %e, "an upload failed");
                self.queue_again(context, id, receiving(area)).await;
                return Err(e.into());
            }
        };
        let values = match area {
            Area::Store => self.active(id, &received),
            Area::Staging => ImageValues { size: Some(i64::try_from(received.size).ok()), ..ImageValues::default() },
        };
        match db::image_update(&self.db, context, id, &values, &from).await {
            Ok(_) => {
                room.landed();
                tracing::info!(image = id, bytes = received.size, "data received");
                Ok(())
            }
            Err(e) => {
                self.remove_data(&[area], id).await;
                if matches!(e, DbError::LimitExceeded(_)) {
                    self.queue_again(context, id, receiving(area)).await;
                }
                Err(match e {
                    DbError::ImageNotFound(_) | DbError::Forbidden(_) | DbError::Conflict(_) => ApiError::new(
                        StatusCode::GONE,
                        format!("Image {id} could not be found after upload. It may have been deleted meanwhile."),
                    ),
                    e => e.into(),
                })
            }
        }
    }

    /// Makes an image that got no data wait for it again.
    async fn queue_again(&self, context: &Context, id: &str, from: ImageStatus) {
        let queued = ImageValues { status: Some(ImageStatus::Queued), size: Some(None), ..ImageValues::default() };
        if let Err(e) = db::image_update(&self.db, context, id, &queued, &UpdateOptions::from_state(from)).await {
            tracing::warn!(image = id, error = %e, "the image is not queued again");
        }
    }

    /// What an image is once its data is in the store.
    pub(super) fn active(&self, id: &str, received: &Received) -> ImageValues {
        let digests = &received.digests;
        ImageValues {
            status: Some(ImageStatus::Active),
            size: Some(i64::try_from(received.size).ok()),
            checksum: Some(Some(digests.checksum.clone())),
            os_hash_algo: Some(Some(digests.hash_algo.to_owned())),
            os_hash_value: Some(Some(digests.hash_value.clone())),
            locations: Some(vec![LocationValues::new(self.data.url(id), serde_json::json!({ "store": STORE }))]),
            ..ImageValues::default()
        }
    }

    pub(super) async fn remove_data(&self, areas: &[Area], id: &str) {
        let (data, own, areas) = (self.data.clone(), id.to_owned(), areas.to_vec());
        let removed = tokio::task::spawn_blocking(move || areas.iter().try_for_each(|area| data.remove(*area, &own)));
        log_removal(id, removed.await);
    }

    pub(super) async fn remove_url(&self, url: String) {
        let (data, own) = (self.data.clone(), url.clone());
        log_removal(&url, tokio::task::spawn_blocking(move || data.remove_url(&own)).await);
    }
}

/// Data that cannot be removed is for an operator to look at; the request has done what it was for.
fn log_removal(what: &str, removed: Result<std::io::Result<()>, tokio::task::JoinError>) {
    if let Err(e) = removed.map_err(std::io::Error::other).and_then(|removed| removed) {
        tracing::error!(what, error = %e, "data cannot be removed");
    }
}

/// `GET /v2/images/{id}/file`
pub async fn download(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> ApiResult<Response<Body>> {
    let record = app.image(&caller, &id).await?;
    caller.check_member("download_image")?;
    if record.image.status == ImageStatus::Deactivated && !caller.0.is_admin {
        return Err(ApiError::forbidden("The requested image has been deactivated. Image data download is forbidden."));
    }
    if record.locations.is_empty() {
        return Ok(empty(StatusCode::NO_CONTENT));
    }
    let data = app.data.clone();
    let urls: Vec<String> = record.locations.iter().map(|location| location.value.clone()).collect();
    let opened = tokio::task::spawn_blocking(move || urls.iter().find_map(|url| data.open_url(url).ok())).await;
    let Ok(Some((file, size))) = opened else {
        return Err(ApiError::bad_request("The data of this image is not in a store that this service reads."));
    };
    let slot = app.room.downloads.take(caller.who(), 1)?;
    let part = range::requested(&headers, size)?;
    let Part { start, length } = part.unwrap_or(Part { start: 0, length: size });
    let body = Body::from_stream(data::stream(file, start, length));
    let mut response = Response::new(with(body, slot));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    if part.is_some() {
        let range = format!("bytes {start}-{}/{size}", start + length - 1);
        headers.extend(HeaderValue::try_from(range).ok().map(|range| (CONTENT_RANGE, range)));
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
    } else if let Some(checksum) = record.image.checksum.as_deref().and_then(|sum| HeaderValue::from_str(sum).ok()) {
        // The header is about the bytes of the answer, so only a whole image has it.
        headers.insert(HeaderName::from_static("content-md5"), checksum);
    }
    Ok(response)
}
