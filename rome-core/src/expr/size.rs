//! How large an expression is, and how large it may be.
//!
//! Expressions are built without errors, and walked by recursion. So what is too large is replaced while it is built by a
//! leaf that says why, [`Node::Refused`]: no expression is deeper than a constant or has more parts than one, whatever it
//! is built from, and a query with that leaf is refused before it is planned. What is refused is dropped at once, so that
//! memory has the same bound.

use std::fmt;

use super::node::Node;
use crate::ask::Spec;
use crate::error::{Kind, Result};
use crate::value::Value;

/// How many levels of an expression lie in each other at most. A list of conditions is one level, and so is a chain of
/// calculations: `a | b | c` and `a + b + c`, from whichever side they are built.
pub(crate) const MOST_LEVELS: u16 = 128;

/// How many subqueries lie in each other at most.
pub(crate) const MOST_SUBQUERIES: u16 = 16;

/// How many parts (columns, values and what is done with them) the conditions of one query have at most.
pub(crate) const MOST_PARTS: u32 = 500_000;

/// How many bytes the values in the conditions of one query have at most.
pub(crate) const MOST_BYTES: u64 = 64 << 20;

/// Why an expression is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    Levels,
    Subqueries,
    Parts,
    Bytes,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Levels => write!(
                f,
                "it is nested more than {MOST_LEVELS} levels deep, which is the limit; put conditions of one level into one \
                 `Condition::any` or `Condition::all`, and calculate in fewer steps"
            ),
            Self::Subqueries => write!(
                f,
                "more than {MOST_SUBQUERIES} subqueries are nested in each other, which is the limit; ask in several queries"
            ),
            Self::Parts => write!(
                f,
                "it has more than {MOST_PARTS} parts, which is the limit; ask in several queries, or write values of one \
                 column as one list with `is_in`"
            ),
            Self::Bytes => write!(
                f,
                "its values have more than {} MiB, which is the limit; ask in several queries",
                MOST_BYTES >> 20
            ),
        }
    }
}

/// The size of an expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Size {
    levels: u16,
    /// How many subqueries lie in each other.
    subqueries: u16,
    parts: u32,
    /// Of values.
    bytes: u64,
    refused: Option<Refused>,
    /// Whether a value in it can be in no column.
    is_unstorable: bool,
}

impl Size {
    /// That of a column.
    pub const LEAF: Self = Self { levels: 1, subqueries: 0, parts: 1, bytes: 0, refused: None, is_unstorable: false };

    /// Beside another one.
    #[must_use]
    pub fn beside(self, other: Self) -> Self {
        Self {
            levels: self.levels.max(other.levels),
            subqueries: self.subqueries.max(other.subqueries),
            parts: self.parts.saturating_add(other.parts),
            bytes: self.bytes.saturating_add(other.bytes),
            refused: self.refused.or(other.refused),
            is_unstorable: self.is_unstorable || other.is_unstorable,
        }
    }

    /// Inside of one more level.
    #[must_use]
    pub const fn wrapped(self) -> Self {
        Self { levels: self.levels.saturating_add(1), parts: self.parts.saturating_add(1), ..self }
    }

    /// Out of the outermost level again.
    #[must_use]
    pub const fn unwrapped(self) -> Self {
        Self { levels: self.levels.saturating_sub(1), parts: self.parts.saturating_sub(1), ..self }
    }

    /// With values of so many bytes more.
    #[must_use]
    pub const fn and_bytes(self, bytes: usize) -> Self {
        Self { bytes: self.bytes.saturating_add(bytes as u64), ..self }
    }

    /// How many levels lie in each other.
    pub const fn levels(self) -> u16 {
        self.levels
    }

    /// Why it is too much, if it is.
    pub const fn refused(self) -> Option<Refused> {
        match self.refused {
            Some(why) => Some(why),
            None if self.subqueries > MOST_SUBQUERIES => Some(Refused::Subqueries),
            None if self.levels > MOST_LEVELS => Some(Refused::Levels),
            None if self.parts > MOST_PARTS => Some(Refused::Parts),
            None if self.bytes > MOST_BYTES => Some(Refused::Bytes),
            None => None,
        }
    }

    /// The expression of this size, or the leaf that takes its place; and its size.
    pub fn limit(self, make: impl FnOnce() -> Node) -> (Node, Self) {
        match self.refused() {
            None => (make(), self),
            Some(why) => (Node::Refused(why), Self { refused: Some(why), ..Self::LEAF }),
        }
    }

    /// That of a value.
    pub fn of_value(value: &Value) -> Self {
        Self::LEAF.and_bytes(heap(value))
    }

    /// That of an expression, by a look at all of it.
    pub fn of(node: &Node) -> Self {
        match node {
            Node::Column(_) | Node::Of(..) | Node::Known(_) => Self::LEAF,
            Node::Unstorable(_) => Self { is_unstorable: true, ..Self::LEAF },
            Node::Value(value) => Self::of_value(value),
            Node::Refused(why) => Self { refused: Some(*why), ..Self::LEAF },
            Node::Aggregate(aggregate) => aggregate.of.as_ref().map_or(Self::LEAF, |of| Self::of(of).wrapped()),
            Node::Compare(_, left, right) => Self::of(left).beside(Self::of(right)).wrapped(),
            Node::Calculation(start, steps) => {
                let steps = steps.iter().map(|step| Self::of(&step.operand));
                steps.fold(Self::of(start), Self::beside).wrapped()
            }
            // Copies share the list.
            Node::In(of, _) => Self::of(of).wrapped(),
            Node::Like { of, pattern, .. } => Self::of(of).wrapped().and_bytes(pattern.len()),
            Node::StartsWith(of, text) | Node::ContainsText(of, text) => Self::of(of).wrapped().and_bytes(text.len()),
            Node::ContainsElement(of, value) => Self::of(of).wrapped().and_bytes(heap(value)),
            Node::IsNull(of) | Node::Not(of) | Node::NotTrue(of) => Self::of(of).wrapped(),
            Node::And(all) | Node::Or(all) => Self::of_all(all).wrapped(),
            Node::InTuples(all, _) => Self::of_all(all).wrapped(),
            Node::After(after) => Self::of_all(after.nodes()).wrapped(),
            Node::Exists(exists) => Self::of_all(&exists.of).beside(Self::of_subquery(&exists.spec)).wrapped(),
            Node::InQuery(query) => Self::of(&query.of).beside(Self::of_subquery(&query.spec)).wrapped(),
        }
    }

    /// That of expressions beside each other.
    pub fn of_all<'a>(all: impl IntoIterator<Item = &'a Node>) -> Self {
        all.into_iter().map(Self::of).fold(Self::default(), Self::beside)
    }

    fn of_subquery(spec: &Spec) -> Self {
        let inside = Self::of_all(&spec.filter);
        Self { subqueries: inside.subqueries + 1, ..inside }
    }
}

/// How many bytes a value has outside of itself.
fn heap(value: &Value) -> usize {
    match value {
        Value::Bytes(bytes) => bytes.len(),
        // No column holds lists of lists, so this does not go deeper.
        Value::List(all) => all.iter().map(|value| size_of::<Value>() + text(value)).sum(),
        other => text(other),
    }
}

fn text(value: &Value) -> usize {
    match value {
        Value::Text(text) | Value::Json(text) => text.len(),
        _ => 0,
    }
}

/// Refuses expressions of a query that are too large, each by itself or all together, and those with a value that no column
/// holds, which nothing is equal to. `what` says which they are.
///
/// # Errors
/// [`is_limit_exceeded`](crate::Error::is_limit_exceeded), naming the limit and what to do; [`is_invalid`](crate::Error::is_invalid) for the value.
pub(crate) fn check<'a>(
    all: impl IntoIterator<Item = &'a Node, IntoIter: Clone>,
    what: impl FnOnce() -> String,
) -> Result<()> {
    let all = all.into_iter();
    let size = Size::of_all(all.clone());
    if size.is_unstorable {
        let why = all.clone().find_map(Node::unstorable).map_or_else(String::new, |why| why.to_string());
        return Err(crate::Error::invalid(format!("{} has a value that no column holds: {why}", what())));
    }
    match size.refused() {
        None => Ok(()),
        Some(why) => Err(Kind::Limit(format!("{} is too large: {why}", what())).into()),
    }
}
