//! Namespaces.

use rome_orm::prelude::*;

use super::{NewAssociation, associations, check_name, find, find_unprotected, items, reading, text};
use crate::db::context::Context;
use crate::db::entities::{
    MetadefAssociation, MetadefNamespace, MetadefObject, MetadefProperty, MetadefTag, MetadefVisibility,
};
use crate::db::error::{DbError, DbResult};
use crate::db::list::Direction;

/// A new namespace with what is to be in it.
#[derive(Debug, Clone, Default)]
pub struct NewNamespace {
    /// The namespace.
    pub namespace: MetadefNamespace,
    /// Its objects.
    pub objects: Vec<MetadefObject>,
    /// Its properties.
    pub properties: Vec<MetadefProperty>,
    /// Its tags.
    pub tags: Vec<MetadefTag>,
    /// The resource types that it is for.
    pub associations: Vec<NewAssociation>,
}

/// Which namespaces are listed, in which order, and how many.
#[derive(Debug, Clone, Default)]
pub struct NamespaceListing {
    /// Only those with this visibility.
    pub visibility: Option<MetadefVisibility>,
    /// Only those that are for one of these resource types.
    pub resource_types: Option<Vec<String>>,
    /// The name of a namespace, after which the list starts.
    pub marker: Option<String>,
    /// The most to give; all without.
    pub limit: Option<usize>,
    /// The column to sort by, `created_at` without, and which way, `Desc` without.
    pub sort: (Option<String>, Option<Direction>),
}

/// The namespaces that the context sees and that match, each with its associations and their resource types.
///
/// # Errors
/// `InvalidSortKey`; `NotFound` for a marker that is not in the list.
pub async fn metadef_namespace_get_all(
    db: &Database,
    context: &Context,
    listing: &NamespaceListing,
) -> DbResult<Vec<MetadefNamespace>> {
    let key = listing.sort.0.as_deref().unwrap_or("created_at");
    let wrong = |_| DbError::InvalidSortKey(format!("Sort key supplied was not valid: {key}"));
    let column = MetadefNamespace::column(key).map_err(wrong)?;
    let order = match listing.sort.1 {
        Some(Direction::Asc) => column.asc(),
        _ => column.desc(),
    };
    let order = order.map_err(wrong)?;
    let mut all = db.query::<MetadefNamespace>().order_by(order);
    if !context.is_admin {
        let own = context.owner().map(|owner| MetadefNamespace::OWNER.eq(owner));
        let public = MetadefNamespace::VISIBILITY.eq(MetadefVisibility::Public);
        all = all.filter(Condition::any(own.into_iter().chain([public])));
    }
    if let Some(visibility) = listing.visibility {
        all = all.filter(MetadefNamespace::VISIBILITY.eq(visibility));
    }
    let all = all.with(MetadefNamespace::ASSOCIATIONS.with(MetadefAssociation::RESOURCE_TYPE));
    // There are dozens of namespaces and not thousands, so the page is cut here.
    let mut all = all.all().await?;
    if let Some(wanted) = &listing.resource_types {
        all.retain(|namespace| is_for(namespace, wanted));
    }
    if let Some(marker) = &listing.marker {
        let at = all.iter().position(|namespace| namespace.namespace == *marker);
        let at =
            at.ok_or_else(|| DbError::NotFound(format!("Metadata definition namespace not found for '{marker}'")))?;
        all.drain(..=at);
    }
    all.truncate(listing.limit.unwrap_or(usize::MAX));
    Ok(all)
}

fn is_for(namespace: &MetadefNamespace, wanted: &[String]) -> bool {
    let mut own = namespace.associations.get().unwrap_or_default().iter();
    own.any(|own| own.resource_type.get().ok().flatten().is_some_and(|own| wanted.contains(&own.name)))
}

/// A namespace with all that is in it. Three reads: one finds it, one is for it, one for all of its relations.
///
/// # Errors
/// `NotFound`; `Forbidden` if the context does not see it.
pub async fn metadef_namespace_get(db: &Database, context: &Context, name: &str) -> DbResult<MetadefNamespace> {
    db.try_transaction_with(reading(), async |s| {
        find(s, context, name, |query| {
            query
                .with(MetadefNamespace::OBJECTS)
                .with(MetadefNamespace::PROPERTIES)
                .with(MetadefNamespace::TAGS)
                .with(MetadefNamespace::ASSOCIATIONS.with(MetadefAssociation::RESOURCE_TYPE))
        })
        .await
    })
    .await
}

/// Makes a namespace with what is in it, which is loaded in what it gives back.
///
/// # Errors
/// `Invalid`; `Duplicate` for a name in use, of the namespace or twice of something in it.
pub async fn metadef_namespace_create(db: &Database, new: &NewNamespace) -> DbResult<MetadefNamespace> {
    check(&new.namespace)?;
    items::check_all(&new.objects)?;
    items::check_all(&new.properties)?;
    items::check_all(&new.tags)?;
    new.associations.iter().try_for_each(NewAssociation::check)?;
    db.try_transaction(async |s| {
        let namespace = s.insert(new.namespace.clone()).await.map_err(|e| duplicate(e, &new.namespace))?;
        let objects = items::insert_many(s, &namespace, &new.objects).await?;
        let properties = items::insert_many(s, &namespace, &new.properties).await?;
        let tags = items::insert_many(s, &namespace, &new.tags).await?;
        let mut associations = Vec::with_capacity(new.associations.len());
        for association in &new.associations {
            associations.push(associations::create_in(s, &namespace, association).await?);
        }
        Ok(MetadefNamespace {
            objects: Many::loaded(objects),
            properties: Many::loaded(properties),
            tags: Many::loaded(tags),
            associations: Many::loaded(associations),
            ..namespace
        })
    })
    .await
}

/// Sets what a namespace is, not what is in it. It may get another name.
///
/// # Errors
/// `Invalid`, `Duplicate`; `NotFound`, `Forbidden` if the context does not see it.
pub async fn metadef_namespace_update(
    db: &Database,
    context: &Context,
    name: &str,
    new: &MetadefNamespace,
) -> DbResult<MetadefNamespace> {
    check(new)?;
    db.try_transaction(async |s| {
        let old = find(s, context, name, |query| query).await?;
        let owner = if new.owner.is_empty() { old.owner } else { new.owner.clone() };
        let new = MetadefNamespace { id: old.id, created_at: old.created_at, owner, ..new.clone() };
        s.update(&new).await.map_err(|e| duplicate(e, &new))
    })
    .await
}

/// Deletes a namespace. All that is in it goes along by the foreign keys; resource types stay.
///
/// # Errors
/// `Protected`; `NotFound`, `Forbidden` if the context does not see it.
pub async fn metadef_namespace_delete(db: &Database, context: &Context, name: &str) -> DbResult<()> {
    db.try_transaction(async |s| {
        let namespace = find_unprotected(s, context, name).await?;
        Ok(s.delete(&namespace).await?)
    })
    .await
}

fn check(namespace: &MetadefNamespace) -> DbResult<()> {
    check_name("namespace", &namespace.namespace)?;
    text::check_opt("display_name", namespace.display_name.as_deref(), super::NAME)?;
    text::check_opt("description", namespace.description.as_deref(), 500)?;
    text::check("owner", &namespace.owner, text::NAME)
}

fn duplicate(e: rome_orm::Error, namespace: &MetadefNamespace) -> DbError {
    if e.is_unique_violation() {
        let name = &namespace.namespace;
        return DbError::Duplicate(format!("The metadata definition namespace {name} already exists."));
    }
    e.into()
}
