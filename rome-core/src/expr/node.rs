//! The run-time tree behind every expression.

use std::fmt;
use std::sync::Arc;

use crate::schema::Table;
use crate::value::{Value, total_order};

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
    Column(u16),
    Value(Value),
    Arithmetic(Arithmetic, Box<Node>, Box<Node>),
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
    And(Vec<Node>),
    Or(Vec<Node>),
    Not(Box<Node>),
    /// A condition whose result is known; `None` is unknown.
    Known(Option<bool>),
}

impl Node {
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::And(mut left), Self::And(right)) => {
                left.extend(right);
                Self::And(left)
            }
            (Self::And(mut left), right) => {
                left.push(right);
                Self::And(left)
            }
            (left, right) => Self::And(vec![left, right]),
        }
    }

    pub fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Or(mut left), Self::Or(right)) => {
                left.extend(right);
                Self::Or(left)
            }
            (Self::Or(mut left), right) => {
                left.push(right);
                Self::Or(left)
            }
            (left, right) => Self::Or(vec![left, right]),
        }
    }

    /// Calls `visit` for each column that it mentions.
    pub fn for_each_column(&self, visit: &mut impl FnMut(u16)) {
        match self {
            Self::Column(position) => visit(*position),
            Self::Value(_) | Self::Known(_) => {}
            Self::Arithmetic(_, left, right) | Self::Compare(_, left, right) => {
                left.for_each_column(visit);
                right.for_each_column(visit);
            }
            Self::In(of, _)
            | Self::Like { of, .. }
            | Self::StartsWith(of, _)
            | Self::ContainsText(of, _)
            | Self::ContainsElement(of, _)
            | Self::IsNull(of)
            | Self::Not(of) => of.for_each_column(visit),
            Self::And(all) | Self::Or(all) => all.iter().for_each(|node| node.for_each_column(visit)),
        }
    }

    /// The greatest column position that it mentions.
    pub fn last_column(&self) -> Option<u16> {
        let mut last = None;
        self.for_each_column(&mut |position| last = last.max(Some(position)));
        last
    }

    /// The expression as a person would write it, with the table's column names.
    pub fn display<'a>(&'a self, table: &'a Table) -> impl fmt::Display + 'a {
        Shown { node: self, table }
    }
}

struct Shown<'a> {
    node: &'a Node,
    table: &'a Table,
}

impl Shown<'_> {
    const fn of<'b>(&'b self, node: &'b Node) -> Shown<'b> {
        Shown { node, table: self.table }
    }

    fn list(&self, f: &mut fmt::Formatter<'_>, nodes: &[Node], word: &str, empty: &str) -> fmt::Result {
        if nodes.is_empty() {
            return f.write_str(empty);
        }
        for (at, node) in nodes.iter().enumerate() {
            if at > 0 {
                write!(f, " {word} ")?;
            }
            let nested = matches!(node, Node::And(all) | Node::Or(all) if all.len() > 1);
            if nested { write!(f, "({})", self.of(node))? } else { write!(f, "{}", self.of(node))? }
        }
        Ok(())
    }
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.node {
            Node::Column(position) => f.write_str(&self.table.column(*position).name),
            Node::Value(value) => write!(f, "{value}"),
            Node::Arithmetic(op, left, right) => {
                write!(f, "({} {} {})", self.of(left), op.sign(), self.of(right))
            }
            Node::Compare(op, left, right) => {
                let sign = match op {
                    Comparison::Eq => "=",
                    Comparison::Ne => "<>",
                    Comparison::Lt => "<",
                    Comparison::Le => "<=",
                    Comparison::Gt => ">",
                    Comparison::Ge => ">=",
                };
                write!(f, "{} {sign} {}", self.of(left), self.of(right))
            }
            Node::In(of, list) => {
                write!(f, "{} in (", self.of(of))?;
                for (at, value) in list.values.iter().enumerate() {
                    write!(f, "{}{value}", if at > 0 { ", " } else { "" })?;
                }
                f.write_str(if list.has_null { ", null)" } else { ")" })
            }
            Node::Like { of, pattern, ignore_case } => {
                write!(f, "{} {} '{pattern}'", self.of(of), if *ignore_case { "ilike" } else { "like" })
            }
            Node::StartsWith(of, text) => write!(f, "{} starts with '{text}'", self.of(of)),
            Node::ContainsText(of, text) => write!(f, "{} contains '{text}'", self.of(of)),
            Node::ContainsElement(of, value) => write!(f, "{} has element {value}", self.of(of)),
            Node::IsNull(of) => write!(f, "{} is null", self.of(of)),
            Node::And(all) => self.list(f, all, "and", "true"),
            Node::Or(all) => self.list(f, all, "or", "false"),
            Node::Not(of) => match &**of {
                Node::IsNull(of) => write!(f, "{} is not null", self.of(of)),
                of => write!(f, "not ({})", self.of(of)),
            },
            Node::Known(Some(known)) => write!(f, "{known}"),
            Node::Known(None) => f.write_str("unknown"),
        }
    }
}
