//! The ways in which a table or an index can serve a query.

use bytes::Bytes;

use super::behind::Entry;
use super::bounds::Bounds;
use super::constraint::{Constraint, ConstraintKind};
use super::range;
use crate::ask::{OrderPart, Spec};
use crate::catalog::{StoredIndex, StoredTable};
use crate::expr::node::Node;
use crate::schema::{IndexPart, Table};
use crate::store::{Range, after, with_prefix};
use crate::value::{Value, key};

/// The most key ranges that equalities with several lists multiply to. One list alone may be longer: it is there already.
const MOST_RANGES: usize = 10_000;

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

struct Found {
    /// The encoded leading columns, one for each combination of values.
    prefixes: Vec<Vec<u8>>,
    /// How many different columns are fixed.
    equalities: usize,
    /// How many columns the prefixes have: more where the key repeats columns of the index.
    encoded: usize,
    /// The ranges, if a condition on the next column narrows them.
    ranges: Option<Vec<Range>>,
    served: Vec<usize>,
    has_null: bool,
    element: bool,
    narrowed: bool,
}

impl Found {
    /// Before any condition is looked at.
    fn nothing() -> Self {
        Self {
            prefixes: vec![Vec::new()],
            equalities: 0,
            encoded: 0,
            ranges: None,
            served: Vec::new(),
            has_null: false,
            element: false,
            narrowed: false,
        }
    }

    /// Whether the next column may be fixed to so many values.
    const fn can_take(&self, values: usize) -> bool {
        self.prefixes.len() * values <= MOST_RANGES || self.prefixes.len() == 1 || values <= 1
    }
}

/// What the conditions say of keys that consist of `parts` and then the columns of `suffix`.
fn match_parts(
    table: &'static Table,
    parts: &[IndexPart],
    suffix: &[IndexPart],
    constraints: &Constraints<'_>,
) -> Found {
    let mut found = match_values(Found::nothing(), table, parts, suffix, constraints);
    bound_behind(&mut found, &[parts, suffix].concat(), constraints);
    found
}

/// Enters the ranges behind the markers that are among the conditions.
fn bound_behind(found: &mut Found, columns: &[IndexPart], constraints: &Constraints<'_>) {
    if found.encoded == columns.len() {
        // These are lookups, whose rows are tested.
        return;
    }
    for (at, constraint) in constraints {
        let ConstraintKind::After(behind) = constraint.kind else { continue };
        let Some(entry) = Entry::find(columns, found.encoded, behind) else { continue };
        let ranges = found.ranges.clone().unwrap_or_else(|| ranges_of(&found.prefixes));
        let within = |(range, prefix): (Range, &Vec<u8>)| entry.within(range, columns, prefix);
        let Some(ranges) = ranges.into_iter().zip(&found.prefixes).map(within).collect() else { continue };
        found.ranges = Some(ranges);
        found.narrowed = true;
        if constraint.exact && entry.is_exact() {
            found.served.push(*at);
        }
    }
    if let Some(ranges) = found.ranges.take() {
        let all = ranges.into_iter().zip(std::mem::take(&mut found.prefixes));
        let (left, empty): (Vec<_>, Vec<_>) = all.partition(|(range, _)| !range::is_empty(range));
        // One that has no keys stands for all of them.
        let left = if left.is_empty() { empty.into_iter().take(1).collect() } else { left };
        let (ranges, prefixes) = left.into_iter().unzip();
        (found.ranges, found.prefixes) = (Some(ranges), prefixes);
    }
}

/// The ranges of keys that begin with these prefixes.
fn ranges_of(prefixes: &[Vec<u8>]) -> Vec<Range> {
    match prefixes {
        [only] if only.is_empty() => vec![(std::ops::Bound::Unbounded, std::ops::Bound::Unbounded)],
        prefixes => prefixes.iter().cloned().map(with_prefix).collect(),
    }
}

/// The values to which conditions fix the leading columns, and the bounds of the next one.
fn match_values(
    mut found: Found,
    table: &'static Table,
    parts: &[IndexPart],
    suffix: &[IndexPart],
    constraints: &Constraints<'_>,
) -> Found {
    while let Some(part) = parts.iter().chain(suffix).nth(found.encoded) {
        let own = parts.get(found.encoded..).unwrap_or_default();
        if let Some((served, taken)) = match_tuples(own, constraints, &mut found) {
            found.served.push(served);
            found.encoded += taken;
            continue;
        }
        let of_key = own.is_empty();
        if of_key && repeat(&mut found, parts, suffix, constraints) {
            continue;
        }
        let here = || constraints.iter().filter(|(_, constraint)| constraint.column == part.column);
        let equal = here()
            .filter_map(|(at, constraint)| match &constraint.kind {
                // Lists of values of key columns would make many small ranges of few.
                ConstraintKind::OneOf(values) if of_key && values.len() > 1 => None,
                ConstraintKind::OneOf(values) if found.can_take(values.len()) => Some((*at, *values)),
                ConstraintKind::Element(value) => Some((*at, std::slice::from_ref(*value))),
                _ => None,
            })
            .min_by_key(|(_, values)| values.len());
        if let Some((at, values)) = equal {
            found.element |= matches!(table.column(part.column).ty, crate::value::ColumnType::List(..));
            found.has_null |= values.iter().any(Value::is_null);
            found.prefixes = multiply(found.prefixes, values, part.descending);
            found.equalities += 1;
            found.encoded += 1;
            found.narrowed = true;
            found.served.push(at);
            continue;
        }
        let constraints: Vec<&(usize, Constraint<'_>)> = here().collect();
        let bounds = Bounds::of(&constraints);
        if let Some(value) = bounds.only_value() {
            found.prefixes = multiply(found.prefixes, std::slice::from_ref(value), part.descending);
            found.equalities += 1;
            found.encoded += 1;
            found.narrowed = true;
            found.served.extend(bounds.served);
            continue;
        }
        found.ranges = bounds.narrow(&mut found.served, &found.prefixes, part.descending, &constraints);
        found.narrowed |= found.ranges.is_some();
        break;
    }
    found
}

/// Where the next column is one of the key that the index has already, and a condition is on a column of the key behind it: adds
/// its value to the prefixes once more, which changes nothing about the keys that begin with them.
fn repeat(found: &mut Found, parts: &[IndexPart], suffix: &[IndexPart], constraints: &Constraints<'_>) -> bool {
    let is_new = |part: &&IndexPart| !parts.iter().any(|earlier| earlier.column == part.column);
    let next = found.encoded - parts.len();
    let Some(part) = suffix.get(next).filter(|part| !is_new(part)) else { return false };
    let is_about = |wanted: &IndexPart| {
        let about = |constraint: &Constraint<'_>| !matches!(constraint.kind, ConstraintKind::After(_));
        constraints.iter().any(|(_, constraint)| constraint.column == wanted.column && about(constraint))
    };
    if !suffix.iter().skip(next).find(is_new).is_some_and(is_about) {
        return false;
    }
    for prefix in &mut found.prefixes {
        let mut len = 0;
        for earlier in parts {
            let Ok((value, used)) = key::decode(prefix.get(len..).unwrap_or_default(), earlier.descending) else {
                return false;
            };
            len += used;
            if earlier.column == part.column {
                key::encode(value.as_ref(), part.descending, prefix);
                break;
            }
        }
    }
    found.encoded += 1;
    true
}

/// Fixes the next parts to the tuples of a condition on them; says which condition it is and how many parts they are.
fn match_tuples(parts: &[IndexPart], constraints: &Constraints<'_>, found: &mut Found) -> Option<(usize, usize)> {
    let (served, columns, tuples) = constraints.iter().find_map(|(at, constraint)| match constraint.kind {
        ConstraintKind::Tuples(columns, tuples) if found.can_take(tuples.len()) => {
            let next = parts.get(..columns.len())?;
            next.iter().all(|part| constraint.is_on(part.column)).then_some((*at, columns, tuples))
        }
        _ => None,
    })?;
    let next = parts.get(..columns.len())?;
    let mut order = Vec::with_capacity(next.len());
    for part in next {
        order.push(columns.iter().position(|node| matches!(node, Node::Column(on) if *on == part.column))?);
    }
    let mut all = Vec::with_capacity(found.prefixes.len() * tuples.len());
    if order.is_sorted() && next.iter().all(|part| !part.descending) {
        // They are encoded as the key is.
        for tuple in tuples.iter() {
            all.extend(found.prefixes.iter().map(|prefix| [prefix.as_slice(), tuple].concat()));
        }
    } else {
        for values in tuples.values() {
            for prefix in &found.prefixes {
                let mut longer = prefix.clone();
                for (part, at) in next.iter().zip(&order) {
                    key::encode(values.get(*at)?.as_ref(), part.descending, &mut longer);
                }
                all.push(longer);
            }
        }
    }
    all.sort_unstable();
    found.prefixes = all;
    found.equalities += columns.len();
    found.narrowed = true;
    Some((served, columns.len()))
}

pub(super) fn multiply(mut prefixes: Vec<Vec<u8>>, values: &[Value], descending: bool) -> Vec<Vec<u8>> {
    if let ([prefix], [value]) = (prefixes.as_mut_slice(), values) {
        prefix.reserve(32);
        key::encode(value.as_ref(), descending, prefix);
        return prefixes;
    }
    let encode = |value: &Value| {
        let mut encoded = Vec::with_capacity(32);
        key::encode(value.as_ref(), descending, &mut encoded);
        encoded
    };
    let values: Vec<Vec<u8>> = values.iter().map(encode).collect();
    let mut all = Vec::with_capacity(prefixes.len() * values.len());
    for prefix in &prefixes {
        // Exactly as long as they are, so that they become keys without a copy.
        all.extend(values.iter().map(|value| [prefix.as_slice(), value].concat()));
    }
    all.sort_unstable();
    all
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
