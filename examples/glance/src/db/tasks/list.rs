//! Lists of tasks.

use rome_orm::prelude::*;

use super::find;
use crate::db::context::Context;
use crate::db::entities::{Task, TaskKind, TaskStatus, now};
use crate::db::error::{DbError, DbResult};
use crate::db::list::Direction;

/// Which tasks are listed, in which order, and how many.
#[derive(Debug, Clone, Default)]
pub struct TaskListing {
    /// Only those that do this.
    pub kind: Option<TaskKind>,
    /// Only those that are so far.
    pub status: Option<TaskStatus>,
    /// The id of a task, after which the list starts.
    pub marker: Option<String>,
    /// The most to give; all without.
    pub limit: Option<u64>,
    /// `id`, `type`, `status`, `created_at` or `updated_at`; `created_at` without.
    pub sort_key: Option<String>,
    /// Which way; `Desc` without.
    pub sort_dir: Option<Direction>,
}

/// The tasks that the context sees and that match, without what went in and what came out. Those whose time is over are
/// forgotten first.
///
/// # Errors
/// `InvalidSortKey`; the errors of `task_get` for the marker.
pub async fn task_get_all(db: &Database, context: &Context, listing: &TaskListing) -> DbResult<Vec<Task>> {
    let key = listing.sort_key.as_deref().unwrap_or("created_at");
    let name = match key {
        "type" => "kind",
        "id" | "status" | "created_at" | "updated_at" => key,
        _ => return Err(DbError::InvalidSortKey(format!("Sort key supplied was not valid: {key}"))),
    };
    let column = Task::column(name)?;
    let up = listing.sort_dir == Some(Direction::Asc);
    forget(db).await?;
    db.try_transaction_with(super::reading(), async |s| {
        let mut query = seen(s.query::<Task>(), context);
        query = if up {
            query.order_by((column.asc()?, Task::ID.asc()))
        } else {
            query.order_by((column.desc()?, Task::ID.desc()))
        };
        if let Some(kind) = listing.kind {
            query = query.filter(Task::KIND.eq(kind));
        }
        if let Some(status) = listing.status {
            query = query.filter(Task::STATUS.eq(status));
        }
        if let Some(marker) = &listing.marker {
            let marker = find(s, context, marker).await?;
            let value = value_of(&marker, name);
            let same = column.eq(value.clone())?;
            query = query.filter(if up {
                column.gt(value)?.or(same.and(Task::ID.gt(marker.id)))
            } else {
                column.lt(value)?.or(same.and(Task::ID.lt(marker.id)))
            });
        }
        if let Some(limit) = listing.limit {
            query = query.limit(limit);
        }
        Ok(query.all().await?)
    })
    .await
}

/// The tasks about an image that the context sees, with what went in and what came out.
///
/// # Errors
/// When the store fails.
pub async fn tasks_get_by_image(db: &Database, context: &Context, image_id: &str) -> DbResult<Vec<Task>> {
    forget(db).await?;
    let query = seen(db.query::<Task>(), context).filter(Task::IMAGE_ID.eq(image_id));
    Ok(query.order_by(Task::CREATED_AT.asc()).with(Task::INFO).all().await?)
}

fn seen<'q>(query: Query<'q, Task>, context: &Context) -> Query<'q, Task> {
    if context.is_admin {
        return query;
    }
    // A task of no project is for admins; one who has none does not own it.
    query.filter(context.owner().map_or_else(|| Condition::any([]), |owner| Task::OWNER.eq(owner)))
}

/// Softly deletes the tasks whose time is over. Most often that is one read by an index that finds none.
async fn forget(db: &Database) -> DbResult<()> {
    db.query::<Task>().filter(Task::EXPIRES_AT.le(now())).delete().await?;
    Ok(())
}

fn value_of(task: &Task, name: &str) -> Value {
    match name {
        "id" => task.id.clone().into(),
        "kind" => task.kind.label().into(),
        "status" => task.status.label().into(),
        "updated_at" => task.updated_at.into(),
        _ => task.created_at.into(),
    }
}
