//! The run-time tree behind every expression.

use std::cmp::Ordering;
use std::collections::VecDeque;
use std::sync::Arc;

use super::after::{After, AfterPart};
use super::aggregate::Aggregate;
use super::size::Refused;
use super::subquery::{Exists, InQuery};
use super::tuples::Tuples;
use crate::value::{Field, Value, ValueError, total_order};

/// How two values are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Comparison {
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
}

impl Comparison {
    /// The same with its sides changed.
    pub const fn mirrored(self) -> Self {
        match self {
            Self::Lt => Self::Gt,
            Self::Le => Self::Ge,
            Self::Gt => Self::Lt,
            Self::Ge => Self::Le,
            same => same,
        }
    }

    /// Whether it is true of values in this order.
    pub const fn holds(self, ordering: Ordering) -> bool {
        match self {
            Self::Eq => ordering.is_eq(),
            Self::Ne => ordering.is_ne(),
            Self::Lt => ordering.is_lt(),
            Self::Le => ordering.is_le(),
            Self::Gt => ordering.is_gt(),
            Self::Ge => ordering.is_ge(),
        }
    }
}

/// What is done with two numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Arithmetic {
    Add,
    Sub,
    Mul,
    Div,
    Rem,
}

impl Arithmetic {
    /// As it is written.
    pub const fn sign(self) -> char {
        match self {
            Self::Add => '+',
            Self::Sub => '-',
            Self::Mul => '*',
            Self::Div => '/',
            Self::Rem => '%',
        }
    }
}

/// A sorted list of distinct values without NULL, and whether NULL was among them.
#[derive(Debug, Clone)]
pub(crate) struct ValueList {
    pub values: Arc<[Value]>,
    pub has_null: bool,
}

impl ValueList {
    pub fn new(values: impl IntoIterator<Item = Value>) -> Self {
        let mut values: Vec<Value> = values.into_iter().collect();
        let all = values.len();
        values.retain(|value| !value.is_null());
        let has_null = values.len() != all;
        values.sort_by(|a, b| total_order(a.as_ref(), b.as_ref()));
        values.dedup_by(|a, b| total_order(a.as_ref(), b.as_ref()).is_eq());
        Self { values: values.into(), has_null }
    }
}

/// An expression. A node is a condition (true, false, unknown) or a scalar (a value).
#[derive(Debug, Clone)]
pub(crate) enum Node {
    /// A column of the query's first entity, which mostly is its only one.
    Column(u16),
    /// A value that no column holds, and why; a statement with it is refused.
    Unstorable(Arc<ValueError>),
    /// A column of another entity of the query, by the entity's place in it, or of a group.
    Of(u8, u16),
    Value(Value),
    /// A number, and what is done with it, one step after the other: flat, however it was built.
    Calculation(Box<Node>, Vec<Step>),
    Compare(Comparison, Box<Node>, Box<Node>),
    In(Box<Node>, ValueList),
    Like {
        of: Box<Node>,
        pattern: String,
        ignore_case: bool,
    },
    StartsWith(Box<Node>, String),
    ContainsText(Box<Node>, String),
    /// A list column has this element.
    ContainsElement(Box<Node>, Value),
    IsNull(Box<Node>),
    /// Several conditions. Lists, and of both ends, so that `x & (y & z)` is as flat as `(x & y) & z`.
    And(VecDeque<Node>),
    Or(VecDeque<Node>),
    Not(Box<Node>),
    /// A condition that is false or unknown.
    NotTrue(Box<Node>),
    /// A condition whose result is known; `None` is unknown.
    Known(Option<bool>),
    /// These values, taken together, are among the tuples; false where one of them is NULL.
    InTuples(Vec<Node>, Arc<Tuples>),
    /// The row comes after a marker in an order; false or true, never unknown.
    After(Box<After>),
    /// What a group has, in the place of a single row.
    Aggregate(Arc<Aggregate>),
    /// Whether another table has rows to this one. Becomes [`InTuples`](Self::InTuples) before a plan is made.
    Exists(Arc<Exists>),
    /// Whether a query gives the value. Becomes [`In`](Self::In) before a plan is made.
    InQuery(Arc<InQuery>),
    /// What an expression that is too large became; a query with it is refused before it is planned.
    Refused(Refused),
}

/// A step of a calculation.
#[derive(Debug, Clone)]
pub(crate) struct Step {
    pub op: Arithmetic,
    pub operand: Node,
    /// Whether the operand stands before what is calculated so far, as in `10 - a`.
    pub before: bool,
}

impl Node {
    /// The condition that columns together have one of these values.
    pub fn among(columns: &[u16], values: impl Into<Arc<Tuples>>) -> Self {
        Self::InTuples(columns.iter().map(|column| Self::Column(*column)).collect(), values.into())
    }

    /// A value of a column.
    pub fn value<T: Field>(value: &T) -> Self {
        value.try_to_value().map_or_else(|error| Self::Unstorable(Arc::new(error)), Self::Value)
    }

    /// A list of conditions that all have to be true, or the only one.
    pub fn all(conditions: impl IntoIterator<Item = Self>) -> Self {
        Self::And(conditions.into_iter().collect())
    }

    /// Both conditions, as one list with those that are lists already.
    pub fn and(self, other: Self) -> Self {
        let parts = |node| match node {
            Self::And(parts) => parts,
            node => VecDeque::from([node]),
        };
        Self::And(joined(parts(self), parts(other)))
    }

    /// One of both conditions, as one list with those that are lists already.
    pub fn or(self, other: Self) -> Self {
        let parts = |node| match node {
            Self::Or(parts) => parts,
            node => VecDeque::from([node]),
        };
        Self::Or(joined(parts(self), parts(other)))
    }

    /// The column of the entity at a place of the query.
    pub const fn of(place: u8, column: u16) -> Self {
        if place == 0 { Self::Column(column) } else { Self::Of(place, column) }
    }

    /// The column of the first entity that it is, if it is one.
    pub const fn as_column(&self) -> Option<u16> {
        match self {
            Self::Column(column) => Some(*column),
            _ => None,
        }
    }

    /// Calls `visit` for each column of the first entity that it mentions.
    pub fn for_each_column(&self, visit: &mut impl FnMut(u16)) {
        self.for_each_place(&mut |place, column| {
            if place == 0 {
                visit(column);
            }
        });
    }

    /// Calls `visit` for each column that it mentions, with the place of its entity.
    pub fn for_each_place(&self, visit: &mut dyn FnMut(u8, u16)) {
        self.for_each_leaf(&mut |leaf| match leaf {
            Self::Column(column) => visit(0, *column),
            Self::Of(place, column) => visit(*place, *column),
            Self::Aggregate(aggregate) => {
                if let Some(of) = &aggregate.of {
                    of.for_each_place(visit);
                }
            }
            _ => {}
        });
    }

    /// Calls `visit` for each part that has no parts in the same row: columns, values and aggregates; and for
    /// subqueries, after the columns that they are about.
    pub fn for_each_leaf(&self, visit: &mut dyn FnMut(&Self)) {
        match self {
            Self::Column(_)
            | Self::Of(..)
            | Self::Value(_)
            | Self::Unstorable(_)
            | Self::Known(_)
            | Self::Aggregate(_)
            | Self::Refused(_) => visit(self),
            Self::Compare(_, left, right) => {
                left.for_each_leaf(visit);
                right.for_each_leaf(visit);
            }
            Self::Calculation(start, steps) => {
                start.for_each_leaf(visit);
                steps.iter().for_each(|step| step.operand.for_each_leaf(visit));
            }
            Self::In(of, _)
            | Self::Like { of, .. }
            | Self::StartsWith(of, _)
            | Self::ContainsText(of, _)
            | Self::ContainsElement(of, _)
            | Self::IsNull(of)
            | Self::Not(of)
            | Self::NotTrue(of) => of.for_each_leaf(visit),
            Self::And(all) | Self::Or(all) => all.iter().for_each(|node| node.for_each_leaf(visit)),
            Self::InTuples(all, _) => all.iter().for_each(|node| node.for_each_leaf(visit)),
            Self::After(after) => after.nodes().for_each(|node| node.for_each_leaf(visit)),
            Self::Exists(exists) => {
                exists.of.iter().for_each(|node| node.for_each_leaf(visit));
                visit(self);
            }
            Self::InQuery(query) => {
                query.of.for_each_leaf(visit);
                visit(self);
            }
        }
    }

    /// The same expression with each leaf replaced, as in [`for_each_leaf`](Self::for_each_leaf): a column, a value, an
    /// aggregate, or a subquery whose columns have been replaced already.
    pub fn map_leaves(self, change: &mut dyn FnMut(Self) -> Self) -> Self {
        let list = |nodes: VecDeque<Self>, change: &mut dyn FnMut(Self) -> Self| {
            nodes.into_iter().map(|node| node.map_leaves(change)).collect()
        };
        let mut all = |nodes: Vec<Self>| nodes.into_iter().map(|node| node.map_leaves(change)).collect();
        match self {
            Self::And(nodes) => Self::And(list(nodes, change)),
            Self::Or(nodes) => Self::Or(list(nodes, change)),
            Self::InTuples(nodes, tuples) => Self::InTuples(all(nodes), tuples),
            Self::After(after) => {
                let part = |part: AfterPart| {
                    let (of, value) = (part.of.map_leaves(change), part.value.map_leaves(change));
                    AfterPart { of, value, ..part }
                };
                let parts = after.parts.into_iter().map(part).collect();
                Self::After(Box::new(After { parts, inclusive: after.inclusive }))
            }
            Self::Exists(exists) => {
                let of = all(exists.of.clone());
                change(Self::Exists(Arc::new(Exists { of, ..(*exists).clone() })))
            }
            Self::InQuery(query) => {
                let of = query.of.clone().map_leaves(change);
                change(Self::InQuery(Arc::new(InQuery { of, ..(*query).clone() })))
            }
            Self::Calculation(start, steps) => {
                let start = start.map_boxed(change);
                let step = |step: Step| Step { operand: step.operand.map_leaves(change), ..step };
                Self::Calculation(start, steps.into_iter().map(step).collect())
            }
            Self::Compare(op, left, right) => Self::Compare(op, left.map_boxed(change), right.map_boxed(change)),
            Self::In(of, list) => Self::In(of.map_boxed(change), list),
            Self::Like { of, pattern, ignore_case } => Self::Like { of: of.map_boxed(change), pattern, ignore_case },
            Self::StartsWith(of, text) => Self::StartsWith(of.map_boxed(change), text),
            Self::ContainsText(of, text) => Self::ContainsText(of.map_boxed(change), text),
            Self::ContainsElement(of, value) => Self::ContainsElement(of.map_boxed(change), value),
            Self::IsNull(of) => Self::IsNull(of.map_boxed(change)),
            Self::Not(of) => Self::Not(of.map_boxed(change)),
            Self::NotTrue(of) => Self::NotTrue(of.map_boxed(change)),
            leaf => change(leaf),
        }
    }

    fn map_boxed(self, change: &mut dyn FnMut(Self) -> Self) -> Box<Self> {
        Box::new(self.map_leaves(change))
    }

    /// The same expression with its entities at other places: the one at place `n` goes to `places[n]`.
    pub fn placed(self, places: &[u8]) -> Self {
        if places == [0] {
            return self;
        }
        let to = |place: u8| places.get(usize::from(place)).copied().unwrap_or(place);
        self.map_leaves(&mut |leaf| match leaf {
            Self::Column(column) => Self::of(to(0), column),
            Self::Of(place, column) => Self::of(to(place), column),
            Self::Aggregate(aggregate) => {
                let of = aggregate.of.clone().map(|of| of.placed(places));
                Self::Aggregate(Arc::new(Aggregate { of, ..*aggregate }))
            }
            leaf => leaf,
        })
    }

    /// Why a value in it can be in no column, if there is one.
    pub fn unstorable(&self) -> Option<ValueError> {
        let mut found = None;
        self.for_each_leaf(&mut |leaf| {
            if let Self::Unstorable(why) = leaf {
                found.get_or_insert_with(|| (**why).clone());
            }
        });
        found
    }

    /// Whether it asks other tables.
    pub fn has_subquery(&self) -> bool {
        let mut found = false;
        self.for_each_leaf(&mut |leaf| found |= matches!(leaf, Self::Exists(_) | Self::InQuery(_)));
        found
    }

    /// The greatest column position of the first entity that it mentions.
    pub fn last_column(&self) -> Option<u16> {
        let mut last = None;
        self.for_each_column(&mut |position| last = last.max(Some(position)));
        last
    }
}

/// One list after the other. The shorter one moves, so that lists that grow at either end cost the same.
fn joined(mut left: VecDeque<Node>, mut right: VecDeque<Node>) -> VecDeque<Node> {
    if left.len() >= right.len() {
        left.extend(right);
        return left;
    }
    while let Some(last) = left.pop_back() {
        right.push_front(last);
    }
    right
}
