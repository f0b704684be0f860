//! Properties of a namespace.

use rome_orm::prelude::*;

use super::MetadefNamespace;

/// A property on its own.
#[derive(Entity, Debug, Clone, Default, PartialEq)]
#[rome(table = "metadef_properties", partition_by(namespace_id), unique(namespace_id, name))]
pub struct MetadefProperty {
    /// The namespace.
    #[rome(key, references = MetadefNamespace, on_delete = cascade)]
    pub namespace_id: Id<MetadefNamespace>,
    /// A number that rises.
    #[rome(key)]
    pub id: Id<MetadefProperty>,
    /// Its name.
    pub name: String,
    /// Its schema.
    #[rome(json)]
    pub json_schema: serde_json::Map<String, serde_json::Value>,
    /// When it was made.
    #[rome(created_at)]
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    #[rome(updated_at)]
    pub updated_at: DateTime<Utc>,
}
