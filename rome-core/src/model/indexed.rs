//! The columns of an index, checked while the entity is compiled.
//!
//! What a column holds is known from its type alone, so the checks are constants, not traits: derived code puts
//! [`index`] into a constant, and a panic there is a compile error with the message.

use crate::expr::Column;
use crate::schema::IndexPart;
use crate::value::{ColumnType, Field};

/// A column of an index, and whether it is a list.
#[derive(Debug, Clone, Copy)]
pub struct IndexColumn {
    part: IndexPart,
    list: bool,
}

/// A column whose least values come first.
///
/// # Panics
/// If its values have no order.
#[must_use]
pub const fn asc<E, T: Field>(column: Column<E, T>) -> IndexColumn {
    IndexColumn { part: IndexPart::asc(column.position()), list: is_list(T::TYPE) }
}

/// A column whose greatest values come first.
///
/// # Panics
/// If its values have no order.
#[must_use]
pub const fn desc<E, T: Field>(column: Column<E, T>) -> IndexColumn {
    IndexColumn { part: IndexPart::desc(column.position()), list: is_list(T::TYPE) }
}

const fn is_list(ty: ColumnType) -> bool {
    match ty {
        ColumnType::List(element) if element.ty.is_ordered() => true,
        ColumnType::List(_) => panic!("this column cannot be indexed: the elements of its list have no order"),
        ColumnType::Json => {
            panic!("this column cannot be indexed: JSON has no order; give what you look for a column of its own")
        }
        _ => false,
    }
}

/// The parts of an index over these columns.
///
/// # Panics
/// If more than one of them is a list: the index would hold each pair of their elements.
#[must_use]
pub const fn index<const N: usize>(columns: [IndexColumn; N]) -> [IndexPart; N] {
    let mut parts = [IndexPart::asc(0); N];
    let mut lists = 0;
    let mut at = 0;
    while at < N {
        parts[at] = columns[at].part;
        if columns[at].list {
            lists += 1;
        }
        at += 1;
    }
    assert!(lists < 2, "an index can have one list column, not several: declare an index for each list");
    parts
}

/// The parts of a unique index over these columns.
///
/// # Panics
/// If one of them is a list: whether its elements or the whole list would be unique is anybody's guess.
#[must_use]
pub const fn unique<const N: usize>(columns: [IndexColumn; N]) -> [IndexPart; N] {
    let mut at = 0;
    while at < N {
        assert!(!columns[at].list, "a unique column cannot be a list: give what has to be unique a column of its own");
        at += 1;
    }
    index(columns)
}
