//! How much one transaction may change, which its store says: told by the statement that goes beyond it, or else by the commit.

use super::Overlay;
use crate::catalog::StoredTable;
use crate::error::{Error, Kind, Result};
use crate::row;
use crate::store::Capabilities;

/// How much a transaction may change.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits<'a>(&'a Capabilities);

impl<'a> Limits<'a> {
    pub const fn of(capabilities: &'a Capabilities) -> Self {
        Self(capabilities)
    }

    /// How many rows a transaction may change at most: each is one change or more, and each partition takes so many.
    pub fn rows(self) -> usize {
        self.0.max_effects.saturating_mul(usize::try_from(self.0.partitions).unwrap_or(usize::MAX))
    }

    /// How many rows of a query that is going to change them are enough to refuse it.
    pub fn one_too_many(self) -> u64 {
        (self.rows() as u64).saturating_add(1)
    }

    /// Refuses to change so many rows of a table.
    pub fn check_found(self, table: &StoredTable, rows: usize) -> Result<()> {
        if rows <= self.rows() {
            return Ok(());
        }
        Err(self.too_many(&format!("at least {rows} changes"), table.def.name, rows))
    }

    /// Refuses a row that is too long for the store.
    pub fn check_row(self, table: &StoredTable, key: &[u8], body: &[u8]) -> Result<()> {
        // The layout before the columns takes up to five bytes.
        let most = self.0.max_value.saturating_sub(5);
        if body.len() <= most {
            return Ok(());
        }
        Err(Kind::Limit(format!(
            "the row {} of table `{}` takes {} bytes, and the {} store takes at most {most}; shorten its values, or keep large \
             ones elsewhere",
            row::show_key(key),
            table.def.name,
            body.len(),
            self.0.name,
        ))
        .into())
    }

    /// Refuses a statement that makes the transaction change too many rows, the last of them in `table`.
    pub fn check_rows(self, table: &StoredTable, overlay: &Overlay) -> Result<()> {
        let rows = overlay.len();
        if rows <= self.rows() {
            return Ok(());
        }
        Err(self.too_many(&format!("at least {rows} changes"), table.def.name, overlay.len_of(table.id)))
    }

    /// Refuses a commit that has too many changes for a partition.
    pub fn check_changes(self, changes: usize, overlay: &Overlay) -> Result<()> {
        if changes <= self.0.max_effects {
            return Ok(());
        }
        let (table, rows) = overlay.most_changed().unwrap_or(("", 0));
        Err(self.too_many(&format!("{changes} changes"), table, rows))
    }

    #[cold]
    fn too_many(self, changes: &str, table: &str, rows: usize) -> Error {
        let Capabilities { name, max_effects, partitions, .. } = self.0;
        let each = if *partitions == 1 { "" } else { " in each partition" };
        Kind::Limit(format!(
            "the transaction makes {changes}, {rows} of its rows are in table `{table}`, and the {name} store takes at most \
             {max_effects}{each}: each row, index entry, unique value and counter that changes is one; change fewer rows in a \
             transaction, such as those of a query with a `limit`, and before a delete that reaches many rows by a foreign \
             key delete those in pieces"
        ))
        .into()
    }
}
