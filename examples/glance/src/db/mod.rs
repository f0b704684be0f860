//! The database layer: plain async functions over ROME entities.
//!
//! A function takes the [`Database`], on whose behalf it acts (a [`Context`]) and its arguments, and is one serializable
//! transaction: it happens entirely or not at all, and ROME runs it again if it met another one. So the bodies are
//! written as if nobody else was there: "if no such property is there, insert it" needs no lock.
//!
//! Rules that several functions share are in one place each: who sees and changes an image in `access`, what filters
//! mean in [`list`](Filters), how a record is put together in `record`. Inside, functions that end in `_in` work in the
//! session of the function that calls them.
//!
//! It does not know roles, quotas, HTTP or files.

mod access;
mod context;
mod create;
mod delete;
mod entities;
mod error;
mod list;
mod locations;
mod members;
mod metadefs;
mod properties;
mod record;
mod recover;
mod tags;
mod tasks;
mod text;
mod update;
mod usage;
mod values;

use rome_orm::DatabaseBuilder;
use rome_orm::prelude::*;

pub use access::{is_image_mutable, is_image_visible};
pub use context::Context;
pub(crate) use create::distinct;
pub use create::{image_create, image_create_within};
pub use delete::{image_destroy, image_destroy_with, image_restore, purge_deleted_images};
pub use entities::{
    Image, ImageLocation, ImageMember, ImageProperty, ImageStatus, ImageTag, MetadefAssociation, MetadefNamespace,
    MetadefObject, MetadefProperty, MetadefResourceType, MetadefTag, MetadefVisibility, Task, TaskInfo, TaskKind,
    TaskStatus, Visibility, now,
};
pub use error::{DbError, DbResult};
pub use list::{Direction, Filters, ImagePage, Listing, MemberStatus, VisibilityFilter, image_get_all, image_get_page};
pub use locations::{image_location_add, image_location_delete, image_location_update};
pub use members::{
    MemberSearch, MemberUpdate, NewMember, image_member_count, image_member_create, image_member_create_with,
    image_member_delete, image_member_find, image_member_update,
};
pub use metadefs::*;
pub use properties::{
    image_delete_property_atomic, image_property_create, image_property_delete, image_set_property_atomic,
};
pub use record::{GetOptions, ImageRecord, image_get};
pub use recover::{Interrupted, interrupted_images};
pub use tags::{image_tag_create, image_tag_delete, image_tag_get_all, image_tag_set_all};
pub use tasks::{
    NewTask, Progress, TaskListing, image_import_begin, image_import_end, image_import_starts, task_create, task_get,
    task_get_all, task_progress, tasks_get_by_image,
};
pub use update::{UpdateOptions, image_modify, image_update};
pub use usage::{Limits, Usage, over_limit, usage};
pub use values::{ImageValues, LocationValues};

/// Opens the database of the service by the URL of its store, any that ROME has. Tables that are not there are made.
///
/// # Errors
/// When the store cannot be opened: its path, a second process that has it open, a damaged file, another schema.
pub async fn open(store: &str) -> DbResult<Database> {
    Ok(builder().open(store).await?)
}

/// A builder that has the entities of the service, for a store that is at hand.
#[must_use]
pub fn builder() -> DatabaseBuilder {
    Database::builder()
        .entity::<Image>()
        .entity::<ImageProperty>()
        .entity::<ImageTag>()
        .entity::<ImageLocation>()
        .entity::<ImageMember>()
        .entity::<MetadefNamespace>()
        .entity::<MetadefObject>()
        .entity::<MetadefProperty>()
        .entity::<MetadefTag>()
        .entity::<MetadefResourceType>()
        .entity::<MetadefAssociation>()
        .entity::<Task>()
        .entity::<TaskInfo>()
}

/// How functions that only read run: on one consistent state, without keeping rows for a later update.
fn reading() -> TransactionOptions {
    TransactionOptions::new().read_only(true)
}
