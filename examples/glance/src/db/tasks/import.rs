//! The import of an image and its task, which change together.

use rome_orm::prelude::*;
use serde_json::json;

use super::{NewTask, Progress, advance, task_create};
use crate::db::context::Context;
use crate::db::entities::{ImageStatus, Task, TaskKind, TaskStatus};
use crate::db::error::{DbError, DbResult};
use crate::db::record::ImageRecord;
use crate::db::update::{self, UpdateOptions};
use crate::db::values::ImageValues;

/// Changes an image as [`image_modify`](crate::db::image_modify) does, and makes the task of its import.
///
/// # Errors
/// Those of `image_modify`.
pub async fn image_import_begin<E: From<DbError> + From<rome_orm::Error> + Send + 'static>(
    db: &Database,
    context: &Context,
    id: &str,
    decide: impl Fn(&ImageRecord) -> Result<ImageValues, E> + Send + Sync,
    options: &UpdateOptions,
    input: &serde_json::Value,
) -> Result<Task, E> {
    let new = NewTask { kind: TaskKind::ApiImageImport, input: input.clone(), image_id: Some(id.to_owned()) };
    db.try_transaction(async |s| {
        update::image_modify(s, context, id, &decide, options).await?;
        Ok(task_create(s, context, &new).await?)
    })
    .await
}

/// Notes that the import of an image runs.
///
/// # Errors
/// When the store fails.
pub async fn image_import_starts(db: &Database, id: &str) -> DbResult<()> {
    db.try_transaction(async |s| {
        for task in open_tasks(s, id).await? {
            if task.status == TaskStatus::Pending {
                advance(s, task, &Progress::Begins).await?;
            }
        }
        Ok(())
    })
    .await
}

/// Sets what an image that was `importing` is now, and ends the task of its import: with its failure if there is a reason
/// for one. An image that is gone, or is not `importing` any more, is a failure of the task alone.
///
/// # Errors
/// Those of [`image_update`](crate::db::image_update) but for an image that is gone. Gives whether the image was changed.
pub async fn image_import_end(
    db: &Database,
    context: &Context,
    id: &str,
    values: &ImageValues,
    failure: Option<&str>,
) -> DbResult<bool> {
    let options = UpdateOptions::from_state(ImageStatus::Importing);
    db.try_transaction(async |s| {
        let changed = match update::image_update(s, context, id, values, &options).await {
            Ok(_) => true,
            Err(DbError::ImageNotFound(_) | DbError::Conflict(_)) => false,
            Err(e) => return Err(e),
        };
        let progress = match failure {
            Some(reason) => Progress::Fails(reason.to_owned()),
            None if changed => Progress::Succeeds(json!({ "image_id": id })),
            None => Progress::Fails("The image was deleted or changed during its import.".to_owned()),
        };
        for task in open_tasks(s, id).await? {
            let task =
                if task.status == TaskStatus::Pending { advance(s, task, &Progress::Begins).await? } else { task };
            advance(s, task, &progress).await?;
        }
        Ok(changed)
    })
    .await
}

/// The tasks of an image's import that are not over: one, if any.
async fn open_tasks(s: &Session, image_id: &str) -> DbResult<Vec<Task>> {
    let query = s.query::<Task>().filter(Task::IMAGE_ID.eq(image_id)).filter(Task::KIND.eq(TaskKind::ApiImageImport));
    let open = Task::STATUS.is_in([TaskStatus::Pending, TaskStatus::Processing]);
    Ok(query.filter(open).with(Task::INFO).all().await?)
}
