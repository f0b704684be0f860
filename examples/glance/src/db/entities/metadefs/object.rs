//! Objects of a namespace.

use rome_orm::prelude::*;

use super::MetadefNamespace;

/// Properties that belong together.
#[derive(Entity, Debug, Clone, Default, PartialEq)]
#[rome(table = "metadef_objects", partition_by(namespace_id), unique(namespace_id, name))]
pub struct MetadefObject {
    /// The namespace.
    #[rome(key, references = MetadefNamespace, on_delete = cascade)]
    pub namespace_id: Id<MetadefNamespace>,
    /// A number that rises.
    #[rome(key)]
    pub id: Id<MetadefObject>,
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// Names of the properties that it has to have.
    pub required: Vec<String>,
    /// The schema of each property by its name.
    #[rome(json)]
    pub json_schema: serde_json::Map<String, serde_json::Value>,
    /// When it was made.
    #[rome(created_at)]
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    #[rome(updated_at)]
    pub updated_at: DateTime<Utc>,
}
