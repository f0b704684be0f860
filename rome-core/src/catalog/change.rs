//! What opening a database may do to the stored catalog, and what it would do.

use std::fmt;

/// What opening does when the entities differ from what is stored. Changes that do not fit what is stored are refused in any
/// case, with the migration that would make them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum SchemaPolicy {
    /// Adds what is new: tables, columns that are optional or have a default, wider integers, foreign keys where there are
    /// no rows, and indexes. What is stored and not declared stays in force. Opening ends when new indexes are built. Those
    /// are tried on the stored rows before: what is refused has changed nothing.
    #[default]
    Apply,
    /// The same, and opening neither tries new indexes on stored rows nor waits for them: writes maintain them, and queries use them once
    /// [`build_indexes`](crate::Admin::build_indexes) has built them.
    Defer,
    /// As [`Apply`](Self::Apply), and changes what others may rely on: drops the indexes and foreign keys of these entities that are no
    /// longer declared, and makes `on_delete` of foreign keys what is declared. Programs that have the database open are refused to
    /// write, and to read by those indexes, until they open it again.
    ApplyAndDrop,
    /// Changes nothing: where something is new, opening fails with the plan.
    Deny,
}

/// What one change is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ChangeKind {
    /// A new table.
    Table,
    /// A new column.
    Column,
    /// A column that holds more than before: a wider integer, or NULL.
    Widening,
    /// A new index, which is built over the rows that are there.
    Index,
    /// An index whose build is not finished.
    Unbuilt,
    /// An index that is dropped.
    Drop,
    /// A foreign key that is new, is made to act in another way, or is dropped.
    ForeignKey,
}

/// A change of the stored catalog.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Change {
    /// What it is about.
    pub kind: ChangeKind,
    /// The table.
    pub table: String,
    /// What happens, for people.
    pub what: String,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

/// What opening a database would change, see [`DatabaseBuilder::plan`](crate::DatabaseBuilder::plan). Prints as
/// one line for each change.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct SchemaPlan {
    /// What would be changed.
    pub changes: Vec<Change>,
    /// What stands in the way, with the migration that would help; opening fails while there is any of it.
    pub refused: Vec<String>,
    /// What is stored and not declared, and stays.
    pub kept: Vec<String>,
    /// Whether programs that have the database open as it was are refused to write from then on. They may go on reading, but by
    /// indexes that are dropped.
    pub closes_to_older: bool,
}

impl SchemaPlan {
    /// Whether the entities and the stored catalog are the same.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.refused.is_empty()
    }

    /// Whether the stored catalog has to be changed; to build an index goes on with what it says already.
    pub(crate) fn needs_writing(&self) -> bool {
        self.changes.iter().any(|change| change.kind != ChangeKind::Unbuilt)
    }
}

impl fmt::Display for SchemaPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut lines = Vec::new();
        lines.extend(self.changes.iter().map(|change| format!("+ {change}")));
        lines.extend(self.refused.iter().map(|line| format!("! {line}")));
        lines.extend(self.kept.iter().map(|line| format!("= {line}")));
        if self.changes.is_empty() && self.refused.is_empty() {
            lines.push("nothing to change".to_owned());
        }
        if self.closes_to_older {
            lines.push(
                "programs that have the database open will be refused to write until they open it again".to_owned(),
            );
        }
        f.write_str(&lines.join("\n"))
    }
}
