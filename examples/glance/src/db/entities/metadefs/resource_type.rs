//! Resource types, and which namespaces are for them.

use rome_orm::prelude::*;

use super::MetadefNamespace;

/// A kind of resource, such as `OS::Glance::Image`.
#[derive(Entity, Debug, Clone, Default, PartialEq)]
#[rome(table = "metadef_resource_types")]
pub struct MetadefResourceType {
    /// A number.
    #[rome(key, auto)]
    pub id: Id<MetadefResourceType>,
    /// Its name.
    #[rome(unique)]
    pub name: String,
    /// Whether it is safe from being deleted.
    pub protected: bool,
    /// When it was made.
    #[rome(created_at)]
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    #[rome(updated_at)]
    pub updated_at: DateTime<Utc>,
}

/// That a namespace is for a resource type.
#[derive(Entity, Debug, Clone, Default, PartialEq)]
#[rome(table = "metadef_namespace_resource_types", partition_by(namespace_id))]
pub struct MetadefAssociation {
    /// The namespace.
    #[rome(key, references = MetadefNamespace, on_delete = cascade)]
    pub namespace_id: Id<MetadefNamespace>,
    /// The resource type, which stays as long as this does.
    #[rome(key, references = MetadefResourceType)]
    pub resource_type_id: Id<MetadefResourceType>,
    /// What of the resource has the properties.
    pub properties_target: Option<String>,
    /// What stands before the names of the properties.
    pub prefix: Option<String>,
    /// When it was made.
    #[rome(created_at)]
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    #[rome(updated_at)]
    pub updated_at: DateTime<Utc>,
    /// The resource type itself, where it was loaded.
    #[rome(belongs_to(resource_type_id))]
    pub resource_type: One<MetadefResourceType>,
}
