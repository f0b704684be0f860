//! Resource types, and which namespaces are for them.

use rome_orm::prelude::*;

use super::{check_name, find, find_unprotected, reading, text};
use crate::db::context::Context;
use crate::db::entities::{MetadefAssociation, MetadefNamespace, MetadefResourceType};
use crate::db::error::{DbError, DbResult};

/// What a new association has.
#[derive(Debug, Clone, Default)]
pub struct NewAssociation {
    /// The name of the resource type, which is made if it is not there.
    pub name: String,
    /// What of the resource has the properties.
    pub properties_target: Option<String>,
    /// What stands before the names of the properties.
    pub prefix: Option<String>,
}

impl NewAssociation {
    pub(super) fn check(&self) -> DbResult<()> {
        check_name("resource type", &self.name)?;
        text::check_opt("properties_target", self.properties_target.as_deref(), super::NAME)?;
        text::check_opt("prefix", self.prefix.as_deref(), super::NAME)
    }
}

/// All resource types.
///
/// # Errors
/// When the store fails.
pub async fn metadef_resource_type_get_all(db: &Database) -> DbResult<Vec<MetadefResourceType>> {
    Ok(db.query::<MetadefResourceType>().all().await?)
}

/// The associations of a namespace with their resource types.
///
/// # Errors
/// `NotFound` or `Forbidden` for the namespace.
pub async fn metadef_association_get_all(
    db: &Database,
    context: &Context,
    namespace: &str,
) -> DbResult<Vec<MetadefAssociation>> {
    db.try_transaction_with(reading(), async |s| {
        let load = MetadefNamespace::ASSOCIATIONS.with(MetadefAssociation::RESOURCE_TYPE);
        let namespace = find(s, context, namespace, |query| query.with(load)).await?;
        Ok(namespace.associations.into_inner()?)
    })
    .await
}

/// Notes that a namespace is for a resource type.
///
/// # Errors
/// `Invalid`, `Duplicate`; `NotFound` or `Forbidden` for the namespace.
pub async fn metadef_association_create(
    db: &Database,
    context: &Context,
    namespace: &str,
    new: &NewAssociation,
) -> DbResult<MetadefAssociation> {
    new.check()?;
    db.try_transaction(async |s| {
        let namespace = find(s, context, namespace, |query| query).await?;
        create_in(s, &namespace, new).await
    })
    .await
}

pub(super) async fn create_in(
    s: &Session,
    namespace: &MetadefNamespace,
    new: &NewAssociation,
) -> DbResult<MetadefAssociation> {
    let resource_type = match named(s, &new.name).await? {
        Some(resource_type) => resource_type,
        None => s.insert(MetadefResourceType { name: new.name.clone(), ..Default::default() }).await?,
    };
    let association = MetadefAssociation {
        namespace_id: namespace.id,
        resource_type_id: resource_type.id,
        properties_target: new.properties_target.clone(),
        prefix: new.prefix.clone(),
        ..Default::default()
    };
    match s.insert(association).await {
        Ok(association) => Ok(MetadefAssociation { resource_type: One::loaded(resource_type), ..association }),
        Err(e) if e.is_duplicate_key() => Err(DbError::Duplicate(format!(
            "The metadata definition resource-type association of resource-type {} to namespace {} already exists.",
            new.name, namespace.namespace
        ))),
        Err(e) => Err(e.into()),
    }
}

/// Forgets that a namespace is for a resource type.
///
/// # Errors
/// `NotFound`, `Protected`; `NotFound` or `Forbidden` for the namespace.
pub async fn metadef_association_delete(
    db: &Database,
    context: &Context,
    namespace: &str,
    resource_type: &str,
) -> DbResult<()> {
    db.try_transaction(async |s| {
        let namespace = find_unprotected(s, context, namespace).await?;
        let missing =
            || DbError::NotFound(format!("The metadata definition resource-type {resource_type} was not found."));
        let found = named(s, resource_type).await?.ok_or_else(missing)?;
        if s.delete_by_key::<MetadefAssociation>((namespace.id, found.id)).await? { Ok(()) } else { Err(missing()) }
    })
    .await
}

async fn named(s: &Session, name: &str) -> DbResult<Option<MetadefResourceType>> {
    Ok(s.query::<MetadefResourceType>().filter(MetadefResourceType::NAME.eq(name)).first().await?)
}
