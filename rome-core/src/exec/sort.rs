//! Sorts rows in memory: each gets a byte string whose order is the order that was asked for.

use super::hit::Hit;
use crate::ask::OrderPart;
use crate::error::Result;
use crate::expr::Nulls;
use crate::row;
use crate::schema::Table;
use crate::value::{Value, ValueRef, key};

/// The sort key of a row with these values of the order.
pub(crate) fn sort_key<'a>(order: &[OrderPart], values: impl IntoIterator<Item = ValueRef<'a>>) -> Vec<u8> {
    let mut out = Vec::with_capacity(16 * order.len());
    for (part, value) in order.iter().zip(values) {
        add_to_sort_key(*part, value, &mut out);
    }
    out
}

/// Appends what a value of this part of the order adds to the sort key of its row.
pub(crate) fn add_to_sort_key(part: OrderPart, value: ValueRef<'_>, out: &mut Vec<u8>) {
    if !part.has_natural_nulls() {
        let first = value.is_null() == (part.nulls == Nulls::First);
        out.push(u8::from(!first));
    }
    key::encode(value, part.descending, out);
}

/// The sort key of values that each have a direction and a place for NULL.
pub(crate) fn sort_key_of_values<'a>(values: impl IntoIterator<Item = (ValueRef<'a>, bool, Nulls)>) -> Vec<u8> {
    let mut out = Vec::with_capacity(32);
    for (value, descending, nulls) in values {
        add_to_sort_key(OrderPart { nulls, ..OrderPart::new(0, descending) }, value, &mut out);
    }
    out
}

/// The sort key of a row.
pub(crate) fn sort_key_of(table: &'static Table, order: &[OrderPart], key: &[u8], body: &[u8]) -> Result<Vec<u8>> {
    row::with_view(table, body, last_of(order), |view| {
        let values = order.iter().map(|part| view.value(part.column)).collect::<Result<Vec<_>, _>>()?;
        Ok(sort_key(order, values))
    })
    .map_err(|source| row::damaged(table, key, body, source))
}

/// The values by which a row is ordered, for a cursor.
pub(crate) fn values_of_order(table: &'static Table, order: &[OrderPart], hit: &Hit) -> Result<Vec<Value>> {
    row::with_view(table, &hit.body, last_of(order), |view| {
        order.iter().map(|part| view.value(part.column).map(ValueRef::to_value)).collect()
    })
    .map_err(|source| row::damaged(table, &hit.key, &hit.body, source))
}

fn last_of(order: &[OrderPart]) -> u16 {
    order.iter().map(|part| part.column).max().unwrap_or(0)
}
