//! Bounds of one column: what conditions on it leave of an index.

use super::constraint::{Constraint, ConstraintKind, Excluded};
use super::range;
use crate::store::Range;
use crate::value::{Value, total_order};

/// The bounds that conditions set to one column.
#[derive(Default)]
pub(super) struct Bounds<'a> {
    low: Option<(&'a Value, Excluded)>,
    high: Option<(&'a Value, Excluded)>,
    /// The conditions that are served by them.
    pub served: Vec<usize>,
}

impl<'a> Bounds<'a> {
    pub fn of(constraints: &[&(usize, Constraint<'a>)]) -> Self {
        let mut bounds = Self::default();
        for (at, constraint) in constraints {
            match constraint.kind {
                ConstraintKind::Low(value, excluded) => tighten(&mut bounds.low, value, excluded, true),
                ConstraintKind::High(value, excluded) => tighten(&mut bounds.high, value, excluded, false),
                ConstraintKind::NotNull => {}
                ConstraintKind::OneOf(_)
                | ConstraintKind::Prefix(_)
                | ConstraintKind::Element(_)
                | ConstraintKind::Tuples(..)
                | ConstraintKind::After(_) => continue,
            }
            bounds.served.push(*at);
        }
        bounds
    }

    /// The value that is left where both bounds are the same one.
    pub fn only_value(&self) -> Option<&'a Value> {
        match (self.low, self.high) {
            (Some((low, false)), Some((high, false))) => {
                total_order(low.as_ref(), high.as_ref()).is_eq().then_some(low)
            }
            _ => None,
        }
    }

    /// The ranges that these bounds and beginnings of a text leave.
    pub fn narrow(
        self,
        served: &mut Vec<usize>,
        prefixes: &[Vec<u8>],
        descending: bool,
        constraints: &[&(usize, Constraint<'_>)],
    ) -> Option<Vec<Range>> {
        let mut ranges: Option<Vec<Range>> = (!self.served.is_empty()).then(|| {
            let range = |prefix: &Vec<u8>| range::between(prefix, descending, self.low, self.high);
            prefixes.iter().map(range).collect()
        });
        served.extend(self.served);
        for (at, constraint) in constraints {
            let ConstraintKind::Prefix(text) = constraint.kind else { continue };
            let texts = prefixes.iter().map(|prefix| range::with_text(prefix, descending, text));
            ranges = Some(match ranges {
                Some(ranges) => ranges.into_iter().zip(texts).map(|(a, b)| range::intersect(a, b)).collect(),
                None => texts.collect(),
            });
            if constraint.exact {
                served.push(*at);
            }
        }
        ranges
    }
}

fn tighten<'a>(bound: &mut Option<(&'a Value, Excluded)>, value: &'a Value, excluded: Excluded, is_low: bool) {
    let replace = bound.as_ref().is_none_or(|(present, present_excluded)| {
        let ordering = total_order(value.as_ref(), present.as_ref());
        let tighter = if is_low { ordering.is_gt() } else { ordering.is_lt() };
        tighter || (ordering.is_eq() && excluded && !present_excluded)
    });
    if replace {
        *bound = Some((value, excluded));
    }
}
