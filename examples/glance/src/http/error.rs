//! Errors as answers.
//!
//! A handler fails with an [`ApiError`]; how it looks depends on what the request accepts, so it travels in the response's
//! extensions until [`render`] gives it a body: HTML where that is accepted, else JSON, else plain text.

use axum::body::Body;
use axum::http::header::{ACCEPT, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use axum::response::IntoResponse;

use crate::data::DataError;
use crate::db::DbError;
use crate::slots::Full;

/// What a request fails with.
#[derive(Debug, Clone)]
pub struct ApiError {
    status: StatusCode,
    message: String,
    header: Option<(HeaderName, HeaderValue)>,
}

/// The result of a handler.
pub type ApiResult<T> = Result<T, ApiError>;

impl ApiError {
    /// An error with a status and a message for people. What the message repeats of a request is made harmless and short:
    /// control characters are escaped, and what is beyond a thousand characters is cut off.
    #[must_use]
    pub fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: harmless(message.into()), header: None }
    }

    /// The same with a header.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.header = Some((name, value));
        self
    }

    /// 400.
    #[must_use]
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    /// 403.
    #[must_use]
    pub fn forbidden(message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, message)
    }

    /// 404.
    #[must_use]
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, message)
    }

    /// 409.
    #[must_use]
    pub fn conflict(message: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, message)
    }

    /// 413.
    #[must_use]
    pub fn too_large(message: impl Into<String>) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, message)
    }

    /// Its status.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        self.status
    }

    /// Its message.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }
}

/// The most characters of a message.
const LONGEST: usize = 1000;

fn harmless(message: String) -> String {
    if message.len() <= LONGEST && !message.chars().any(char::is_control) {
        return message;
    }
    let mut short = String::with_capacity(message.len().min(LONGEST));
    for (at, c) in message.chars().enumerate() {
        if at == LONGEST {
            short.push_str(" [..]");
            break;
        }
        if c.is_control() { short.extend(c.escape_default()) } else { short.push(c) }
    }
    short
}

impl From<Full> for ApiError {
    fn from(full: Full) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, full.to_string())
            .with_header(RETRY_AFTER, HeaderValue::from_static("1"))
    }
}

impl From<rome_orm::Error> for ApiError {
    fn from(e: rome_orm::Error) -> Self {
        tracing::error!(error = %e, "the database failed");
        if e.is_unavailable() || e.is_conflict() {
            return Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "The database is busy or not available. Please try again.",
            );
        }
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "The server failed to fulfil the request.")
    }
}

impl From<DbError> for ApiError {
    fn from(e: DbError) -> Self {
        use DbError as E;
        let status = match e {
            E::Store(e) => return e.into(),
            // The handlers check what a caller may change, in words of their own. So this is about an image that the
            // caller does not see, and is not told about.
            E::NotFound(_) | E::ImageNotFound(_) | E::Reference(_) | E::Forbidden(_) => StatusCode::NOT_FOUND,
            E::Duplicate(_) | E::Conflict(_) => StatusCode::CONFLICT,
            E::LimitExceeded(_) => StatusCode::PAYLOAD_TOO_LARGE,
            E::ForbiddenPublicImage(_) | E::Protected(_) => StatusCode::FORBIDDEN,
            E::Invalid(_)
            | E::InvalidSortKey(_)
            | E::InvalidFilterRangeValue(_)
            | E::InvalidFilterOperatorValue(_)
            | E::InvalidParameterValue(_) => StatusCode::BAD_REQUEST,
        };
        Self::new(status, e.to_string())
    }
}

impl From<DataError> for ApiError {
    fn from(e: DataError) -> Self {
        match &e {
            DataError::Cut { .. } | DataError::Length { .. } => Self::bad_request(e.to_string()),
            DataError::Slow { .. } => Self::new(StatusCode::REQUEST_TIMEOUT, e.to_string()),
            DataError::NoRoom(why) => Self::too_large(why.as_str()),
            DataError::Write(_) if e.is_full() => Self::too_large(format!("Image storage media is full: {e}")),
            DataError::Write(cause) => {
                tracing::error!(error = %cause, "image data cannot be stored");
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "Image data cannot be stored.")
            }
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response<Body> {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = self.status;
        if let Some((name, value)) = self.header.clone() {
            response.headers_mut().insert(name, value);
        }
        response.extensions_mut().insert(self);
        response
    }
}

/// Gives an error its body, in what the request accepts.
#[must_use]
pub fn render(error: &ApiError, accept: Accept, mut response: Response<Body>) -> Response<Body> {
    let status = error.status.to_string();
    let (media, body) = match accept {
        Accept::Html => {
            let message = escape(&error.message);
            let body = format!(
                "<html>\n <head>\n  <title>{status}</title>\n </head>\n <body>\n  <h1>{status}</h1>\n  \
                 {message}<br /><br />\n </body>\n</html>\n"
            );
            ("text/html; charset=UTF-8", body)
        }
        Accept::Json => {
            let title = error.status.canonical_reason().unwrap_or_default();
            let body = serde_json::json!({ "message": error.message, "code": status, "title": title });
            ("application/json", body.to_string())
        }
        Accept::Plain => ("text/plain; charset=UTF-8", format!("{status}\n\n{}\n", error.message)),
    };
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media));
    *response.body_mut() = Body::from(body);
    response
}

/// Which form of an error a request accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accept {
    /// HTML, also for whoever takes anything.
    Html,
    /// JSON.
    Json,
    /// Neither of them.
    Plain,
}

impl Accept {
    /// Reads the header `Accept`.
    #[must_use]
    pub fn of(headers: &HeaderMap) -> Self {
        let Some(accept) = headers.get(ACCEPT).and_then(|value| value.to_str().ok()) else { return Self::Plain };
        let mut media = accept.split(',').map(|part| part.split(';').next().unwrap_or_default().trim());
        if media.clone().any(|media| matches!(media, "*/*" | "text/*" | "text/html")) {
            return Self::Html;
        }
        if media.any(|media| matches!(media, "application/json" | "application/*")) { Self::Json } else { Self::Plain }
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use axum::http::header::ACCEPT;
    use axum::http::{HeaderMap, HeaderValue};

    use super::{Accept, ApiError, escape};

    #[test]
    fn an_error_comes_in_what_is_accepted() {
        let accept = |value| Accept::of(&HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static(value))]));
        assert_eq!(accept("*/*"), Accept::Html);
        assert_eq!(accept("application/json;q=0.9"), Accept::Json);
        assert_eq!(accept("image/png"), Accept::Plain);
        assert_eq!(Accept::of(&HeaderMap::new()), Accept::Plain);
        assert_eq!(escape("<b>&"), "&lt;b&gt;&amp;");
    }

    #[test]
    fn a_message_is_short_and_has_no_control_characters() {
        assert_eq!(ApiError::not_found("no \u{1b}[2J\n").message(), "no \\u{1b}[2J\\n");
        let long = ApiError::not_found("é".repeat(100_000));
        assert_eq!(long.message().chars().count(), 1005);
    }
}
