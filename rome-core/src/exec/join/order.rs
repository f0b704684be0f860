//! Puts joined rows in order.

use super::calculation;
use super::rows::{Joined, JoinedRow};
use crate::ask::{JoinOrder, JoinSpec, TotalOrder};
use crate::error::Result;
use crate::exec::sort::add_to_sort_key;
use crate::expr::eval::Values as _;

impl TotalOrder {
    /// The first `parts` of a joined row's place in the order: all rows that agree in them have the same beginning.
    pub(super) fn beginning(&self, spec: &JoinSpec, row: &JoinedRow<'_>, parts: usize) -> Result<Vec<u8>> {
        let mut place = Vec::with_capacity(16 * parts);
        self.add_beginning(spec, row, parts, &mut place)?;
        Ok(place)
    }

    fn add_beginning(&self, spec: &JoinSpec, row: &JoinedRow<'_>, parts: usize, out: &mut Vec<u8>) -> Result<()> {
        for JoinOrder { place, part } in self.parts().iter().take(parts) {
            let value = row.value_at(*place, part.column).map_err(|source| calculation(spec, source))?;
            add_to_sort_key(*part, value, out);
        }
        Ok(())
    }

    /// A joined row's place in the order.
    pub(super) fn place_of(&self, spec: &JoinSpec, row: &JoinedRow<'_>) -> Result<Vec<u8>> {
        self.beginning(spec, row, self.parts().len())
    }

    /// Puts rows in this order.
    pub(super) fn arrange(&self, spec: &JoinSpec, rows: &mut Joined) -> Result<()> {
        if self.is_any() {
            return Ok(());
        }
        rows.sort(|row, place| self.add_beginning(spec, row, self.parts().len(), place))
    }
}
