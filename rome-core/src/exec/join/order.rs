//! The order of joined rows.

use super::calculation;
use super::rows::{Joined, JoinedRow};
use crate::error::Result;
use crate::exec::sort::sort_key_of_values;
use crate::expr::eval::Values as _;
use crate::plan::{JoinOrder, JoinSpec, OrderPart};

/// The total order of the rows of a join; without parts if any order will do.
#[derive(Debug, Default)]
pub(super) struct Order(Vec<JoinOrder>);

impl Order {
    /// The order that was asked for, made total by the keys of the tables.
    pub fn of(spec: &JoinSpec) -> Self {
        Self(if spec.order.is_empty() { Vec::new() } else { spec.full_order() })
    }

    pub const fn is_any(&self) -> bool {
        self.0.is_empty()
    }

    /// The place of the table whose columns come first in the order.
    pub fn leader(&self) -> Option<u8> {
        self.0.first().map(|first| first.place)
    }

    /// The parts at the beginning of the order that are columns of the leading table.
    pub fn leading(&self) -> Vec<OrderPart> {
        let leader = self.leader();
        self.0.iter().take_while(|part| Some(part.place) == leader).map(|part| part.part).collect()
    }

    /// The first `parts` of a joined row's place in the order: all rows that agree in them have the same beginning.
    pub fn beginning(&self, spec: &JoinSpec, row: &JoinedRow<'_>, parts: usize) -> Result<Vec<u8>> {
        let values = self.0.iter().take(parts).map(|order| {
            row.value_at(order.place, order.part.column).map(|value| (value, order.part.descending, order.part.nulls))
        });
        let values = values.collect::<Result<Vec<_>, _>>().map_err(|source| calculation(spec, source))?;
        Ok(sort_key_of_values(values))
    }

    /// A joined row's place in the order.
    pub fn place_of(&self, spec: &JoinSpec, row: &JoinedRow<'_>) -> Result<Vec<u8>> {
        self.beginning(spec, row, self.0.len())
    }

    /// Puts rows in this order.
    pub fn arrange(&self, spec: &JoinSpec, rows: &mut Joined) -> Result<()> {
        if self.is_any() {
            return Ok(());
        }
        rows.sort(|row| self.place_of(spec, row))
    }
}
