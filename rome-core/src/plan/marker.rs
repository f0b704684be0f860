//! Recognises conditions that compare tuples: `t < m or (t = m and id < k)`, which is what a page behind a marker asks.
//!
//! No form is matched. A condition is looked at from one of its columns, for which it names one value: where the column
//! is less than the value, equal, greater or NULL, what is left of the condition? If it is decided everywhere but where the
//! column is equal, and true on one side, then the column leads a tuple, and what is left where it is equal is the
//! comparison of its other columns, which is looked at in the same way. So `t <= m and (t < m or id < k)`, branches in any
//! order or nested in others, and any number of columns are all the same.
//!
//! Only rows for which the condition is true count, here and in every filter; where it is false and where it is unknown
//! need not be told apart.

use std::borrow::Cow;
use std::cmp::Ordering;

use crate::expr::Nulls;
use crate::expr::after::{After, AfterPart};
use crate::expr::node::{Comparison, Node};
use crate::value::{Value, compare};

/// How many comparisons a condition may consist of to be looked at: enough for a marker of ten columns, written out.
const MOST_TESTS: usize = 64;

/// How many of the other conditions each comparison is looked at with: the first ones.
const MOST_BESIDE: usize = 256;

/// The same conditions with those that compare tuples as [`Node::After`], without the columns that others fix.
pub(super) fn bounded(conditions: &[Node]) -> Cow<'_, [Node]> {
    let mut out: Vec<Node> = Vec::new();
    let mut changed = false;
    for (at, condition) in conditions.iter().enumerate() {
        let recognised = match condition {
            Node::Or(_) => recognise(conditions, at),
            Node::After(after) => without_fixed(after, conditions).map(|node| vec![node]),
            _ => None,
        };
        match recognised {
            Some(nodes) => {
                if !changed {
                    out = conditions.iter().take(at).cloned().collect();
                    changed = true;
                }
                // What was recognised may name columns that other conditions fix.
                out.extend(nodes.into_iter().map(|node| match node {
                    Node::After(after) => without_fixed(&after, conditions).unwrap_or(Node::After(after)),
                    node => node,
                }));
            }
            None if changed => out.push(condition.clone()),
            None => {}
        }
    }
    if changed { Cow::Owned(out) } else { Cow::Borrowed(conditions) }
}

/// What the condition at this place says as a comparison of tuples, by itself or together with the others.
fn recognise(conditions: &[Node], at: usize) -> Option<Vec<Node>> {
    let alone = Formula::of(conditions.get(at)?, &mut 0)?;
    compared(&alone).or_else(|| {
        // `t <= m` beside it decides what it says where `t` is greater than `m`.
        let tests = alone.tests();
        let others = conditions.iter().enumerate().take(MOST_BESIDE).filter(|(other, _)| *other != at);
        let beside: Vec<Formula<'_>> = others
            .filter_map(|(_, other)| {
                let Some(test @ Formula::Test(column, is)) = Formula::of(other, &mut 0) else { return None };
                let meets = |(of, there): &(u16, Is<'_>)| *of == column && is.agrees(*there);
                tests.iter().any(meets).then_some(test)
            })
            .collect();
        if beside.is_empty() {
            return None;
        }
        compared(&Formula::And(beside.into_iter().chain([alone.clone()]).collect()))
    })
}

/// A condition that is made of comparisons of columns with values.
#[derive(Debug, Clone)]
enum Formula<'a> {
    /// True, or not true.
    Known(bool),
    Test(u16, Is<'a>),
    And(Vec<Self>),
    Or(Vec<Self>),
}

/// What a column is.
#[derive(Debug, Clone, Copy)]
enum Is<'a> {
    Compared(Comparison, &'a Value),
    Null,
    NotNull,
}

impl Is<'_> {
    /// Whether both can be about the same marker.
    fn agrees(self, other: Is<'_>) -> bool {
        match (self, other) {
            (Self::Compared(_, a), Is::Compared(_, b)) => are_same(a, b),
            _ => true,
        }
    }
}

/// Where a column is, seen from a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Region {
    Less,
    Equal,
    Greater,
    Null,
}

fn are_same(a: &Value, b: &Value) -> bool {
    compare(a.as_ref(), b.as_ref()) == Some(Ordering::Equal)
}

impl<'a> Formula<'a> {
    /// The condition, if it is made of such comparisons and of few.
    fn of(node: &'a Node, count: &mut usize) -> Option<Self> {
        *count += 1;
        if *count > MOST_TESTS {
            return None;
        }
        let list = |all: &'a std::collections::VecDeque<Node>, count: &mut usize| {
            all.iter().map(|node| Self::of(node, count)).collect::<Option<Vec<_>>>()
        };
        Some(match node {
            Node::Known(known) => Self::Known(*known == Some(true)),
            Node::And(all) => Self::and(list(all, count)?),
            Node::Or(all) => Self::or(list(all, count)?),
            Node::Compare(op, left, right) => {
                let (column, op, value) = match (&**left, &**right) {
                    (Node::Column(column), Node::Value(value)) => (*column, *op, value),
                    (Node::Value(value), Node::Column(column)) => (*column, op.mirrored(), value),
                    _ => return None,
                };
                if value.is_null() { Self::Known(false) } else { Self::Test(column, Is::Compared(op, value)) }
            }
            Node::IsNull(of) => match &**of {
                Node::Column(column) => Self::Test(*column, Is::Null),
                _ => return None,
            },
            Node::Not(of) => match &**of {
                Node::IsNull(of) => match &**of {
                    Node::Column(column) => Self::Test(*column, Is::NotNull),
                    _ => return None,
                },
                _ => return None,
            },
            _ => return None,
        })
    }

    fn and(parts: Vec<Self>) -> Self {
        Self::joined(parts, false)
    }

    fn or(parts: Vec<Self>) -> Self {
        Self::joined(parts, true)
    }

    /// The parts as a list in which one that is `decisive` decides, and others that are known say nothing.
    fn joined(mut parts: Vec<Self>, decisive: bool) -> Self {
        if parts.iter().any(|part| matches!(part, Self::Known(known) if *known == decisive)) {
            return Self::Known(decisive);
        }
        parts.retain(|part| !matches!(part, Self::Known(_)));
        match (parts.len(), decisive) {
            (0, _) => Self::Known(!decisive),
            (1, _) => parts.pop().unwrap_or(Self::Known(!decisive)),
            (_, true) => Self::Or(parts),
            (_, false) => Self::And(parts),
        }
    }

    const fn known(&self) -> Option<bool> {
        match self {
            Self::Known(known) => Some(*known),
            _ => None,
        }
    }

    /// Its comparisons, as they come.
    fn tests(&self) -> Vec<(u16, Is<'a>)> {
        match self {
            Self::Known(_) => Vec::new(),
            Self::Test(column, is) => vec![(*column, *is)],
            Self::And(all) | Self::Or(all) => all.iter().flat_map(Self::tests).collect(),
        }
    }

    /// What is left of it where a column is in a region.
    fn within(&self, column: u16, region: Region) -> Self {
        let list = |all: &[Self]| all.iter().map(|part| part.within(column, region)).collect();
        match self {
            Self::Known(known) => Self::Known(*known),
            Self::Test(of, is) if *of == column => Self::Known(match is {
                Is::Null => region == Region::Null,
                Is::NotNull => region != Region::Null,
                Is::Compared(op, _) => match region {
                    Region::Less => op.holds(Ordering::Less),
                    Region::Equal => op.holds(Ordering::Equal),
                    Region::Greater => op.holds(Ordering::Greater),
                    Region::Null => false,
                },
            }),
            Self::Test(..) => self.clone(),
            Self::And(all) => Self::and(list(all)),
            Self::Or(all) => Self::or(list(all)),
        }
    }

    /// The only value that a column is compared with; NULL if it is only asked whether it is NULL; `None` if there are several.
    fn value(&self, column: u16) -> Option<Value> {
        let mut found: Option<&Value> = None;
        for (of, is) in self.tests() {
            match (of == column, is, found) {
                (true, Is::Compared(_, value), Some(earlier)) if !are_same(value, earlier) => return None,
                (true, Is::Compared(_, value), None) => found = Some(value),
                _ => {}
            }
        }
        Some(found.cloned().unwrap_or(Value::Null))
    }
}

/// A condition as columns that are equal to values and a comparison of tuples, as a list of conditions that all hold; `None`
/// if it says something else.
fn compared(formula: &Formula<'_>) -> Option<Vec<Node>> {
    let mut left = formula.clone();
    let mut equal = Vec::new();
    let mut parts = Vec::new();
    let inclusive = loop {
        if let Some(known) = left.known() {
            break known;
        }
        let mut columns: Vec<u16> = left.tests().into_iter().map(|(column, _)| column).collect();
        columns.dedup();
        let (step, rest) = columns.into_iter().find_map(|column| step(&left, column))?;
        match step {
            // Only before the tuple does it hold of all rows.
            Step::Fixed(node) if parts.is_empty() => equal.push(node),
            Step::Fixed(_) => return None,
            Step::Leads(part) => parts.push(part),
        }
        left = rest;
    };
    if !parts.is_empty() {
        equal.push(simplest(After { parts, inclusive }));
    } else if !inclusive {
        equal.push(Node::Known(Some(false)));
    }
    (!equal.is_empty()).then_some(equal)
}

/// What a column is in a comparison of tuples.
enum Step {
    /// It is equal to a value, or NULL.
    Fixed(Node),
    /// It is compared before the others.
    Leads(AfterPart),
}

/// What the condition says of the column if it leads it, and what is left where it is equal to its value.
fn step<'a>(formula: &Formula<'a>, column: u16) -> Option<(Step, Formula<'a>)> {
    let value = formula.value(column)?;
    let within = |region| formula.within(column, region);
    let of = || Node::Column(column);
    let part =
        |value, descending, nulls| Step::Leads(AfterPart { of: of(), value: Node::Value(value), descending, nulls });
    if value.is_null() {
        // Where it is not NULL, each of the three regions is the same.
        let step = match within(Region::Less).known()? {
            true => part(value, false, Nulls::First),
            false => Step::Fixed(Node::IsNull(Box::new(of()))),
        };
        return Some((step, within(Region::Null)));
    }
    let less = within(Region::Less).known()?;
    let greater = within(Region::Greater).known()?;
    let null = within(Region::Null).known()?;
    let nulls = if null { Nulls::Last } else { Nulls::First };
    let step = match (less, greater) {
        (true, false) => part(value, true, nulls),
        (false, true) => part(value, false, nulls),
        (false, false) if !null => {
            Step::Fixed(Node::Compare(Comparison::Eq, Box::new(of()), Box::new(Node::Value(value))))
        }
        _ => return None,
    };
    Some((step, within(Region::Equal)))
}

/// A comparison of one column without NULL, where it is that.
fn simplest(after: After) -> Node {
    match after.parts.as_slice() {
        [part] if part.nulls == Nulls::First && !matches!(&part.value, Node::Value(Value::Null)) => {
            let op = match (part.descending, after.inclusive) {
                (true, false) => Comparison::Lt,
                (true, true) => Comparison::Le,
                (false, false) => Comparison::Gt,
                (false, true) => Comparison::Ge,
            };
            Node::Compare(op, Box::new(part.of.clone()), Box::new(part.value.clone()))
        }
        _ => Node::After(Box::new(after)),
    }
}

/// The same comparison without the columns that other conditions fix to one value; `None` if there are none. A column that is
/// fixed before or behind its value of the marker decides.
fn without_fixed(after: &After, conditions: &[Node]) -> Option<Node> {
    let mut parts = Vec::with_capacity(after.parts.len());
    let mut inclusive = after.inclusive;
    for part in &after.parts {
        let fixed = match (&part.of, &part.value) {
            (Node::Column(column), Node::Value(value)) => fixed(conditions, *column).map(|fixed| (fixed, value)),
            _ => None,
        };
        match fixed.map(|(fixed, value)| part.place(fixed.as_ref(), value.as_ref())) {
            None => parts.push(part.clone()),
            Some(Ordering::Equal) => {}
            Some(decided) => {
                inclusive = decided.is_gt();
                break;
            }
        }
    }
    if parts.len() == after.parts.len() {
        return None;
    }
    Some(if parts.is_empty() { Node::Known(Some(inclusive)) } else { simplest(After { parts, inclusive }) })
}

/// The only value of `is null`.
static NULL: Value = Value::Null;

/// The only value that a column can have by these conditions.
fn fixed(conditions: &[Node], column: u16) -> Option<&Value> {
    let is_column = |node: &Node| matches!(node, Node::Column(on) if *on == column);
    conditions.iter().take(MOST_BESIDE).find_map(|condition| match condition {
        Node::Compare(Comparison::Eq, left, right) => match (&**left, &**right) {
            (of, Node::Value(value)) | (Node::Value(value), of) if is_column(of) => Some(value),
            _ => None,
        },
        Node::In(of, list) if is_column(of) => match &*list.values {
            [only] => Some(only),
            _ => None,
        },
        Node::IsNull(of) if is_column(of) => Some(&NULL),
        _ => None,
    })
}

#[cfg(test)]
mod tests;
