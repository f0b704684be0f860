//! Sets of tuples: what many rows are looked up by at once.

use std::collections::BTreeSet;

use super::eval::Values;
use super::node::Node;
use crate::value::{Value, ValueError, ValueRef, key};

/// Distinct tuples of values without NULL, in their encoded order.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tuples {
    encoded: BTreeSet<Vec<u8>>,
}

impl Tuples {
    pub const fn new() -> Self {
        Self { encoded: BTreeSet::new() }
    }

    pub fn len(&self) -> usize {
        self.encoded.len()
    }

    pub fn is_empty(&self) -> bool {
        self.encoded.is_empty()
    }

    /// Adds an encoded tuple.
    pub fn insert(&mut self, encoded: Vec<u8>) {
        self.encoded.insert(encoded);
    }

    /// Adds encoded tuples.
    pub fn extend(&mut self, encoded: impl IntoIterator<Item = Vec<u8>>) {
        self.encoded.extend(encoded);
    }

    pub fn contains(&self, encoded: &[u8]) -> bool {
        self.encoded.contains(encoded)
    }

    /// The encoded tuples.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        self.encoded.iter().map(Vec::as_slice)
    }

    /// The tuples as values.
    pub fn values(&self) -> impl Iterator<Item = Vec<Value>> {
        self.encoded.iter().map(|encoded| {
            let mut rest = encoded.as_slice();
            let mut values = Vec::new();
            while let Ok((value, used)) = key::decode(rest, false) {
                values.push(value);
                rest = rest.get(used..).unwrap_or_default();
                if rest.is_empty() {
                    break;
                }
            }
            values
        })
    }
}

/// The encoded tuple of these values; none if one of them is NULL, which is equal to nothing.
pub(crate) fn encode<'a>(
    values: impl IntoIterator<Item = Result<ValueRef<'a>, ValueError>>,
) -> Result<Option<Vec<u8>>, ValueError> {
    let mut encoded = Vec::with_capacity(16);
    for value in values {
        let value = value?;
        if value.is_null() {
            return Ok(None);
        }
        key::encode(value, false, &mut encoded);
    }
    Ok(Some(encoded))
}

/// The encoded tuple that these expressions have in a row.
pub(crate) fn tuple_of<R: Values>(of: &[Node], row: &R) -> Result<Option<Vec<u8>>, ValueError> {
    encode(of.iter().map(|node| super::eval::scalar(node, row)))
}
