//! Puts joined rows in order.

use super::calculation;
use super::rows::{Joined, JoinedRow};
use crate::ask::{JoinSpec, TotalOrder};
use crate::error::Result;
use crate::exec::sort::sort_key_of_values;
use crate::expr::eval::Values as _;

impl TotalOrder {
    /// The first `parts` of a joined row's place in the order: all rows that agree in them have the same beginning.
    pub(super) fn beginning(&self, spec: &JoinSpec, row: &JoinedRow<'_>, parts: usize) -> Result<Vec<u8>> {
        let values = self.parts().iter().take(parts).map(|order| {
            row.value_at(order.place, order.part.column).map(|value| (value, order.part.descending, order.part.nulls))
        });
        let values = values.collect::<Result<Vec<_>, _>>().map_err(|source| calculation(spec, source))?;
        Ok(sort_key_of_values(values))
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
        rows.sort(|row| self.place_of(spec, row))
    }
}
