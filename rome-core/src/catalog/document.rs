//! The stored form of the catalog.

use serde::{Deserialize, Serialize};

/// The number of this form; another one is refused.
pub(super) const FORMAT: u32 = 1;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Document {
    /// The number of this form.
    pub format: u32,
    /// Rises with each change of the schema.
    pub version: u32,
    /// The next table number; numbers are never reused.
    pub next_table: u32,
    /// The next index number; numbers are never reused.
    pub next_index: u32,
    pub tables: Vec<TableDoc>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct TableDoc {
    pub name: String,
    pub id: u32,
    pub key: Vec<String>,
    /// The columns that say in which partition a row lies; empty if it is the whole key.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub partition_by: Vec<String>,
    /// All layouts that rows may have, the current one last.
    pub layouts: Vec<LayoutDoc>,
    pub indexes: Vec<IndexDoc>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub foreign_keys: Vec<ForeignKeyDoc>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct LayoutDoc {
    pub number: u32,
    pub columns: Vec<ColumnDoc>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ColumnDoc {
    pub name: String,
    #[serde(rename = "type")]
    pub ty: String,
    pub nullable: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct IndexDoc {
    pub name: String,
    pub id: u32,
    pub unique: bool,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub global: bool,
    pub parts: Vec<PartDoc>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PartDoc {
    pub column: String,
    pub descending: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ForeignKeyDoc {
    pub columns: Vec<String>,
    /// The table whose key they hold.
    pub references: String,
    pub on_delete: String,
}

impl Default for Document {
    fn default() -> Self {
        Self { format: FORMAT, version: 0, next_table: 1, next_index: 1, tables: Vec::new() }
    }
}
