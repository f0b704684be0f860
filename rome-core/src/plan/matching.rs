//! What conditions say of keys: the values of their leading columns, and bounds of the next one.

use super::behind::Entry;
use super::bounds::Bounds;
use super::candidate::Constraints;
use super::constraint::{Constraint, ConstraintKind};
use super::range;
use crate::expr::node::Node;
use crate::schema::{IndexPart, Table};
use crate::store::{Range, with_prefix};
use crate::value::{Value, key};

/// The most key ranges that equalities with several lists multiply to. One list alone may be longer: it is there already.
const MOST_RANGES: usize = 10_000;

pub(super) struct Found {
    /// The encoded leading columns, one for each combination of values.
    pub prefixes: Vec<Vec<u8>>,
    /// How many different columns are fixed.
    pub equalities: usize,
    /// How many columns the prefixes have: more where the key repeats columns of the index.
    pub encoded: usize,
    /// The ranges, if a condition on the next column narrows them.
    pub ranges: Option<Vec<Range>>,
    pub served: Vec<usize>,
    pub has_null: bool,
    pub element: bool,
    pub narrowed: bool,
}

impl Found {
    /// Before any condition is looked at.
    pub fn nothing() -> Self {
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
pub(super) fn match_parts(
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
pub(super) fn bound_behind(found: &mut Found, columns: &[IndexPart], constraints: &Constraints<'_>) {
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
pub(super) fn ranges_of(prefixes: &[Vec<u8>]) -> Vec<Range> {
    match prefixes {
        [only] if only.is_empty() => vec![(std::ops::Bound::Unbounded, std::ops::Bound::Unbounded)],
        prefixes => prefixes.iter().cloned().map(with_prefix).collect(),
    }
}

/// The values to which conditions fix the leading columns, and the bounds of the next one.
pub(super) fn match_values(
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
