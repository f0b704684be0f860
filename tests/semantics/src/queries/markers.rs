//! Conditions that a row comes after a marker: as [`Condition::after`] and in the forms in which they are written out.

use std::cmp::Ordering;

use rome_orm::expr::Nulls;
use rome_orm::prelude::*;

use super::condition::{Cond, Op};
use super::generate::Generate;
use super::lower::{By, Pick, dynamic, order};
use super::row::{Col, Row, Val, compare};
use super::subjects::Subject;

/// Orders that indexes and keys of the subjects have, or begin, or continue.
const ORDERS: &[&[Col]] = &[
    &[Col::Kind, Col::Small, Col::Id],
    &[Col::Flag, Col::Name, Col::At],
    &[Col::Big, Col::Note],
    &[Col::Big, Col::Id],
    &[Col::Note, Col::Small],
    &[Col::Note, Col::Id],
    &[Col::Name, Col::Small, Col::Id],
    &[Col::Name, Col::Id],
    &[Col::Ratio, Col::Id],
    &[Col::Small, Col::Id],
    &[Col::Wide, Col::Id],
    &[Col::Kind, Col::Big],
    &[Col::Id],
];

/// A row's place in an order.
#[derive(Clone, Debug)]
pub struct Marker {
    pub parts: Vec<(By, Val)>,
    pub inclusive: bool,
    pub dynamic: bool,
}

/// A value of the row against one of the marker.
fn place(by: By, value: &Val, marker: &Val) -> Ordering {
    let nulls_first = by.nulls.map_or(!by.descending, |nulls| nulls == Nulls::First);
    match (value.is_null(), marker.is_null()) {
        (true, true) => Ordering::Equal,
        (true, false) if nulls_first => Ordering::Less,
        (true, false) => Ordering::Greater,
        (false, true) if nulls_first => Ordering::Greater,
        (false, true) => Ordering::Less,
        (false, false) => {
            let ordering = compare(value, marker).unwrap();
            if by.descending { ordering.reverse() } else { ordering }
        }
    }
}

impl Marker {
    /// Whether a row comes after it.
    pub fn test(&self, row: &Row) -> bool {
        let places = self.parts.iter().map(|(by, marker)| place(*by, &row.get(by.col), marker));
        match places.into_iter().find(|place| place.is_ne()) {
            Some(place) => place.is_gt(),
            None => self.inclusive,
        }
    }

    /// As an expression; with the columns' types where they are those of a few orders, else by names.
    pub fn expr<E: Subject>(&self) -> Condition<E> {
        let cols = E::cols();
        macro_rules! typed {
            ($first:expr, $a:ident, $second:expr, $b:ident) => {{
                let [(first, a), (second, b)] = self.parts.as_slice() else { panic!("two columns") };
                let (first, second) = (directed!($first, first), directed!($second, second));
                let values = (Pick::pick(a), Pick::pick(b));
                let values: ($a, $b) = values;
                let order = (first, second);
                if self.inclusive { Condition::at_or_after(order, values) } else { Condition::after(order, values) }
            }};
        }
        macro_rules! directed {
            ($col:expr, $by:expr) => {{
                let order = if $by.descending { $col.desc() } else { $col.asc() };
                match $by.nulls {
                    None => order,
                    Some(Nulls::First) => order.nulls_first(),
                    Some(Nulls::Last) => order.nulls_last(),
                }
            }};
        }
        type Text = Option<String>;
        type Big = Option<i64>;
        let named: Vec<Col> = self.parts.iter().map(|(by, _)| by.col).collect();
        match named.as_slice() {
            [Col::Small, Col::Id] if !self.dynamic => typed!(cols.small, i32, cols.id, u64),
            [Col::Big, Col::Note] if !self.dynamic => typed!(cols.big, Big, cols.note, Text),
            [Col::Name, Col::Id] if !self.dynamic => typed!(cols.name, String, cols.id, u64),
            _ => {
                let by = |(by, _): &(By, Val)| order::<E>(By { dynamic: true, ..*by });
                let orders: Vec<_> = self.parts.iter().map(by).collect();
                let values = self.parts.iter().map(|(_, value)| dynamic(value));
                if self.inclusive {
                    Condition::at_or_after_values(orders, values).unwrap()
                } else {
                    Condition::after_values(orders, values).unwrap()
                }
            }
        }
    }

    /// The same in comparisons of single columns; NULL is behind a value only if the order says so and `nulls` wants it.
    fn written(&self, form: u64, nulls: bool) -> Cond {
        let Some(((by, val), rest)) = self.parts.split_first() else {
            return if self.inclusive { Cond::And(Vec::new()) } else { Cond::Or(Vec::new()) };
        };
        let is = |op| Cond::Cmp { op, col: by.col, val: val.clone(), dynamic: self.dynamic };
        let null = |not| Cond::IsNull { col: by.col, not, dynamic: self.dynamic };
        let nulls_first = by.nulls.map_or(!by.descending, |nulls| nulls == Nulls::First);
        let (strict, weak) = if by.descending { (Op::Lt, Op::Le) } else { (Op::Gt, Op::Ge) };
        let left = Self { parts: rest.to_vec(), ..self.clone() }.written(form, nulls);
        let equal = if val.is_null() { null(false) } else { is(Op::Eq) };
        let mut before = match (val.is_null(), nulls_first) {
            (true, true) => vec![null(true)],
            (true, false) => Vec::new(),
            (false, _) => vec![is(strict)],
        };
        if !val.is_null() && !nulls_first && nulls && by.col.is_nullable() {
            before.push(null(false));
        }
        match form {
            // `a <= x and (a < x or ...)`.
            0 if before.len() == 1 && !val.is_null() => {
                Cond::And(vec![is(weak), Cond::Or(before.into_iter().chain([left]).collect())])
            }
            // Branches in the one order and the other.
            1 => Cond::Or([Cond::And(vec![equal, left])].into_iter().chain(before).collect()),
            // The parts of each branch in one list, the branches in one too.
            2 => {
                let with = |cond: Cond| match cond {
                    Cond::And(all) => Cond::And([equal.clone()].into_iter().chain(all).collect()),
                    cond => Cond::And(vec![equal.clone(), cond]),
                };
                let branches = match left {
                    Cond::Or(all) => all,
                    one => vec![one],
                };
                Cond::Or(before.into_iter().chain(branches.into_iter().map(with)).collect())
            }
            _ => Cond::Or(before.into_iter().chain([Cond::And(vec![equal, left])]).collect()),
        }
    }
}

impl Generate {
    /// A condition that a row comes after a marker.
    pub fn marker(&mut self) -> Cond {
        let mut cols = *self.random.pick(ORDERS);
        if self.random.one_in(3) {
            cols = &cols[self.random.below(cols.len() as u64) as usize..];
        }
        let descending = self.random.one_in(2);
        let parts = cols.iter().map(|col| {
            let descending = descending != self.random.one_in(4);
            let nulls =
                if self.random.one_in(6) { Some(*self.random.pick(&[Nulls::First, Nulls::Last])) } else { None };
            (By { col: *col, descending, nulls, dynamic: true }, self.val(*col))
        });
        let parts = parts.collect();
        let marker = Marker { parts, inclusive: self.random.one_in(3), dynamic: self.random.one_in(2) };
        match self.random.below(6) {
            0..=1 => Cond::After(marker),
            form => marker.written(form - 2, self.random.one_in(2)),
        }
    }
}
