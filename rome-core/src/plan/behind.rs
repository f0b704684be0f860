//! Bounds on several columns at once: where an index is entered for the rows behind a marker.

use std::ops::Bound;

use bytes::Bytes;

use super::constraint::Behind;
use super::range;
use crate::expr::node::Node;
use crate::schema::IndexPart;
use crate::store::{Range, after};
use crate::value::{Value, key};

/// What a marker says of the keys of an index.
#[derive(Debug)]
pub(super) struct Entry<'a> {
    /// The marker.
    behind: Behind<'a>,
    /// How many columns of the index come before those of the marker. All of them are fixed.
    start: usize,
    /// The columns of the index that are compared, each with its value; `None` for one that stands among those before.
    columns: Vec<(IndexPart, Option<&'a Value>)>,
    /// Whether the rows behind the marker come before it in the index.
    reverse: bool,
    /// Whether all columns of the marker are among them.
    is_whole: bool,
}

impl<'a> Entry<'a> {
    /// How a marker bounds an index with these columns (its own, then those of the key) of which the first `fixed` are fixed to
    /// values; `None` if its first column is neither the next one nor one of these.
    pub fn find(columns: &[IndexPart], fixed: usize, behind: Behind<'a>) -> Option<Self> {
        let first = behind.column(0)?;
        let start = columns.iter().take(fixed + 1).position(|part| part.column == first)?;
        let mut compared = Vec::with_capacity(behind.parts.len());
        let mut reverse = None;
        let mut next = 0;
        for (at, part) in columns.iter().enumerate().skip(start) {
            let Some(wanted) = behind.parts.get(next) else { break };
            let earlier =
                columns.get(..at).unwrap_or_default().iter().position(|earlier| earlier.column == part.column);
            // The key in an entry repeats the columns of the index that are of the key.
            match earlier {
                Some(earlier) if earlier < start => compared.push((*part, None)),
                Some(earlier) => {
                    let value = compared.get(earlier - start).and_then(|(_, value)| *value);
                    compared.push((*part, value));
                }
                None => {
                    let backwards = wanted.descending != part.descending;
                    let Node::Value(value) = &wanted.value else { break };
                    if behind.column(next) != Some(part.column) || reverse.is_some_and(|reverse| reverse != backwards) {
                        break;
                    }
                    reverse = Some(backwards);
                    compared.push((*part, Some(value)));
                    next += 1;
                }
            }
        }
        let is_whole = next == behind.parts.len();
        Some(Self { behind, start, columns: compared, reverse: reverse?, is_whole })
    }

    /// Whether the rows in the range are no more than those behind the marker.
    pub const fn is_exact(&self) -> bool {
        self.is_whole
    }

    /// What is left of a range of keys that begin with `prefix`, the first columns of the index in this order; `None` if the
    /// prefix is not of these columns.
    pub fn within(&self, range: Range, columns: &[IndexPart], prefix: &[u8]) -> Option<Range> {
        let before = self.before(columns, prefix)?;
        let mut position = before.bytes.to_vec();
        for (part, value) in &self.columns {
            match value {
                Some(value) => key::encode(value.as_ref(), part.descending, &mut position),
                None => {
                    let at = columns.iter().position(|earlier| earlier.column == part.column)?;
                    key::encode(before.values.get(at)?.as_ref(), part.descending, &mut position);
                }
            }
        }
        let inclusive = self.behind.inclusive || !self.is_whole;
        let mut bound = match (self.reverse, inclusive) {
            (false, true) => (Bound::Included(Bytes::from(position)), Bound::Unbounded),
            (false, false) => (range::from_after(&position), Bound::Unbounded),
            (true, true) => (Bound::Unbounded, after(&position)),
            (true, false) => (Bound::Unbounded, Bound::Excluded(Bytes::from(position))),
        };
        if let (true, Some((first, _))) = (self.behind.not_null, self.columns.first()) {
            let known = range::between(before.bytes, first.descending, None, None);
            bound = range::intersect(bound, known);
        }
        Some(range::intersect(range, bound))
    }

    /// The columns of a prefix before those of the marker.
    fn before<'p>(&self, columns: &[IndexPart], prefix: &'p [u8]) -> Option<Before<'p>> {
        let mut values = Vec::with_capacity(self.start);
        let mut len = 0;
        for part in columns.get(..self.start)? {
            let (value, used) = key::decode(prefix.get(len..)?, part.descending).ok()?;
            values.push(value);
            len += used;
        }
        Some(Before { bytes: prefix.get(..len)?, values })
    }
}

struct Before<'p> {
    bytes: &'p [u8],
    values: Vec<Value>,
}

#[cfg(test)]
mod tests;
