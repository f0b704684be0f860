//! The stored form of the catalog.

use serde::{Deserialize, Serialize};

use crate::store::{IndexId, Space};

/// The number of this form, and the oldest one that can be read. Others are refused: who does not know the states of
/// indexes would use one that is not built, and who does not know aggregate indexes would not keep them.
pub(super) const FORMAT: u32 = 3;
pub(super) const OLDEST_FORMAT: u32 = 1;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Document {
    /// The number of this form.
    pub format: u32,
    /// Rises with each change of the schema.
    pub version: u32,
    /// The next table number; numbers are never reused.
    pub next_table: u32,
    /// The next index number; numbers are never reused.
    pub next_index: u32,
    pub tables: Vec<TableDoc>,
    /// Indexes that were dropped and whose records are not all removed yet.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub former: Vec<FormerDoc>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FormerDoc {
    pub table: String,
    pub name: String,
    pub id: u32,
    pub unique: bool,
    /// Whether it was an aggregate index.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub aggregate: bool,
}

impl TableDoc {
    /// The version of the schema with which a column came; 0 if it was there from the beginning, or that was not noted.
    pub fn column_since(&self, name: &str) -> u32 {
        let has = |layout: &&LayoutDoc| layout.columns.iter().any(|column| column.name == name);
        self.layouts.iter().find(has).map_or(0, |layout| layout.since)
    }
}

impl FormerDoc {
    /// The space of its records.
    pub fn space(&self) -> Space {
        let id = IndexId(self.id);
        match (self.aggregate, self.unique) {
            (true, _) => Space::Aggregate(id),
            (false, true) => Space::Unique(id),
            (false, false) => Space::Index(id),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TableDoc {
    pub name: String,
    pub id: u32,
    pub key: Vec<String>,
    /// Where keys come from: `counter`, `uuid4`, `uuid7`; none if they are given, or an older build made the table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keys: Option<String>,
    /// The columns that say in which partition a row lies; empty if it is the whole key.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub partition_by: Vec<String>,
    /// All layouts that rows may have, the current one last.
    pub layouts: Vec<LayoutDoc>,
    pub indexes: Vec<IndexDoc>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aggregates: Vec<AggregateDoc>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub foreign_keys: Vec<ForeignKeyDoc>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LayoutDoc {
    pub number: u32,
    /// The version of the schema with which it came; 0 if it was there from the beginning, or that was not noted.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub since: u32,
    pub columns: Vec<ColumnDoc>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ColumnDoc {
    pub name: String,
    #[serde(rename = "type")]
    pub ty: String,
    pub nullable: bool,
    /// The value of rows that were written before the column existed. It is kept, so that a program whose default
    /// changes reads the same rows as before, and index entries stay true.
    #[serde(default, deserialize_with = "noted", skip_serializing_if = "Option::is_none")]
    pub default: Option<serde_json::Value>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct IndexDoc {
    pub name: String,
    pub id: u32,
    pub unique: bool,
    /// The version of the schema with which it came; 0 if it was there from the beginning, or that was not noted.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub since: u32,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub global: bool,
    #[serde(default, skip_serializing_if = "IndexState::is_readable")]
    pub state: IndexState,
    pub parts: Vec<PartDoc>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AggregateDoc {
    pub name: String,
    /// Taken from the numbers of indexes.
    pub id: u32,
    /// The version of the schema with which it came; 0 if it was there from the beginning, or that was not noted.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub since: u32,
    /// The column that it sums; none if it only counts rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sum: Option<String>,
    pub by: Vec<String>,
    /// The column that leaves a row out where it is not NULL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unless: Option<String>,
    #[serde(default, skip_serializing_if = "IndexState::is_readable")]
    pub state: IndexState,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
const fn is_zero(version: &u32) -> bool {
    *version == 0
}

/// A value that is there, also if it is `null`.
fn noted<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<serde_json::Value>, D::Error> {
    serde_json::Value::deserialize(from).map(Some)
}

/// How far an index is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum IndexState {
    /// Writes maintain it; rows that were there before it may be missing, so queries do not use it.
    WriteOnly,
    /// Every row is in it.
    #[default]
    Readable,
}

impl IndexState {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
    fn is_readable(&self) -> bool {
        *self == Self::Readable
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PartDoc {
    pub column: String,
    pub descending: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ForeignKeyDoc {
    pub columns: Vec<String>,
    /// The table whose key they hold.
    pub references: String,
    pub on_delete: String,
    /// The version of the schema with which it came; 0 if it was there from the beginning, or that was not noted.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub since: u32,
}

impl Default for Document {
    fn default() -> Self {
        Self { format: FORMAT, version: 0, next_table: 1, next_index: 1, tables: Vec::new(), former: Vec::new() }
    }
}
