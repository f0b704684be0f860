//! Expressions as a person would write them, for `explain` and errors.

use std::collections::VecDeque;
use std::fmt;

use super::after::{After, AfterPart};
use super::node::{Comparison, Node, Step};
use super::order::Nulls;
use crate::schema::Table;

/// What the columns of an expression are called.
#[derive(Clone, Copy)]
pub(crate) enum Names<'a> {
    /// Those of a table.
    Table(&'a Table),
    /// Those of the tables of a join, each after what its table is called there.
    Join(&'a [(&'a str, &'a Table)]),
}

impl Names<'_> {
    /// Writes the name of a column.
    pub fn write(&self, f: &mut impl fmt::Write, place: u8, column: u16) -> fmt::Result {
        match self {
            Self::Table(table) => f.write_str(&table.column(column).name),
            Self::Join(tables) => match tables.get(usize::from(place)) {
                Some((name, table)) => write!(f, "{name}.{}", table.column(column).name),
                None => f.write_str("?"),
            },
        }
    }
}

impl Node {
    /// The expression as a person would write it, with the table's column names.
    pub fn display<'a>(&'a self, table: &'a Table) -> impl fmt::Display + 'a {
        self.display_with(Names::Table(table))
    }

    /// The same with the names that a join's columns have.
    pub const fn display_with<'a>(&'a self, names: Names<'a>) -> Shown<'a> {
        Shown { node: self, names, values: true }
    }
}

/// An expression and what its columns are called.
pub(crate) struct Shown<'a> {
    node: &'a Node,
    names: Names<'a>,
    values: bool,
}

impl Shown<'_> {
    /// Whether values are shown, or `?` in the place of each.
    pub const fn values(mut self, shown: bool) -> Self {
        self.values = shown;
        self
    }

    const fn of<'b>(&'b self, node: &'b Node) -> Shown<'b> {
        Shown { node, names: self.names, values: self.values }
    }

    /// The same of another table.
    const fn at<'b>(&self, node: &'b Node, table: &'b Table) -> Shown<'b> {
        Shown { node, names: Names::Table(table), values: self.values }
    }

    /// A value, or a mark in its place.
    fn value(&self, f: &mut fmt::Formatter<'_>, value: &dyn fmt::Display) -> fmt::Result {
        if self.values { write!(f, "{value}") } else { f.write_str("?") }
    }

    /// Text in quotes, or a mark in its place.
    fn text(&self, f: &mut fmt::Formatter<'_>, text: &dyn fmt::Display) -> fmt::Result {
        if self.values { write!(f, "'{text}'") } else { f.write_str("?") }
    }

    fn list(&self, f: &mut fmt::Formatter<'_>, nodes: &VecDeque<Node>, word: &str, empty: &str) -> fmt::Result {
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

    fn calculation(&self, f: &mut fmt::Formatter<'_>, start: &Node, steps: &[Step]) -> fmt::Result {
        for step in steps.iter().rev() {
            f.write_str("(")?;
            if step.before {
                write!(f, "{} {} ", self.of(&step.operand), step.op.sign())?;
            }
        }
        write!(f, "{}", self.of(start))?;
        for step in steps {
            if !step.before {
                write!(f, " {} {}", step.op.sign(), self.of(&step.operand))?;
            }
            f.write_str(")")?;
        }
        Ok(())
    }

    /// `(created_at desc, id desc) after (3, 7)`. The ascending direction goes without saying, and NULL's usual place too.
    fn after(&self, f: &mut fmt::Formatter<'_>, after: &After) -> fmt::Result {
        let list = |f: &mut fmt::Formatter<'_>, one: &dyn Fn(&mut fmt::Formatter<'_>, &AfterPart) -> fmt::Result| {
            let (open, close) = if after.parts.len() == 1 { ("", "") } else { ("(", ")") };
            f.write_str(open)?;
            for (at, part) in after.parts.iter().enumerate() {
                f.write_str(if at > 0 { ", " } else { "" })?;
                one(f, part)?;
            }
            f.write_str(close)
        };
        list(f, &|f, part| {
            write!(f, "{}{}", self.of(&part.of), if part.descending { " desc" } else { "" })?;
            match part.nulls {
                _ if part.has_natural_nulls() => Ok(()),
                Nulls::First => f.write_str(" nulls first"),
                Nulls::Last => f.write_str(" nulls last"),
            }
        })?;
        f.write_str(if after.inclusive { " at or after " } else { " after " })?;
        list(f, &|f, part| write!(f, "{}", self.of(&part.value)))
    }

    fn tuple(&self, f: &mut fmt::Formatter<'_>, nodes: &[Node]) -> fmt::Result {
        if let [only] = nodes {
            return write!(f, "{}", self.of(only));
        }
        f.write_str("(")?;
        for (at, node) in nodes.iter().enumerate() {
            write!(f, "{}{}", if at > 0 { ", " } else { "" }, self.of(node))?;
        }
        f.write_str(")")
    }
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.node {
            Node::Column(position) => self.names.write(f, 0, *position),
            Node::Of(place, position) => self.names.write(f, *place, *position),
            Node::Value(value) => self.value(f, value),
            Node::Unstorable(_) => f.write_str("a value that no column holds"),
            Node::Calculation(start, steps) => self.calculation(f, start, steps),
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
                if !self.values {
                    return f.write_str("?)");
                }
                for (at, value) in list.values.iter().enumerate() {
                    write!(f, "{}{value}", if at > 0 { ", " } else { "" })?;
                }
                f.write_str(if list.has_null { ", null)" } else { ")" })
            }
            Node::Like { of, pattern, ignore_case } => {
                write!(f, "{} {} ", self.of(of), if *ignore_case { "ilike" } else { "like" })?;
                self.text(f, pattern)
            }
            Node::StartsWith(of, text) => {
                write!(f, "{} starts with ", self.of(of))?;
                self.text(f, text)
            }
            Node::ContainsText(of, text) => {
                write!(f, "{} contains ", self.of(of))?;
                self.text(f, text)
            }
            Node::ContainsElement(of, value) => {
                write!(f, "{} has element ", self.of(of))?;
                self.value(f, value)
            }
            Node::IsNull(of) => write!(f, "{} is null", self.of(of)),
            Node::And(all) => self.list(f, all, "and", "true"),
            Node::Or(all) => self.list(f, all, "or", "false"),
            Node::Not(of) => match &**of {
                Node::IsNull(of) => write!(f, "{} is not null", self.of(of)),
                of => write!(f, "not ({})", self.of(of)),
            },
            Node::NotTrue(of) => write!(f, "({}) is not true", self.of(of)),
            Node::Known(Some(known)) => write!(f, "{known}"),
            Node::Known(None) => f.write_str("unknown"),
            Node::Refused(_) => f.write_str("(an expression that is too large)"),
            Node::InTuples(of, tuples) => {
                self.tuple(f, of)?;
                let n = tuples.len();
                write!(f, " in ({n} {})", if n == 1 { "value" } else { "values" })
            }
            Node::After(after) => self.after(f, after),
            Node::Aggregate(aggregate) => {
                let func = aggregate.func.name();
                match &aggregate.of {
                    None => write!(f, "{func}(*)"),
                    Some(of) => write!(f, "{func}({})", self.of(of)),
                }
            }
            Node::Exists(exists) => {
                write!(f, "exists ({} by ", exists.spec.table.name)?;
                self.tuple(f, &exists.of)?;
                for condition in &exists.spec.filter {
                    write!(f, ", {}", self.at(condition, exists.spec.table))?;
                }
                f.write_str(")")
            }
            Node::InQuery(query) => {
                let table = query.spec.table;
                write!(f, "{} in (select {} from {}", self.of(&query.of), table.column(query.column).name, table.name)?;
                for (at, condition) in query.spec.filter.iter().enumerate() {
                    let word = if at == 0 { "where" } else { "and" };
                    write!(f, " {word} {}", self.at(condition, table))?;
                }
                f.write_str(")")
            }
        }
    }
}
