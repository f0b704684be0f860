//! The columns of an aggregate index, checked while the entity is compiled, as those of an index are.

use crate::expr::Column;
use crate::value::{ColumnType, Field};

/// A column that groups are made by.
///
/// # Panics
/// If its values are lists, or have no order.
#[must_use]
pub const fn grouped<E, T: Field>(column: Column<E, T>) -> u16 {
    match T::TYPE {
        ColumnType::List(_) => panic!("rows cannot be grouped by this column: it is a list"),
        ColumnType::Json => {
            panic!(
                "rows cannot be grouped by this column: JSON has no order; give what you group by a column of its own"
            )
        }
        _ => column.position(),
    }
}

/// A column that is summed.
///
/// # Panics
/// If it is no integer of at most 64 bits: sums are kept in 128, which no number of such values overflows.
#[must_use]
pub const fn summed<E, T: Field>(column: Column<E, T>) -> u16 {
    match T::TYPE {
        ColumnType::Int { bits, .. } if bits <= 64 => column.position(),
        ColumnType::Int { .. } => {
            panic!("this column cannot be summed by an aggregate index: it has more than 64 bits")
        }
        _ => panic!("this column cannot be summed by an aggregate index: it is no integer"),
    }
}
