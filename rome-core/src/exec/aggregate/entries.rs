//! Aggregates from the entries of an index that has every column they need: no row is read.

use std::collections::HashSet;
use std::sync::Arc;

use bytes::Bytes;

use super::groups::Groups;
use crate::ask::Spec;
use crate::catalog::StoredTable;
use crate::commit::ReplyExt;
use crate::error::Result;
use crate::exec::fetch::{matches, own_writes, reads_of};
use crate::exec::routing::Pushed;
use crate::expr::eval::Values;
use crate::plan::{Access, Plan};
use crate::row::{self, RowView};
use crate::schema::IndexPart;
use crate::session::Reader;
use crate::store::row_key;
use crate::value::{Value, ValueError, ValueRef, key};

/// The columns that an entry holds.
#[derive(Default)]
pub(super) struct Entry {
    pub columns: Vec<(u16, Value)>,
    /// How the entry begins, as far as the columns that are needed; empty if its key has one of them.
    beginning: Vec<u8>,
}

/// Whether an entry has the same values as the one that was read before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Same {
    Yes,
    No,
}

impl Entry {
    /// One with these columns.
    pub const fn of(columns: Vec<(u16, Value)>) -> Self {
        Self { columns, beginning: Vec::new() }
    }

    /// Reads the next entry of an index; parts, key and columns are those of the entries before.
    pub fn read(
        &mut self,
        parts: &[IndexPart],
        key_columns: &[u16],
        needed: &[u16],
        entry: &[u8],
    ) -> Result<Same, ValueError> {
        if !self.beginning.is_empty() && entry.starts_with(&self.beginning) {
            return Ok(Same::Yes);
        }
        self.columns.clear();
        self.beginning.clear();
        let mut rest = entry;
        for part in parts {
            if self.has_all(needed) {
                break;
            }
            rest = self.take(part.column, part.descending, needed, rest)?;
        }
        if self.has_all(needed) {
            self.beginning.extend_from_slice(entry.get(..entry.len() - rest.len()).unwrap_or_default());
            return Ok(Same::No);
        }
        let row = row_key(entry).ok_or_else(|| ValueError::malformed("no row key in an index entry", 0))?;
        let mut rest = &*row;
        for column in key_columns {
            rest = self.take(*column, false, needed, rest)?;
        }
        Ok(Same::No)
    }

    fn has_all(&self, needed: &[u16]) -> bool {
        needed.iter().all(|column| self.columns.iter().any(|(has, _)| has == column))
    }

    fn take<'a>(
        &mut self,
        column: u16,
        descending: bool,
        needed: &[u16],
        bytes: &'a [u8],
    ) -> Result<&'a [u8], ValueError> {
        let (value, used) = key::decode(bytes, descending)?;
        if needed.contains(&column) && !self.columns.iter().any(|(has, _)| *has == column) {
            self.columns.push((column, value));
        }
        Ok(bytes.get(used..).unwrap_or_default())
    }
}

impl Values for Entry {
    fn value_at(&self, _place: u8, column: u16) -> Result<ValueRef<'_>, ValueError> {
        let found = self.columns.iter().find(|(has, _)| *has == column);
        Ok(found.map_or(ValueRef::Null, |(_, value)| value.as_ref()))
    }
}

/// Adds what the entries of the plan's index say to the groups. Costs one round trip.
pub(super) async fn add(
    target: Reader<'_>,
    table: &Arc<StoredTable>,
    spec: &Spec,
    plan: &Plan,
    needed: &[u16],
    groups: &mut Groups<'_>,
) -> Result<()> {
    let Access::Index { index, .. } = &plan.access else { return Ok(()) };
    let index = table.index(*index);
    let own = own_writes(target, table, &plan.access);
    let changed: HashSet<&Bytes> = own.iter().map(|(key, ..)| key).collect();
    let pushed = Pushed { filter: None, want: None, keys_only: true };
    let reads = reads_of(target.shared().placement, table, plan, &pushed);
    let mut entry = Entry::default();
    for reply in target.read(reads).await? {
        let scanned = reply.into_scanned()?;
        for record in scanned.iter() {
            let is_own = !changed.is_empty()
                && row_key(record.key).is_some_and(|key| changed.contains(&Bytes::from(key.into_owned())));
            if is_own {
                continue;
            }
            let mut add = || {
                let same = entry.read(&index.def.parts, &table.def.key, needed, record.key)?;
                groups.add_entry(&entry, same, plan.residual.as_ref())
            };
            add().map_err(|source| row::unreadable(table.def, &row_key(record.key).unwrap_or_default(), source))?;
            groups.check_size()?;
        }
    }
    // What the session has written counts as it will be.
    let condition = spec.condition();
    let last = needed.iter().copied().max().unwrap_or(0);
    let mut offsets = Vec::new();
    for (key, _, after) in own {
        let Some(body) = after else { continue };
        if matches(table, condition.as_ref(), &key, &body)? {
            let mut add = || {
                RowView::locate(table.def, &body, last, &mut offsets)?;
                groups.add(&RowView::new(table.def, &body, &offsets))
            };
            add().map_err(|source| row::damaged(table.def, &key, &body, source))?;
        }
    }
    Ok(())
}
