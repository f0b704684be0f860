//! Tasks: `/v2/tasks` for admins, and the tasks about an image for whoever reads it.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, RawQuery, State};
use axum::http::header::LOCATION;
use axum::http::{HeaderValue, Response, StatusCode};
use serde_json::{Map, Value, json};

use super::App;
use super::body::json as answer;
use super::caller::Caller;
use super::error::{ApiError, ApiResult};
use super::{query, schema, view};
use crate::db::{self, Context, DbResult, NewTask, Progress, Task, TaskKind, TaskListing};

/// What an admin may do with tasks is one right.
const ACCESS: &str = "tasks_api_access";

/// `POST /v2/tasks`
pub async fn create(State(app): State<Arc<App>>, caller: Caller, body: Body) -> ApiResult<Response<Body>> {
    caller.check_admin(ACCESS)?;
    let body = app.read_json(&caller, body).await?;
    schema::check_task(&body)?;
    let kind = body["type"].as_str().and_then(|kind| kind.parse::<TaskKind>().ok());
    let kind = kind.ok_or_else(|| ApiError::bad_request("Invalid task type"))?;
    let task =
        db::task_create(&app.db, &caller.0, &NewTask { kind, input: body["input"].clone(), image_id: None }).await?;
    let mut response = answer(StatusCode::CREATED, &whole(&task)?)?;
    let location = HeaderValue::try_from(format!("/v2/tasks/{}", task.id)).ok();
    response.headers_mut().extend(location.map(|location| (LOCATION, location)));
    let job = Arc::clone(&app);
    app.background.spawn(async move {
        if let Err(e) = job.run(&caller.0, &task).await {
            tracing::error!(task = task.id, error = %e, "a task is left undone");
        }
    });
    Ok(response)
}

/// `GET /v2/tasks`
pub async fn list(State(app): State<Arc<App>>, caller: Caller, RawQuery(query): RawQuery) -> ApiResult<Response<Body>> {
    caller.check_admin(ACCESS)?;
    let query = query.unwrap_or_default();
    let mut listing = TaskListing { limit: Some(query::DEFAULT_LIMIT), ..TaskListing::default() };
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        let wrong = || ApiError::bad_request(format!("Invalid {name} value: {value}"));
        match name.as_ref() {
            "limit" => listing.limit = Some(query::limit(&value)?),
            "marker" => listing.marker = Some(value.into_owned()),
            "sort_key" => listing.sort_key = Some(value.into_owned()),
            "sort_dir" => listing.sort_dir = Some(value.parse().map_err(|()| wrong())?),
            "type" => listing.kind = Some(value.parse().map_err(|_| wrong())?),
            "status" => listing.status = Some(value.parse().map_err(|_| wrong())?),
            _ => {}
        }
    }
    let tasks = db::task_get_all(&app.db, &caller.0, &listing).await?;
    let full = listing.limit.is_some_and(|limit| limit > 0 && tasks.len() as u64 == limit);
    let (first, next) = query::links("/v2/tasks", &query, tasks.last().filter(|_| full).map(|task| task.id.as_str()));
    let tasks: Vec<_> = tasks.iter().map(brief).collect();
    let mut page = json!({ "tasks": tasks, "first": first, "schema": "/v2/schemas/tasks" });
    if let Some(next) = next {
        page["next"] = next.into();
    }
    answer(StatusCode::OK, &page)
}

/// `GET /v2/tasks/{id}`
pub async fn show(State(app): State<Arc<App>>, caller: Caller, Path(id): Path<String>) -> ApiResult<Response<Body>> {
    caller.check_admin(ACCESS)?;
    answer(StatusCode::OK, &whole(&db::task_get(&app.db, &caller.0, &id).await?)?)
}

/// `GET /v2/images/{id}/tasks`
pub async fn of_image(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
) -> ApiResult<Response<Body>> {
    app.image(&caller, &id).await?;
    let tasks = db::tasks_get_by_image(&app.db, &caller.0, &id).await?;
    let tasks = tasks.iter().map(whole).collect::<ApiResult<Vec<_>>>()?;
    answer(StatusCode::OK, &json!({ "tasks": tasks }))
}

/// A task without what went in and what came out.
fn brief(task: &Task) -> Map<String, Value> {
    let all = [
        ("id", task.id.as_str().into()),
        ("type", task.kind.label().into()),
        ("status", task.status.label().into()),
        ("owner", task.owner.as_str().into()),
        ("image_id", task.image_id.as_deref().into()),
        ("request_id", task.request_id.as_deref().into()),
        ("user_id", task.user_id.as_deref().into()),
        ("expires_at", task.expires_at.map(view::time).into()),
        ("created_at", view::time(task.created_at).into()),
        ("updated_at", view::time(task.updated_at).into()),
        ("self", format!("/v2/tasks/{}", task.id).into()),
        ("schema", "/v2/schemas/task".into()),
    ];
    all.into_iter().filter(|(name, value): &(&str, Value)| *name != "expires_at" || !value.is_null()).map(own).collect()
}

fn own((name, value): (&str, Value)) -> (String, Value) {
    (name.to_owned(), value)
}

fn whole(task: &Task) -> ApiResult<Map<String, Value>> {
    let mut view = brief(task);
    let info = task.info.get()?.cloned().unwrap_or_default();
    view.extend([("input", info.input), ("result", info.result), ("message", info.message.into())].map(own));
    Ok(view)
}

impl App {
    /// Runs a task that a request made. None of them is known here yet, so each ends with the reason for that.
    async fn run(&self, context: &Context, task: &Task) -> DbResult<()> {
        db::task_progress(&self.db, context, &task.id, &Progress::Begins).await?;
        let info = task.info.get()?.cloned().unwrap_or_default();
        let missing = ["import_from", "import_from_format", "image_properties"]
            .into_iter()
            .find(|name| info.input.get(name).is_none());
        let reason = match (task.kind, missing) {
            (TaskKind::Import, Some(name)) => format!("Input does not contain '{name}' field"),
            (TaskKind::Import, None) => {
                "This service does not read data from elsewhere: upload or stage it.".to_owned()
            }
            (kind, _) => format!("This service has no tasks of type {kind} on request."),
        };
        db::task_progress(&self.db, context, &task.id, &Progress::Fails(reason)).await?;
        Ok(())
    }
}
