//! Conditions as the test makes them, and their naive evaluation with SQL's three-valued logic.

use std::cmp::Ordering;

use super::markers::Marker;
use super::row::{Col, Row, Val, compare, kind_label};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
}

impl Op {
    pub fn holds(self, ordering: Ordering) -> bool {
        match self {
            Self::Eq => ordering.is_eq(),
            Self::Ne => !ordering.is_eq(),
            Self::Lt => ordering.is_lt(),
            Self::Le => !ordering.is_gt(),
            Self::Gt => ordering.is_gt(),
            Self::Ge => !ordering.is_lt(),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sum {
    Add,
    Sub,
    Mul,
    Div,
    Rem,
}

/// A number calculated from a column.
#[derive(Clone, Debug)]
pub struct Calc {
    pub col: Col,
    pub sum: Sum,
    pub by: Term,
}

#[derive(Clone, Debug)]
pub enum Term {
    Val(Val),
    Col(Col),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Match {
    Like,
    ILike,
    StartsWith,
    Contains,
}

#[derive(Clone, Debug)]
pub enum Cond {
    /// `dynamic`: by the column's run-time name.
    Cmp {
        op: Op,
        col: Col,
        val: Val,
        dynamic: bool,
    },
    Cols {
        op: Op,
        left: Col,
        right: Col,
    },
    Calc {
        op: Op,
        left: Calc,
        right: Term,
    },
    Between {
        col: Col,
        low: Val,
        high: Val,
    },
    In {
        col: Col,
        vals: Vec<Val>,
        not: bool,
        dynamic: bool,
    },
    /// `col in (values..., other column)`.
    InCols {
        col: Col,
        vals: Vec<Val>,
        other: Col,
    },
    Text {
        how: Match,
        col: Col,
        text: String,
        dynamic: bool,
    },
    HasTag {
        tag: String,
        dynamic: bool,
    },
    HasMark(i32),
    IsNull {
        col: Col,
        not: bool,
        dynamic: bool,
    },
    After(Marker),
    And(Vec<Cond>),
    Or(Vec<Cond>),
    Not(Box<Cond>),
}

pub fn calculate(row: &Row, calc: &Calc) -> Val {
    let by = term(row, &calc.by);
    match (row.get(calc.col), by) {
        (Val::Null, _) | (_, Val::Null) => Val::Null,
        (Val::Int(a), Val::Int(b)) => match calc.sum {
            Sum::Add => Val::Int(a + b),
            Sum::Sub => Val::Int(a - b),
            Sum::Mul => Val::Int(a * b),
            Sum::Div | Sum::Rem if b == 0 => Val::Null,
            Sum::Div => Val::Int(a / b),
            Sum::Rem => Val::Int(a % b),
        },
        (Val::Float(a), Val::Float(b)) => match calc.sum {
            Sum::Add => Val::Float(a + b),
            Sum::Sub => Val::Float(a - b),
            Sum::Mul => Val::Float(a * b),
            Sum::Div | Sum::Rem if b == 0.0 => Val::Null,
            Sum::Div => Val::Float(a / b),
            Sum::Rem => Val::Float(a % b),
        },
        (a, b) => panic!("the test calculates with {a:?} and {b:?}"),
    }
}

pub fn term(row: &Row, term: &Term) -> Val {
    match term {
        Term::Val(val) => val.clone(),
        Term::Col(col) => row.get(*col),
    }
}

fn cmp(op: Op, a: &Val, b: &Val) -> Option<bool> {
    compare(a, b).map(|ordering| op.holds(ordering))
}

fn and(all: impl IntoIterator<Item = Option<bool>>) -> Option<bool> {
    let mut result = Some(true);
    for one in all {
        result = match (result, one) {
            (Some(false), _) | (_, Some(false)) => Some(false),
            (Some(true), Some(true)) => Some(true),
            _ => None,
        };
    }
    result
}

fn or(all: impl IntoIterator<Item = Option<bool>>) -> Option<bool> {
    not(and(all.into_iter().map(not)))
}

fn not(a: Option<bool>) -> Option<bool> {
    a.map(|a| !a)
}

/// Pattern matching by plain recursion.
fn like(pattern: &[char], text: &[char]) -> bool {
    match (pattern, text) {
        ([], text) => text.is_empty(),
        (['%', rest @ ..], text) => (0..=text.len()).any(|from| like(rest, &text[from..])),
        (['_', rest @ ..], [_, text @ ..]) => like(rest, text),
        (['\\', literal, rest @ ..], [c, text @ ..]) => literal == c && like(rest, text),
        (['\\'], ['\\']) => true,
        ([literal, rest @ ..], [c, text @ ..]) => {
            *literal != '\\' && *literal != '_' && literal == c && like(rest, text)
        }
        _ => false,
    }
}

/// Lower case where it is one character.
pub fn lower(text: &str) -> String {
    let one = |c: char| {
        let lower: Vec<char> = c.to_lowercase().collect();
        if lower.len() == 1 { lower[0] } else { c }
    };
    text.chars().map(one).collect()
}

fn matches(how: Match, text: &str, part: &str) -> bool {
    let chars = |text: &str| text.chars().collect::<Vec<_>>();
    match how {
        Match::Like => like(&chars(part), &chars(text)),
        Match::ILike => like(&chars(&lower(part)), &chars(&lower(text))),
        Match::StartsWith => text.as_bytes().starts_with(part.as_bytes()),
        Match::Contains => part.is_empty() || text.as_bytes().windows(part.len()).any(|w| w == part.as_bytes()),
    }
}

impl Cond {
    /// Whether it is true for a row; none: unknown.
    pub fn test(&self, row: &Row) -> Option<bool> {
        match self {
            Self::Cmp { op, col, val, .. } => cmp(*op, &row.get(*col), val),
            Self::Cols { op, left, right } => cmp(*op, &row.get(*left), &row.get(*right)),
            Self::Calc { op, left, right } => cmp(*op, &calculate(row, left), &term(row, right)),
            Self::Between { col, low, high } => {
                let value = row.get(*col);
                and([cmp(Op::Ge, &value, low), cmp(Op::Le, &value, high)])
            }
            Self::In { col, vals, not: negated, .. } => {
                let value = row.get(*col);
                let any = or(vals.iter().map(|val| cmp(Op::Eq, &value, val)));
                if *negated { not(any) } else { any }
            }
            Self::InCols { col, vals, other } => {
                let value = row.get(*col);
                let other = cmp(Op::Eq, &value, &row.get(*other));
                or(vals.iter().map(|val| cmp(Op::Eq, &value, val)).chain([other]))
            }
            Self::Text { how, col, text, .. } => match row.get(*col) {
                Val::Text(value) => Some(matches(*how, &value, text)),
                Val::Kind(kind) => Some(matches(*how, kind_label(kind), text)),
                _ => None,
            },
            Self::HasTag { tag, .. } => Some(row.tags.contains(tag)),
            Self::HasMark(mark) => Some(row.marks.contains(mark)),
            Self::IsNull { col, not, .. } => Some(row.get(*col).is_null() != *not),
            Self::After(marker) => Some(marker.test(row)),
            Self::And(all) => and(all.iter().map(|cond| cond.test(row))),
            Self::Or(all) => or(all.iter().map(|cond| cond.test(row))),
            Self::Not(of) => not(of.test(row)),
        }
    }
}
