//! Tasks.

use rome_orm::prelude::*;

use super::image::shown_by_label;

/// Work that goes on after its request was answered. What went in and what came out is in its [`TaskInfo`], which lists do
/// not read.
#[derive(Entity, Debug, Clone, PartialEq)]
#[rome(table = "tasks", index(owner, created_at))]
pub struct Task {
    /// A UUID.
    #[rome(key)]
    pub id: String,
    /// What it does.
    pub kind: TaskKind,
    /// How far it is.
    pub status: TaskStatus,
    /// The project that asked for it.
    pub owner: String,
    /// When it is forgotten; known once it is over.
    #[rome(index)]
    pub expires_at: Option<DateTime<Utc>>,
    /// The image that it is about. It may be gone.
    #[rome(index)]
    pub image_id: Option<String>,
    /// The request that asked for it.
    pub request_id: Option<String>,
    /// Who asked for it.
    pub user_id: Option<String>,
    /// When it was made.
    #[rome(created_at, index)]
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    #[rome(updated_at)]
    pub updated_at: DateTime<Utc>,
    /// When it was forgotten.
    #[rome(soft_delete)]
    pub deleted_at: Option<DateTime<Utc>>,
    /// What went in and what came out, where it was loaded.
    #[rome(has_one(task_id))]
    pub info: One<TaskInfo>,
}

/// What goes into a task and what comes out.
#[derive(Entity, Debug, Clone, Default, PartialEq)]
#[rome(table = "task_info", partition_by(task_id))]
pub struct TaskInfo {
    /// The task.
    #[rome(key, references = Task, on_delete = cascade)]
    pub task_id: String,
    /// What it works on.
    #[rome(json)]
    pub input: serde_json::Value,
    /// What it made.
    #[rome(json)]
    pub result: serde_json::Value,
    /// How it went, for people.
    pub message: String,
}

/// How far a task is.
#[derive(ColumnEnum, Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TaskStatus {
    /// It waits.
    Pending,
    /// It runs.
    Processing,
    /// It is over and went well.
    Success,
    /// It is over and went wrong.
    Failure,
}

impl TaskStatus {
    /// From where a task may come here: forwards only, and from no end.
    #[must_use]
    pub const fn may_follow(self) -> &'static [Self] {
        match self {
            Self::Pending => &[],
            Self::Processing => &[Self::Pending],
            Self::Success => &[Self::Processing],
            Self::Failure => &[Self::Pending, Self::Processing],
        }
    }

    /// Whether it is over.
    #[must_use]
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Success | Self::Failure)
    }
}

/// What a task does.
#[derive(ColumnEnum, Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TaskKind {
    /// Makes an image of data from elsewhere.
    Import,
    /// Copies an image elsewhere.
    Export,
    /// Copies an image.
    Clone,
    /// Imports data into an image that is there.
    ApiImageImport,
    /// Takes in a location.
    LocationImport,
}

shown_by_label!(TaskStatus, TaskKind);
