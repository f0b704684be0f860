//! Tags of a namespace.

use rome_orm::prelude::*;

use super::MetadefNamespace;

/// A word that a namespace defines.
#[derive(Entity, Debug, Clone, Default, PartialEq)]
#[rome(table = "metadef_tags", partition_by(namespace_id), unique(namespace_id, name))]
pub struct MetadefTag {
    /// The namespace.
    #[rome(key, references = MetadefNamespace, on_delete = cascade)]
    pub namespace_id: Id<MetadefNamespace>,
    /// A number that rises.
    #[rome(key)]
    pub id: Id<MetadefTag>,
    /// The word.
    pub name: String,
    /// When it was made.
    #[rome(created_at)]
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    #[rome(updated_at)]
    pub updated_at: DateTime<Utc>,
}
