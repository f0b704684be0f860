//! JSON in and out.

use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, Response, StatusCode};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::Serialize;
use serde_json::Value;

use super::error::{ApiError, ApiResult};

/// The most bytes of JSON in a request.
const LIMIT: usize = 1024 * 1024;

/// Reads the JSON body of a request.
///
/// # Errors
/// 400 if there is none, if it is cut off, or if it is not JSON; 413 if it is longer than a megabyte.
pub async fn read_json(body: Body) -> ApiResult<Value> {
    let bytes = match Limited::new(body, LIMIT).collect().await {
        Ok(body) => body.to_bytes(),
        Err(e) if e.is::<LengthLimitError>() => {
            return Err(ApiError::too_large(format!("The request body has more than {LIMIT} bytes.")));
        }
        Err(e) => return Err(ApiError::bad_request(format!("The request body cannot be read: {e}"))),
    };
    if bytes.is_empty() {
        return Err(ApiError::bad_request("Body expected in request."));
    }
    serde_json::from_slice(&bytes).map_err(|e| ApiError::bad_request(format!("Malformed JSON in request body: {e}")))
}

/// Reads and drops what is left of a body, up to a few megabytes: a client that still sends does not read the answer.
pub async fn discard(mut body: Body) {
    const MOST: usize = 16 * 1024 * 1024;
    let mut seen = 0;
    while let Some(Ok(frame)) = body.frame().await {
        seen += frame.data_ref().map_or(0, bytes::Bytes::len);
        if seen > MOST {
            return;
        }
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
