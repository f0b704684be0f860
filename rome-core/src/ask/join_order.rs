//! The order of joined rows.

use super::{JoinOrder, JoinSpec, OrderPart};

/// The total order of the rows of a join; without parts if any order will do.
#[derive(Debug, Default)]
pub(crate) struct TotalOrder(Vec<JoinOrder>);

impl TotalOrder {
    /// The order that was asked for, made total by the keys of the tables.
    pub fn of(spec: &JoinSpec) -> Self {
        Self(if spec.order.is_empty() { Vec::new() } else { spec.full_order() })
    }

    pub const fn is_any(&self) -> bool {
        self.0.is_empty()
    }

    pub fn parts(&self) -> &[JoinOrder] {
        &self.0
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
}
