//! Metadata definitions. A function of what is in a namespace begins with finding the namespace; what the context does not
//! see it neither reads nor changes.

mod associations;
mod items;
mod namespaces;

use rome_orm::prelude::*;

pub use associations::{
    NewAssociation, metadef_association_create, metadef_association_delete, metadef_association_get_all,
    metadef_resource_type_get_all,
};
pub use items::{
    Item, metadef_add_all, metadef_create, metadef_delete, metadef_delete_all, metadef_get, metadef_get_all,
    metadef_update,
};
pub use namespaces::{
    NamespaceListing, NewNamespace, metadef_namespace_create, metadef_namespace_delete, metadef_namespace_get,
    metadef_namespace_get_all, metadef_namespace_update,
};

use super::context::Context;
use super::entities::{MetadefNamespace, MetadefVisibility};
use super::error::{DbError, DbResult};
use super::{reading, text};

/// The most characters of a name.
const NAME: usize = 80;

impl Context {
    /// Whether the context sees a namespace.
    fn sees_namespace(&self, namespace: &MetadefNamespace) -> bool {
        self.is_admin
            || namespace.visibility == MetadefVisibility::Public
            || self.owner() == Some(namespace.owner.as_str())
    }
}

/// Finds a namespace by its name. One read by the unique index and one for the row.
async fn find<'s>(
    s: &'s Session,
    context: &Context,
    name: &str,
    load: impl FnOnce(Query<'s, MetadefNamespace>) -> Query<'s, MetadefNamespace>,
) -> DbResult<MetadefNamespace> {
    let missing = || format!("Metadata definition namespace not found for '{name}'");
    let query = s.query::<MetadefNamespace>().filter(MetadefNamespace::NAMESPACE.eq(name));
    let namespace = load(query).first().await?.ok_or_else(|| DbError::NotFound(missing()))?;
    // In the words for one that is not there.
    if context.sees_namespace(&namespace) { Ok(namespace) } else { Err(DbError::Forbidden(missing())) }
}

/// Finds a namespace something of which is to be deleted.
async fn find_unprotected(s: &Session, context: &Context, name: &str) -> DbResult<MetadefNamespace> {
    let namespace = find(s, context, name, |query| query).await?;
    if namespace.protected {
        return Err(DbError::Protected(format!(
            "Metadata definition namespace {name} is protected: neither it nor what is in it can be deleted."
        )));
    }
    Ok(namespace)
}

fn check_name(what: &str, name: &str) -> DbResult<()> {
    if name.is_empty() {
        return Err(DbError::Invalid(format!("{what} has no name")));
    }
    if name.chars().any(char::is_control) {
        return Err(DbError::Invalid(format!("the name of a {what} must not have control characters")));
    }
    text::check(what, name, NAME)
}
