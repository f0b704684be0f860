//! Aggregate indexes: what a row adds to the counters of its group.
//!
//! A group has up to three counters beside the rows that it is of: how many rows there are, the sum of a column, and how
//! many rows have NULL in that column. NULLs are counted and not values, so that a column that can hold none needs no
//! counter, and is right when it becomes optional later.

use bytes::Bytes;

use super::check_length_of;
use crate::catalog::{StoredAggregate, StoredTable};
use crate::error::Result;
use crate::row::RowView;
use crate::store::Space;
use crate::value::{Value, ValueError, ValueRef, key};

/// A counter of a group. Its number is the last byte of its key, after the encoded columns of the group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Counter {
    /// How many rows there are.
    Rows,
    /// The sum of the column.
    Sum,
    /// How many rows have NULL in the column.
    Nulls,
}

impl Counter {
    pub const ALL: [Self; 3] = [Self::Rows, Self::Sum, Self::Nulls];

    /// The key of this counter of a group.
    pub fn key(self, group: &[u8]) -> Bytes {
        [group, &[self as u8]].concat().into()
    }

    /// The group and the counter that a key is of.
    pub fn of_key(key: &[u8]) -> Option<(&[u8], Self)> {
        let (number, group) = key.split_last()?;
        Some((group, *Self::ALL.get(usize::from(*number))?))
    }
}

/// What rows add to the counters of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Totals {
    pub rows: i128,
    pub sum: i128,
    pub nulls: i128,
}

impl Totals {
    /// Adds the value of a counter. The columns that are summed have at most 64 bits, so that no number of rows overflows
    /// 128; stored counters that are damaged may.
    pub fn add(&mut self, counter: Counter, n: i128) {
        let total = self.at(counter);
        *total = total.saturating_add(n);
    }

    /// Adds another's.
    pub fn plus(&mut self, other: Self, times: i128) {
        self.rows += other.rows * times;
        self.sum += other.sum * times;
        self.nulls += other.nulls * times;
    }

    /// The counters with their values.
    pub fn counters(self) -> [(Counter, i128); 3] {
        [(Counter::Rows, self.rows), (Counter::Sum, self.sum), (Counter::Nulls, self.nulls)]
    }

    const fn at(&mut self, counter: Counter) -> &mut i128 {
        match counter {
            Counter::Rows => &mut self.rows,
            Counter::Sum => &mut self.sum,
            Counter::Nulls => &mut self.nulls,
        }
    }
}

/// What one row adds to an aggregate index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Share {
    /// The place of the aggregate index in the table.
    pub at: usize,
    /// The encoded columns of the group.
    pub group: Bytes,
    pub totals: Totals,
}

/// What a row adds to the aggregate indexes of its table.
pub(super) fn shares(table: &StoredTable, row: &RowView<'_>) -> Result<Vec<Share>, ValueError> {
    let mut shares = Vec::with_capacity(table.aggregates.len());
    for (at, aggregate) in table.aggregates.iter().enumerate() {
        if let Some((group, totals)) = share(aggregate, row)? {
            shares.push(Share { at, group, totals });
        }
    }
    Ok(shares)
}

fn share(aggregate: &StoredAggregate, row: &RowView<'_>) -> Result<Option<(Bytes, Totals)>, ValueError> {
    let def = aggregate.def;
    if let Some(column) = def.unless
        && !row.value(column)?.is_null()
    {
        return Ok(None);
    }
    let mut group = Vec::with_capacity(16 * def.by.len());
    for column in &def.by {
        key::encode(row.value(*column)?, false, &mut group);
    }
    let mut totals = Totals { rows: 1, ..Totals::default() };
    if let Some(column) = def.sum {
        match row.value(column)? {
            ValueRef::Int(number) => totals.sum = number,
            ValueRef::Uint(number) => {
                totals.sum = i128::try_from(number)
                    .map_err(|_| ValueError::out_of_range("a summed value", "an integer of 64 bits"))?;
            }
            _ => totals.nulls = 1,
        }
    }
    Ok(Some((group.into(), totals)))
}

/// The last column that shares are made of.
pub(super) fn last_column(table: &StoredTable) -> Option<u16> {
    let columns = table.aggregates.iter().map(|aggregate| aggregate.def);
    columns.flat_map(|def| def.by.iter().chain(&def.sum).chain(&def.unless)).copied().max()
}

/// Refuses groups that are too long for a store.
pub(super) fn check_lengths(table: &StoredTable, shares: &[Share]) -> Result<()> {
    for share in shares {
        let name = table.aggregates.get(share.at).map(|aggregate| aggregate.def.name.as_str());
        check_length_of(table, "a group", name, share.group.len() + 1)?;
    }
    Ok(())
}

/// The values of a group's columns.
pub(crate) fn decode_group(aggregate: &StoredAggregate, mut group: &[u8]) -> Result<Vec<(u16, Value)>, ValueError> {
    let mut values = Vec::with_capacity(aggregate.def.by.len());
    for column in &aggregate.def.by {
        let (value, used) = key::decode(group, false)?;
        values.push((*column, value));
        group = group.get(used..).unwrap_or_default();
    }
    Ok(values)
}

/// The number that a stored counter holds.
pub(crate) fn decode_counter(value: &[u8]) -> Result<i128, ValueError> {
    value.try_into().map(i128::from_be_bytes).map_err(|_| ValueError::malformed("a counter has 16 bytes", 0))
}

/// The additions that shares make, by counter; `times` is -1 for those of rows that go.
pub(crate) fn additions<'a>(
    table: &'a StoredTable,
    shares: impl IntoIterator<Item = &'a Share>,
    times: i128,
) -> impl Iterator<Item = ((Space, Bytes), i128)> {
    shares.into_iter().flat_map(move |share| {
        let space = table.aggregates.get(share.at).map(StoredAggregate::space);
        space.into_iter().flat_map(move |space| {
            let counters = share.totals.counters().into_iter().filter(|(_, n)| *n != 0);
            counters.map(move |(counter, n)| ((space, counter.key(&share.group)), n * times))
        })
    })
}
