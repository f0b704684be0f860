//! Namespaces of metadata definitions.

use rome_orm::prelude::*;

use super::{MetadefAssociation, MetadefObject, MetadefProperty, MetadefTag};

/// A collection of definitions.
#[derive(Entity, Debug, Clone, Default, PartialEq)]
#[rome(table = "metadef_namespaces")]
pub struct MetadefNamespace {
    /// A number, since names change.
    #[rome(key, auto)]
    pub id: Id<MetadefNamespace>,
    /// Its name.
    #[rome(unique)]
    pub namespace: String,
    /// Its name for people.
    pub display_name: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// Who sees it besides its owner.
    #[rome(index)]
    pub visibility: MetadefVisibility,
    /// Whether it and all in it are safe from being deleted.
    pub protected: bool,
    /// The project that owns it.
    #[rome(index)]
    pub owner: String,
    /// When it was made.
    #[rome(created_at)]
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    #[rome(updated_at)]
    pub updated_at: DateTime<Utc>,
    /// Its objects.
    #[rome(has_many(namespace_id))]
    pub objects: Many<MetadefObject>,
    /// Its properties.
    #[rome(has_many(namespace_id))]
    pub properties: Many<MetadefProperty>,
    /// Its tags.
    #[rome(has_many(namespace_id))]
    pub tags: Many<MetadefTag>,
    /// The resource types that it is for.
    #[rome(has_many(namespace_id))]
    pub associations: Many<MetadefAssociation>,
}

/// Who sees a namespace besides its owner.
#[derive(ColumnEnum, Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum MetadefVisibility {
    /// Nobody.
    #[default]
    Private,
    /// Everybody.
    Public,
}
