//! Mends what killed services left: uploads start over from `queued`, data that was staged whole stays staged, and imports
//! go on.
//!
//! Other services may be at work on the same database and data folder, so an image is mended only if it is certain that
//! nobody works on it: no living service says so, and the image did not change while that was asked. A service says so
//! before it sets such a status and until it has left it, hence one that was asked for in between would be seen. Only one
//! service mends at a time.

use std::io;
use std::sync::Arc;

use crate::data::{Area, Busy};
use crate::db::{self, Context, DbError, ImageStatus, ImageValues, Interrupted, UpdateOptions};
use crate::http::App;

/// Why nothing can be mended.
#[derive(Debug, thiserror::Error)]
pub enum MendError {
    /// The database fails.
    #[error(transparent)]
    Database(#[from] DbError),
    /// The data folder fails.
    #[error("the data folder cannot be used: {0}")]
    Data(#[from] io::Error),
}

/// Mends what killed services left. Imports that go on do so in the background.
///
/// # Errors
/// When the database or the data folder fails.
pub async fn after_killed_services(app: &Arc<App>) -> Result<(), MendError> {
    let data = app.data.clone();
    let _alone = tokio::task::spawn_blocking(move || data.mend()).await.map_err(io::Error::other)??;
    let before = db::interrupted_images(&app.db).await?;
    if before.is_empty() {
        return Ok(());
    }
    let busy = app.data.busy()?;
    for image in db::interrupted_images(&app.db).await? {
        if before.contains(&image) && !busy.contains(&image.id) {
            let busy = app.data.begin(&image.id)?;
            mend(app, image, busy).await?;
        }
    }
    Ok(())
}

async fn mend(app: &Arc<App>, image: Interrupted, busy: Busy) -> Result<(), MendError> {
    let admin = Context::admin();
    let staged = app.data.has(Area::Staging, &image.id);
    match image.status {
        ImageStatus::Uploading if staged => return Ok(()),
        ImageStatus::Importing if staged || app.data.has(Area::Store, &image.id) => {
            let app = Arc::clone(app);
            Arc::clone(&app).background.spawn(async move { app.import_staged(&admin, &image.id, busy).await });
            return Ok(());
        }
        _ => {}
    }
    tracing::warn!(image = %image.id, was = %image.status, now = %ImageStatus::Queued, "an interrupted upload starts over");
    if let Err(e) = app.data.remove(Area::Store, &image.id) {
        tracing::error!(image = %image.id, error = %e, "data cannot be removed");
    }
    let values = ImageValues { status: Some(ImageStatus::Queued), size: Some(None), ..ImageValues::default() };
    match db::image_update(&app.db, &admin, &image.id, &values, &UpdateOptions::from_state(image.status)).await {
        // It was deleted meanwhile.
        Ok(_) | Err(DbError::ImageNotFound(_) | DbError::Conflict(_)) => Ok(()),
        Err(e) => Err(e.into()),
    }
}
