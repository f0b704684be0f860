//! That the keys behind a marker are those of the rows behind it.

use std::collections::BTreeSet;

use super::*;
use crate::expr::Nulls;
use crate::expr::after::{After, AfterPart};
use crate::expr::eval::Values;
use crate::value::{ValueError, ValueRef};

/// A row of three columns, each NULL or a small number.
#[derive(Debug)]
struct Row([Value; 3]);

impl Values for Row {
    fn value_at(&self, _place: u8, column: u16) -> Result<ValueRef<'_>, ValueError> {
        Ok(self.0[usize::from(column)].as_ref())
    }
}

fn value(n: u16) -> Value {
    if n == 0 { Value::Null } else { Value::Int(i128::from(n)) }
}

fn rows() -> impl Iterator<Item = Row> {
    (0..64).map(|n| Row([value(n / 16), value(n / 4 % 4), value(n % 4)]))
}

fn encoded(columns: &[IndexPart], row: &Row) -> Vec<u8> {
    let mut key = Vec::new();
    for part in columns {
        key::encode(row.0[usize::from(part.column)].as_ref(), part.descending, &mut key);
    }
    key
}

fn contains(range: &Range, key: &[u8]) -> bool {
    use std::ops::RangeBounds as _;
    range.contains(&Bytes::copy_from_slice(key))
}

fn part(column: u16, descending: bool, marker: u16) -> AfterPart {
    let nulls = if descending { Nulls::Last } else { Nulls::First };
    AfterPart { of: Node::Column(column), value: Node::Value(value(marker)), descending, nulls }
}

/// Asserts that an index with these columns, the first `fixed` of which are fixed, is entered where the rows behind the marker
/// begin; says how exactly, `None` if the marker does not bound it.
fn entered(columns: &[(u16, bool)], fixed: usize, after: &After) -> Option<bool> {
    let columns: Vec<IndexPart> =
        columns.iter().map(|(column, descending)| IndexPart { column: *column, descending: *descending }).collect();
    let behind = Behind { parts: &after.parts, inclusive: after.inclusive, not_null: false };
    let entry = Entry::find(&columns, fixed, behind)?;
    let prefixes: BTreeSet<Vec<u8>> = rows().map(|row| encoded(&columns[..fixed], &row)).collect();
    for prefix in prefixes {
        let range = entry
            .within(crate::store::with_prefix(prefix.clone()), &columns, &prefix)
            .expect("a prefix of these columns");
        for row in rows() {
            let key = encoded(&columns, &row);
            let is_in = contains(&range, &key);
            let is_behind = key.starts_with(&prefix) && after.test(&row).expect("values of one kind");
            assert!(is_in || !is_behind, "{row:?} is left out by {after:?}");
            assert!(is_behind || !is_in || !entry.is_exact(), "{row:?} is not behind {after:?}");
        }
    }
    Some(entry.is_exact())
}

#[test]
fn an_index_in_the_order_of_the_marker_or_its_reverse_is_entered_exactly() {
    for marker in (0..64).step_by(4) {
        for inclusive in [false, true] {
            for reverse in [false, true] {
                for (first, second) in [(false, false), (true, true), (true, false)] {
                    let parts = vec![part(0, first, marker / 16), part(1, second, marker / 4 % 4)];
                    let after = After { parts, inclusive };
                    let columns = [(0, first != reverse), (1, second != reverse), (2, reverse)];
                    assert_eq!(entered(&columns, 0, &after), Some(true));
                    // Behind a fixed column.
                    let columns = [(2, reverse), (0, first != reverse), (1, second != reverse)];
                    assert_eq!(entered(&columns, 1, &after), Some(true));
                    // A column of the marker may be fixed to several values, which are compared with it.
                    let columns = [(0, first != reverse), (1, second != reverse), (2, reverse)];
                    assert_eq!(entered(&columns, 1, &after), Some(true));
                    // A key repeats columns of its index.
                    let columns = [(2, reverse), (0, first != reverse), (2, true), (1, second != reverse)];
                    assert_eq!(entered(&columns, 1, &after), Some(true));
                }
            }
        }
    }
}

#[test]
fn an_index_that_has_the_leading_columns_only_is_entered_before_the_marker() {
    for marker in 0..64 {
        let parts = vec![part(0, true, marker / 16), part(1, true, marker / 4 % 4), part(2, true, marker % 4)];
        let after = After { parts, inclusive: false };
        assert_eq!(entered(&[(0, true), (2, true)], 0, &after), Some(false));
        assert_eq!(entered(&[(0, true), (1, false)], 0, &after), Some(false));
        assert_eq!(entered(&[(1, true), (0, true)], 0, &after), None);
        assert_eq!(entered(&[(2, true), (0, true), (1, true)], 0, &after), None);
    }
}
