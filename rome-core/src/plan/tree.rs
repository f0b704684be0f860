//! Trees of operators as text: one operator on each line, indented below the operator that takes its rows.
//!
//! A tree is kept as its lines, each with its depth. So it is built, printed and dropped without recursion, however deep it is.

use std::fmt;

use crate::store::Space;

/// One tree of operators, or several beside each other.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Tree {
    lines: Vec<Line>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Line {
    depth: usize,
    text: String,
    /// What the operator reads.
    reads: Option<Space>,
    /// The way that begins here, if it competes with others.
    way: Option<&'static str>,
}

/// What is known of a line besides its operator once the query has run.
pub(crate) struct Noted<'a> {
    pub reads: Option<Space>,
    pub way: Option<&'a str>,
}

impl Tree {
    /// An operator that takes no rows of others.
    pub fn of(text: impl Into<String>) -> Self {
        Self { lines: vec![Line { depth: 0, text: text.into(), reads: None, way: None }] }
    }

    /// An operator that reads a table or an index.
    pub fn reading(text: impl Into<String>, space: Space) -> Self {
        Self { lines: vec![Line { depth: 0, text: text.into(), reads: Some(space), way: None }] }
    }

    /// The trees, below an operator that takes their rows.
    pub fn under(mut self, operator: impl Into<String>) -> Self {
        self.lines.iter_mut().for_each(|line| line.depth += 1);
        self.lines.insert(0, Line { depth: 0, text: operator.into(), reads: None, way: None });
        self
    }

    /// The same below an operator that reads a table or an index itself.
    pub fn under_reading(self, operator: impl Into<String>, space: Space) -> Self {
        let mut tree = self.under(operator);
        if let Some(first) = tree.lines.first_mut() {
            first.reads = Some(space);
        }
        tree
    }

    /// The trees, and others beside them.
    pub fn beside(mut self, others: Self) -> Self {
        self.lines.extend(others.lines);
        self
    }

    /// The trees, and another way to the same rows.
    pub fn competing_with(self, other: Self) -> Self {
        self.beside(other.under("competes with"))
    }

    /// Names the way that the tree is.
    pub fn named(mut self, way: &'static str) -> Self {
        if let Some(first) = self.lines.first_mut() {
            first.way = Some(way);
        }
        self
    }

    /// How many of its operators read this.
    pub fn readers(&self, space: Space) -> usize {
        self.lines.iter().filter(|line| line.reads == Some(space)).count()
    }

    /// Writes the lines, each with what `note` says of it.
    pub fn write(
        &self,
        f: &mut fmt::Formatter<'_>,
        note: &dyn Fn(&mut fmt::Formatter<'_>, &Noted<'_>) -> fmt::Result,
    ) -> fmt::Result {
        for (at, line) in self.lines.iter().enumerate() {
            let end = if at == 0 { "" } else { "\n" };
            write!(f, "{end}{:indent$}{}", "", line.text, indent = 2 * line.depth)?;
            note(f, &Noted { reads: line.reads, way: line.way })?;
        }
        Ok(())
    }
}

impl fmt::Display for Tree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, &|_, _| Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::Tree;

    #[test]
    fn operators_stand_below_those_that_take_their_rows() {
        let tree =
            Tree::of("Scan a").under("Filter x").competing_with(Tree::of("Scan b").under("Sort")).under("Limit 3");
        assert_eq!(tree.to_string(), "Limit 3\n  Filter x\n    Scan a\n  competes with\n    Sort\n      Scan b");
    }

    #[test]
    fn a_deep_tree_takes_no_stack() {
        let deep = (0..2_000).fold(Tree::of("Scan a"), |tree, _| tree.under("Filter x"));
        assert_eq!(deep.lines.last().map(|line| line.depth), Some(2_000));
        assert!(deep.clone().to_string().ends_with("Scan a"));
    }
}
