//! JSON in and out.

use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, Response, StatusCode};
use bytes::Bytes;
use futures::{Stream, StreamExt};
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::Serialize;
use serde_json::Value;
use tokio::time::timeout;

use super::App;
use super::caller::Caller;
use super::error::{ApiError, ApiResult};
use crate::config::KIB;

/// How long a body may take before it is one that is waited for.
const PROMPT: Duration = Duration::from_millis(500);

/// The most bytes of a refused upload that are read so that its sender reads the answer.
const DROPPED: usize = 16 * 1024 * 1024;

impl App {
    /// Reads the JSON body of a request.
    ///
    /// # Errors
    /// 400 if there is none, if it is cut off, or if it is not JSON; 413 if it is larger than a body may be; 408 if it takes
    /// too long; 503 if too many others take long.
    pub(super) async fn read_json(&self, caller: &Caller, body: Body) -> ApiResult<Value> {
        let bounds = &self.config.bounds;
        self.read_json_of(caller, body, u64::from(bounds.max_body_size) * KIB, "--max-body-size").await
    }

    /// [`read_json`](Self::read_json) for a body of at most so many bytes, which is named so.
    pub(super) async fn read_json_of(&self, caller: &Caller, body: Body, most: u64, name: &str) -> ApiResult<Value> {
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        let mut reading = pin!(Limited::new(body, most).collect());
        let read = match timeout(PROMPT, &mut reading).await {
            Ok(read) => read,
            Err(_) => {
                let _slot = self.room.bodies.take(caller.who(), 1)?;
                let time = self.config.bounds.body_time();
                timeout(time.saturating_sub(PROMPT), reading).await.map_err(|_| {
                    let message = format!("The request body took longer than {} s (--body-timeout).", time.as_secs());
                    ApiError::new(StatusCode::REQUEST_TIMEOUT, message)
                })?
            }
        };
        let bytes = match read {
            Ok(body) => body.to_bytes(),
            Err(e) if e.is::<LengthLimitError>() => {
                return Err(ApiError::too_large(format!("The request body has more than {most} bytes ({name}).")));
            }
            Err(e) => return Err(ApiError::bad_request(format!("The request body cannot be read: {e}"))),
        };
        if bytes.is_empty() {
            return Err(ApiError::bad_request("Body expected in request."));
        }
        let wrong = |e| ApiError::bad_request(format!("Malformed JSON in request body: {e}"));
        serde_json::from_slice(&bytes).map_err(wrong)
    }

    /// Reads and drops what is left of a body, up to a few megabytes and for as long as a body may take: a client that still
    /// sends does not read the answer. Where too many bodies are waited for nothing is read.
    pub(super) async fn discard(&self, caller: &Caller, body: impl Stream<Item = Result<Bytes, axum::Error>>) {
        let Ok(_slot) = self.room.bodies.take(caller.who(), 1) else { return };
        let dropped = async {
            let (mut body, mut seen) = (pin!(body), 0);
            while let Some(Ok(chunk)) = body.next().await {
                seen += chunk.len();
                if seen > DROPPED {
                    return;
                }
            }
        };
        timeout(self.config.bounds.body_time(), dropped).await.ok();
    }
}

/// A body that something is held for until it is taken, or nobody is there to take it. It is given in parts of 64 KiB, each a
/// copy: a connection takes a part when it has room for it, and keeps nothing of the rest.
pub fn with(body: Body, held: impl Send + Unpin + 'static) -> Body {
    Body::new(With { body, rest: Bytes::new(), _held: held })
}

/// The bytes of a part.
const PART: usize = 64 * 1024;

struct With<T> {
    body: Body,
    /// Of the frame that the body gave last.
    rest: Bytes,
    _held: T,
}

impl<T: Unpin> HttpBody for With<T> {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if self.rest.is_empty() {
            match ready!(Pin::new(&mut self.body).poll_frame(cx)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) if data.len() > PART => self.rest = data,
                    Ok(data) => return Poll::Ready(Some(Ok(Frame::data(data)))),
                    Err(frame) => return Poll::Ready(Some(Ok(frame))),
                },
                end => return Poll::Ready(end),
            }
        }
        let length = self.rest.len().min(PART);
        let part = self.rest.split_to(length);
        Poll::Ready(Some(Ok(Frame::data(Bytes::copy_from_slice(&part)))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (rest, more) = (self.rest.len() as u64, self.body.size_hint());
        let mut hint = SizeHint::new();
        hint.set_lower(more.lower().saturating_add(rest));
        if let Some(upper) = more.upper().and_then(|upper| upper.checked_add(rest)) {
            hint.set_upper(upper);
        }
        hint
    }
}

/// A JSON answer.
///
/// # Errors
/// 500 if the value has no JSON form, which none of ours lacks.
pub fn json(status: StatusCode, value: &impl Serialize) -> ApiResult<Response<Body>> {
    let body = serde_json::to_vec(value)
        .map_err(|e| ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, format!("The answer has no JSON form: {e}")))?;
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response)
}

/// An answer without a body.
#[must_use]
pub fn empty(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}
