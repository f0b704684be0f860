//! Members of shared images. The owner invites and dismisses, the member says yes or no.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{Response, StatusCode};
use serde::Serialize;

use super::App;
use super::body::{empty, json};
use super::caller::Caller;
use super::error::{ApiError, ApiResult};
use super::view::MemberView;
use super::{quota, schema};
use crate::db::{
    self, DbError, Image, ImageMember, ImageRecord, MemberSearch, MemberUpdate, NewMember, Visibility, is_image_mutable,
};

/// `POST /v2/images/{id}/members`
pub async fn create(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
    body: Body,
) -> ApiResult<Response<Body>> {
    let body = app.read_json(&caller, body).await?;
    let member = body.get("member").ok_or_else(|| ApiError::bad_request("Member to be added not specified"))?;
    let member = member.as_str().ok_or_else(|| ApiError::bad_request("A member is a string."))?;
    if member.is_empty() {
        return Err(ApiError::bad_request("Member can't be empty"));
    }
    schema::check_printable("A member", member)?;
    let new = NewMember { image_id: id, member: member.to_owned(), can_share: false, status: None };
    let decide = |image: &Image, members: u64| {
        caller.check_get(image)?;
        if image.visibility != Visibility::Shared {
            return Err(not_shared());
        }
        caller.check_change("add_member", image)?;
        let attempted = usize::try_from(members).unwrap_or(usize::MAX).saturating_add(1);
        quota::check("members", attempted, app.config.quotas.members)
    };
    let member = db::image_member_create_with::<ApiError>(&app.db, &caller.0, &new, decide).await?;
    json(StatusCode::OK, &MemberView(&member))
}

#[derive(Serialize)]
struct ListView<'a> {
    members: Vec<MemberView<'a>>,
    schema: &'static str,
}

/// `GET /v2/images/{id}/members`
pub async fn list(State(app): State<Arc<App>>, caller: Caller, Path(id): Path<String>) -> ApiResult<Response<Body>> {
    app.shared_image(&caller, &id).await?;
    let search = MemberSearch { image_id: Some(&id), ..MemberSearch::default() };
    let members = db::image_member_find(&app.db, &caller.0, &search).await?;
    let members = members.iter().map(MemberView).collect();
    json(StatusCode::OK, &ListView { members, schema: "/v2/schemas/members" })
}

/// `GET /v2/images/{id}/members/{member}`
pub async fn show(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path((id, member)): Path<(String, String)>,
) -> ApiResult<Response<Body>> {
    // Whoever may not see the members does not learn whether there are any.
    let hide = |e: ApiError| match e.status() {
        StatusCode::FORBIDDEN => ApiError::not_found(e.message()),
        _ => e,
    };
    app.shared_image(&caller, &id).await.map_err(hide)?;
    let member = app.member(&caller, &id, &member).await?;
    json(StatusCode::OK, &MemberView(&member))
}

/// `PUT /v2/images/{id}/members/{member}`
pub async fn update(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path((id, member)): Path<(String, String)>,
    body: Body,
) -> ApiResult<Response<Body>> {
    let body = app.read_json(&caller, body).await?;
    let status = body.get("status").ok_or_else(|| ApiError::bad_request("Status not specified"))?;
    app.shared_image(&caller, &id).await?;
    let found = app.member(&caller, &id, &member).await?;
    let own = caller.0.is_admin || caller.0.owner() == Some(member.as_str());
    if !own || !caller.is_member() {
        return Err(ApiError::forbidden(format!("Not allowed to update members for image {id}.")));
    }
    let Some(status @ ("pending" | "accepted" | "rejected")) = status.as_str() else {
        return Err(ApiError::bad_request(
            "Incorrect request: the status of a member is one of pending, accepted, rejected",
        ));
    };
    let update = MemberUpdate { can_share: found.can_share, status: Some(status.to_owned()) };
    let member = db::image_member_update(&app.db, &caller.0, *found.id.value(), &update).await?;
    json(StatusCode::OK, &MemberView(&member))
}

/// `DELETE /v2/images/{id}/members/{member}`
pub async fn delete(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path((id, member)): Path<(String, String)>,
) -> ApiResult<Response<Body>> {
    let record = app.shared_image(&caller, &id).await?;
    if !is_image_mutable(&caller.0, &record.image) || !caller.is_member() {
        return Err(ApiError::forbidden(format!("Not allowed to delete members for image {id}.")));
    }
    let member = app.member(&caller, &id, &member).await?;
    db::image_member_delete(&app.db, &caller.0, *member.id.value()).await?;
    Ok(empty(StatusCode::NO_CONTENT))
}

fn not_shared() -> ApiError {
    ApiError::forbidden("Only shared images have members.")
}

impl App {
    async fn shared_image(&self, caller: &Caller, id: &str) -> ApiResult<ImageRecord> {
        let record = self.image(caller, id).await?;
        match record.image.visibility {
            Visibility::Shared => Ok(record),
            _ => Err(not_shared()),
        }
    }

    /// The record of a member that the caller sees: its own, or any of an image of its project.
    async fn member(&self, caller: &Caller, id: &str, member: &str) -> ApiResult<ImageMember> {
        let search = MemberSearch { image_id: Some(id), member: Some(member), ..MemberSearch::default() };
        let found = db::image_member_find(&self.db, &caller.0, &search).await?;
        let missing = || DbError::NotFound(format!("{member} not found in the member list of the image {id}."));
        Ok(found.into_iter().next().ok_or_else(missing)?)
    }
}
