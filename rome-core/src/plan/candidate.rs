//! The ways in which a table or an index can serve a query.

use bytes::Bytes;

use super::constraint::Constraint;
use super::matching::{Found, bound_behind, match_parts, match_values, ranges_of};
use crate::ask::{OrderPart, Spec};
use crate::catalog::{StoredIndex, StoredTable};
use crate::schema::IndexPart;
use crate::store::{Range, after};
use crate::value::{Value, key};

/// The most ranges whose rows are merged in an order. With more of them, sorting costs less than a read of each.
const MOST_MERGED: usize = 1_000;

/// Where rows are found.
#[derive(Debug, Clone)]
pub(crate) enum Access {
    /// Nowhere: the filter is never true.
    Nothing,
    /// Under these keys.
    Keys(Vec<Bytes>),
    /// By these values of a unique index.
    Claims { index: usize, claims: Vec<Bytes> },
    /// In these ranges of the table.
    Rows { ranges: Vec<Range>, reverse: bool },
    /// By the entries in these ranges of an index.
    Index { index: usize, ranges: Vec<Range>, reverse: bool },
    /// In all of these.
    Union(Vec<Access>),
}

impl Access {
    /// Whether it reads a whole table or index.
    pub fn is_unbounded(&self) -> bool {
        use std::ops::Bound::Unbounded;
        match self {
            Self::Rows { ranges, .. } | Self::Index { ranges, .. } => {
                ranges.iter().any(|range| matches!(range, (Unbounded, Unbounded)))
            }
            _ => false,
        }
    }
}

/// One way to serve a query.
#[derive(Debug, Clone)]
pub(crate) struct Candidate {
    pub access: Access,
    /// Which conditions need not be tested on the rows.
    pub served: Vec<usize>,
    /// How many leading columns are fixed to values.
    pub equalities: usize,
    /// Whether any condition narrows it.
    pub narrowed: bool,
    /// Whether each range gives its rows in the order that was asked for; several ranges have to be merged.
    pub ordered: bool,
    /// Where they are not in that order: in so many of its first parts they are.
    pub leading: usize,
    /// For a cursor: whether the ranges already begin after it.
    pub resumed: bool,
}

impl Candidate {
    /// Whether its rows come in the order that was asked for, or in the first parts of it.
    pub const fn gives_order(&self) -> bool {
        self.ordered || self.leading > 0
    }

    /// Whether it finds each row by a key or claim of its own.
    pub const fn is_lookup(&self) -> bool {
        matches!(self.access, Access::Keys(_) | Access::Claims { .. })
    }
}

/// The constraints of a query, by their place among its conditions.
pub(crate) type Constraints<'a> = [(usize, Constraint<'a>)];

/// What a way to the rows has to serve.
#[derive(Debug)]
pub(crate) struct Question<'a> {
    pub constraints: Vec<(usize, Constraint<'a>)>,
    /// The total order that is asked for; empty if none is.
    pub order: Vec<OrderPart>,
    /// Only rows after the one with these values of the order.
    pub after: Option<&'a [Value]>,
}

impl<'a> Question<'a> {
    pub fn new(spec: &'a Spec, constraints: Vec<(usize, Constraint<'a>)>) -> Self {
        let has_order = !spec.order.is_empty() || spec.after.is_some();
        let order = if has_order { spec.full_order() } else { Vec::new() };
        Self { constraints, order, after: spec.after.as_deref() }
    }

    /// The same conditions and some more.
    pub fn with(&self, more: impl IntoIterator<Item = (usize, Constraint<'a>)>) -> Self {
        let constraints = self.constraints.iter().copied().chain(more).collect();
        Self { constraints, order: self.order.clone(), after: self.after }
    }

    /// The same order, and no conditions.
    pub fn without_conditions(&self) -> Self {
        Self { constraints: Vec::new(), order: self.order.clone(), after: self.after }
    }

    /// Whether a condition is on this column.
    pub fn constrains(&self, column: u16) -> bool {
        self.constraints.iter().any(|(_, constraint)| constraint.is_on(column))
    }
}

/// How the table itself can serve the query: by keys or key ranges, or as a whole.
pub(crate) fn by_table(table: &StoredTable, asked: &Question<'_>) -> Candidate {
    let parts: Vec<IndexPart> = table.def.key.iter().map(|column| IndexPart::asc(*column)).collect();
    let found = match_parts(table.def, &parts, &[], &asked.constraints);
    if found.equalities == parts.len() {
        return Candidate {
            access: Access::Keys(found.prefixes.into_iter().map(Bytes::from).collect()),
            served: found.served,
            equalities: found.equalities,
            narrowed: true,
            ordered: false,
            leading: 0,
            resumed: false,
        };
    }
    finish(&parts, &[], found, asked, |ranges, reverse| Access::Rows { ranges, reverse })
}

/// How an index can serve the query; none if it cannot.
pub(crate) fn by_index(table: &StoredTable, at: usize, asked: &Question<'_>) -> Option<Candidate> {
    let index = table.indexes.get(at).filter(|index| index.is_readable())?;
    let parts = &index.def.parts;
    if index.def.unique {
        let found = match_parts(table.def, parts, &[], &asked.constraints);
        // A unique index has claims only: a lookup by all of its columns, none of them NULL.
        return (found.equalities == parts.len() && !found.has_null).then(|| Candidate {
            access: Access::Claims { index: at, claims: found.prefixes.into_iter().map(Bytes::from).collect() },
            served: found.served,
            equalities: found.equalities,
            narrowed: true,
            ordered: false,
            leading: 0,
            resumed: false,
        });
    }
    let suffix = key_parts(table, index);
    let found = match_parts(table.def, parts, &suffix, &asked.constraints);
    if index.def.multi && !found.element {
        // Rows with an empty list have no entry, and others have several.
        return None;
    }
    let access = |ranges, reverse| Access::Index { index: at, ranges, reverse };
    Some(finish(parts, &suffix, found, asked, access))
}

/// How an index can serve the query under these beginnings of its entries, which are of so many of its columns.
pub(super) fn by_index_behind(
    table: &StoredTable,
    at: usize,
    asked: &Question<'_>,
    mut prefixes: Vec<Vec<u8>>,
    columns: usize,
) -> Option<Candidate> {
    let index = table.indexes.get(at).filter(|index| index.is_readable())?;
    let parts = &index.def.parts;
    let suffix = key_parts(table, index);
    prefixes.sort_unstable();
    let found = Found { prefixes, equalities: columns, encoded: columns, ..Found::nothing() };
    let mut found = match_values(found, table.def, parts, &suffix, &asked.constraints);
    bound_behind(&mut found, &[parts.as_slice(), &suffix].concat(), &asked.constraints);
    let found = Found { narrowed: true, ..found };
    Some(finish(parts, &suffix, found, asked, |ranges, reverse| Access::Index { index: at, ranges, reverse }))
}

/// The columns of the key, as they stand behind those of an index.
fn key_parts(table: &StoredTable, index: &StoredIndex) -> Vec<IndexPart> {
    let part = |column: &u16| IndexPart { column: *column, descending: index.def.ends_descending() };
    table.def.key.iter().map(part).collect()
}

/// `parts` and then the columns of `suffix` are what the keys of the space consist of.
fn finish(
    parts: &[IndexPart],
    suffix: &[IndexPart],
    found: Found,
    asked: &Question<'_>,
    access: impl FnOnce(Vec<Range>, bool) -> Access,
) -> Candidate {
    let mut ranges = found.ranges.unwrap_or_else(|| ranges_of(&found.prefixes));
    let order = &asked.order;
    let Direction { leading, reverse } = if found.prefixes.len() > MOST_MERGED {
        Direction { leading: 0, reverse: false }
    } else {
        direction(&sequence(parts, suffix), found.equalities, order)
    };
    let ordered = !order.is_empty() && leading == order.len();
    let mut resumed = false;
    if let (true, Some(values)) = (leading > 0, asked.after) {
        let columns = [parts, suffix].concat();
        let rest = columns.get(found.encoded..).unwrap_or_default();
        // Where each range has another value of a column of the order, the place in one range says nothing of the others.
        let fixed = parts.get(..found.equalities).unwrap_or(parts);
        let is_fixed = |part: &OrderPart| fixed.iter().any(|fixed| fixed.column == part.column);
        let order = order.get(..leading).unwrap_or_default();
        if found.prefixes.len() == 1 || !order.iter().any(is_fixed) {
            for (prefix, (lo, hi)) in found.prefixes.iter().zip(&mut ranges) {
                let position = position(prefix, rest, order, values);
                match (reverse, ordered) {
                    (true, true) => *hi = least(hi.clone(), std::ops::Bound::Excluded(Bytes::from(position))),
                    (false, true) => *lo = greatest(lo.clone(), after(&position)),
                    // The rows that are equal in these parts are compared with the cursor.
                    (true, false) => *hi = least(hi.clone(), after(&position)),
                    (false, false) => *lo = greatest(lo.clone(), std::ops::Bound::Included(Bytes::from(position))),
                }
            }
            resumed = ordered;
        }
    }
    Candidate {
        access: access(ranges, reverse),
        served: found.served,
        equalities: found.equalities,
        narrowed: found.narrowed,
        ordered,
        leading: if ordered { 0 } else { leading },
        resumed,
    }
}

/// The columns by which the entries of an index are ordered: its own, then those of the key.
fn sequence(parts: &[IndexPart], suffix: &[IndexPart]) -> Vec<IndexPart> {
    let is_new = |part: &&IndexPart| !parts.iter().any(|earlier| earlier.column == part.column);
    parts.iter().chain(suffix.iter().filter(is_new)).copied().collect()
}

/// How far the entries of an index come in an order.
struct Direction {
    /// In so many of its first parts.
    leading: usize,
    /// Read from the last to the first.
    reverse: bool,
}

/// How far the entries come in this order, forwards or backwards. Columns that are fixed to one value have no say.
fn direction(sequence: &[IndexPart], fixed: usize, order: &[OrderPart]) -> Direction {
    let (fixed, rest) = sequence.split_at_checked(fixed).unwrap_or((sequence, &[]));
    let is_fixed = |column: u16| fixed.iter().any(|part| part.column == column);
    let mut rest = rest.iter();
    let mut reverse = None;
    for (at, part) in order.iter().enumerate() {
        if is_fixed(part.column) {
            continue;
        }
        let backwards = match rest.next() {
            Some(have) if part.column == have.column && part.has_natural_nulls() => part.descending != have.descending,
            _ => return Direction { leading: reverse.map_or(0, |_| at), reverse: reverse.unwrap_or(false) },
        };
        if reverse.is_some_and(|reverse| reverse != backwards) {
            return Direction { leading: at, reverse: reverse.unwrap_or(false) };
        }
        reverse = Some(backwards);
    }
    Direction { leading: order.len(), reverse: reverse.unwrap_or(false) }
}

/// The place of the row with these values of the order: under `prefix`, by the other columns of the index and then of the
/// whole key, even those that the index has already.
fn position(prefix: &[u8], columns: &[IndexPart], order: &[OrderPart], values: &[Value]) -> Vec<u8> {
    let mut position = prefix.to_vec();
    for part in columns {
        let value = order.iter().zip(values).find(|(wanted, _)| wanted.column == part.column);
        let Some((_, value)) = value else { break };
        key::encode(value.as_ref(), part.descending, &mut position);
    }
    position
}

fn greatest(a: std::ops::Bound<Bytes>, b: std::ops::Bound<Bytes>) -> std::ops::Bound<Bytes> {
    use std::ops::Bound::{Excluded, Included, Unbounded};
    // `b` is the bound after a prefix, so it is excluded as an upper bound, and included as a lower one.
    let b = match b {
        Excluded(at) => Included(at),
        other => other,
    };
    match (&a, &b) {
        (Unbounded, _) => b,
        (_, Unbounded) => a,
        (Included(x) | Excluded(x), Included(y) | Excluded(y)) => {
            if y > x {
                b
            } else {
                a
            }
        }
    }
}

fn least(a: std::ops::Bound<Bytes>, b: std::ops::Bound<Bytes>) -> std::ops::Bound<Bytes> {
    use std::ops::Bound::{Excluded, Included, Unbounded};
    match (&a, &b) {
        (Unbounded, _) => b,
        (_, Unbounded) => a,
        (Included(x) | Excluded(x), Included(y) | Excluded(y)) => {
            if y <= x {
                b
            } else {
                a
            }
        }
    }
}
