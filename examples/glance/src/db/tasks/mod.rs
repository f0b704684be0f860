//! Tasks: making them, seeing them, and what becomes of them.

mod import;
mod list;

use chrono::TimeDelta;
use rome_orm::prelude::*;
use serde_json::Value as Json;

pub use import::{image_import_begin, image_import_end, image_import_starts};
pub use list::{TaskListing, task_get_all, tasks_get_by_image};

use super::context::Context;
use super::entities::{Task, TaskInfo, TaskKind, TaskStatus, now};
use super::error::{DbError, DbResult};
use super::{reading, text};

/// How long a task is remembered when it is over.
const REMEMBERED: TimeDelta = TimeDelta::hours(48);

/// What a new task has.
#[derive(Debug, Clone)]
pub struct NewTask {
    /// What it does.
    pub kind: TaskKind,
    /// What it works on.
    pub input: Json,
    /// The image that it is about.
    pub image_id: Option<String>,
}

/// How a task ends, or that it begins.
#[derive(Debug, Clone, PartialEq)]
pub enum Progress {
    /// It runs.
    Begins,
    /// It made this.
    Succeeds(Json),
    /// It did not, for this reason.
    Fails(String),
}

/// Makes a task that waits, of the context's project.
///
/// # Errors
/// `Invalid` for a context without a project or with too long a name.
pub async fn task_create(at: &impl Executor, context: &Context, new: &NewTask) -> DbResult<Task> {
    at.try_transaction(async |s| {
        let owner = context.owner().unwrap_or_default();
        text::check("owner", owner, text::NAME)?;
        let task = Task {
            id: uuid::Uuid::new_v4().to_string(),
            kind: new.kind,
            status: TaskStatus::Pending,
            owner: owner.to_owned(),
            expires_at: None,
            image_id: new.image_id.clone(),
            request_id: context.request_id.clone(),
            user_id: context.user_id.clone(),
            created_at: DateTime::default(),
            updated_at: DateTime::default(),
            deleted_at: None,
            info: One::default(),
        };
        let task = s.insert(task).await?;
        let info = TaskInfo { task_id: task.id.clone(), input: new.input.clone(), ..TaskInfo::default() };
        let info = s.insert(info).await?;
        Ok(Task { info: One::loaded(info), ..task })
    })
    .await
}

/// A task with what went in and what came out. Two reads.
///
/// # Errors
/// `NotFound`; `Forbidden` for one of another project.
pub async fn task_get(db: &Database, context: &Context, id: &str) -> DbResult<Task> {
    db.try_transaction_with(reading(), async |s| find(s, context, id).await).await
}

async fn find(s: &Session, context: &Context, id: &str) -> DbResult<Task> {
    let missing = || format!("No task found with ID {id}");
    let found = s.query::<Task>().filter(Task::ID.eq(id)).with(Task::INFO).first().await?;
    let task = found.ok_or_else(|| DbError::NotFound(missing()))?;
    if context.is_admin || context.owner() == Some(task.owner.as_str()) {
        return Ok(task);
    }
    Err(DbError::Forbidden(missing()))
}

/// Notes how a task goes on. One that is over stays so; it is remembered for two days.
///
/// # Errors
/// Those of [`task_get`], and `Conflict` for a step that a task in its status cannot take.
pub async fn task_progress(db: &Database, context: &Context, id: &str, progress: &Progress) -> DbResult<Task> {
    db.try_transaction(async |s| {
        let task = find(s, context, id).await?;
        advance(s, task, progress).await
    })
    .await
}

async fn advance(s: &Session, task: Task, progress: &Progress) -> DbResult<Task> {
    let next = match progress {
        Progress::Begins => TaskStatus::Processing,
        Progress::Succeeds(_) => TaskStatus::Success,
        Progress::Fails(_) => TaskStatus::Failure,
    };
    let changes = (Task::STATUS.set(next), Task::EXPIRES_AT.set(next.is_over().then(|| now() + REMEMBERED)));
    let moved = s
        .update_if::<Task>(&task.id, Task::STATUS.is_in(next.may_follow().iter().copied()), changes)
        .await
        .map_err(|e| {
            if e.is_condition_failed() {
                DbError::Conflict(format!("Task {} cannot go from {} to {next}", task.id, task.status))
            } else {
                e.into()
            }
        })?;
    let mut info = task.info.get()?.cloned().unwrap_or_default();
    match progress {
        Progress::Begins => {}
        Progress::Succeeds(result) => info.result = result.clone(),
        Progress::Fails(message) => info.message.clone_from(message),
    }
    let info = s.upsert(TaskInfo { task_id: moved.id.clone(), ..info }).await?;
    Ok(Task { info: One::loaded(info), ..moved })
}
