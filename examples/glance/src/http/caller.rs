//! The caller of a request, and what its roles allow: Glance's default policy.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::HeaderValue;
use axum::http::StatusCode;
use axum::http::header::WWW_AUTHENTICATE;
use axum::http::request::Parts;

use super::error::{ApiError, ApiResult};
use super::{App, Asked};
use crate::db::{Context, Image, Visibility};
use crate::identity::{self, Refused};
use crate::server::Peer;

/// Who asks.
#[derive(Debug, Clone)]
pub struct Caller(pub Context);

impl FromRequestParts<Arc<App>> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, ApiError> {
        let peer = parts.extensions.get::<Peer>().map(|peer| peer.0);
        let context = identity::from_headers(&parts.headers, &app.trusted, peer).map_err(|e| match e {
            Refused::Malformed { .. } => ApiError::bad_request(e.to_string()),
            Refused::Nobody | Refused::Untrusted(_) => ApiError::new(StatusCode::UNAUTHORIZED, e.to_string())
                .with_header(WWW_AUTHENTICATE, HeaderValue::from_static("Keystone")),
        })?;
        let asked = parts.extensions.get::<Asked>();
        let caller = Self(Context { request_id: asked.map(|asked| asked.id.clone()), ..context });
        if let Some(asked) = asked {
            asked.who.set(caller.who().to_owned()).ok();
        }
        Ok(caller)
    }
}

impl Caller {
    /// Whom what the request takes is counted for: its project, or its user if it has none.
    #[must_use]
    pub fn who(&self) -> &str {
        self.0.owner().or(self.0.user_id.as_deref()).unwrap_or_default()
    }

    fn has(&self, role: &str) -> bool {
        self.0.roles.iter().any(|own| own == role)
    }

    /// Whether the caller may change what its project owns.
    #[must_use]
    pub fn is_member(&self) -> bool {
        self.0.is_admin || self.has("member")
    }

    /// Whether the caller may read what its project sees.
    #[must_use]
    pub fn is_reader(&self) -> bool {
        self.is_member() || self.has("reader")
    }

    /// Checks that the caller may change things at all.
    ///
    /// # Errors
    /// 403.
    pub fn check_member(&self, action: &str) -> ApiResult<()> {
        if self.is_member() { Ok(()) } else { Err(denied(action)) }
    }

    /// Checks that the caller is an admin.
    ///
    /// # Errors
    /// 403.
    pub fn check_admin(&self, action: &str) -> ApiResult<()> {
        if self.0.is_admin { Ok(()) } else { Err(denied(action)) }
    }

    /// Checks that the caller may read lists.
    ///
    /// # Errors
    /// 403.
    pub fn check_reader(&self, action: &str) -> ApiResult<()> {
        if self.is_reader() { Ok(()) } else { Err(denied(action)) }
    }

    /// Checks that the caller may read an image that its project sees. Whoever may not is not told that it is there; a
    /// deleted one, which the database layer shows to admins, is there for nobody.
    ///
    /// # Errors
    /// 404.
    pub fn check_get(&self, image: &Image) -> ApiResult<()> {
        if self.is_reader() && !image.deleted {
            return Ok(());
        }
        Err(ApiError::not_found(format!("No image found with ID {}", image.id)))
    }

    /// Checks that the caller may change an image.
    ///
    /// # Errors
    /// 403, or 404 for one who may not even read it.
    pub fn check_change(&self, action: &str, image: &Image) -> ApiResult<()> {
        self.check_get(image)?;
        self.check_member(action)?;
        self.check_owner(image)
    }

    /// Checks that the caller's project owns an image, or that it is an admin.
    ///
    /// # Errors
    /// 403.
    pub fn check_owner(&self, image: &Image) -> ApiResult<()> {
        if self.0.may_change(image) { Ok(()) } else { Err(ApiError::forbidden("You do not own this image")) }
    }

    /// Checks that the caller may give an image a visibility: only an admin publishes.
    ///
    /// # Errors
    /// 403.
    pub fn check_visibility(&self, visibility: Visibility) -> ApiResult<()> {
        match visibility {
            Visibility::Public if !self.0.is_admin => Err(denied("publicize_image")),
            _ => Ok(()),
        }
    }
}

fn denied(action: &str) -> ApiError {
    ApiError::forbidden(format!("You are not authorized to complete {action} action."))
}
