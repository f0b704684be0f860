//! What a group-by asks for, without its types.

use crate::expr::Nulls;
use crate::expr::node::Node;

/// The place of a group in expressions about it: [`Node::Of`] this place is a column of the group, then an aggregate.
pub(crate) const GROUP: u8 = u8::MAX;

/// What a group-by asks for. Its rows are those of a query on a table or of a join.
#[derive(Debug, Clone, Default)]
pub(crate) struct GroupSpec {
    /// The columns; none: all rows are one group.
    pub by: Vec<Node>,
    /// Conditions on the groups that all have to be true.
    pub having: Vec<Node>,
    /// What is given of each group.
    pub output: Vec<Node>,
    pub order: Vec<GroupOrder>,
    pub limit: Option<u64>,
    pub offset: u64,
}

impl GroupSpec {
    /// These rows of groups without those before the offset and behind the limit.
    pub fn cut<T>(&self, rows: Vec<T>) -> Vec<T> {
        let from = usize::try_from(self.offset).unwrap_or(usize::MAX);
        let limit = self.limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
        rows.into_iter().skip(from).take(limit).collect()
    }

    /// How many groups are read at most, those before the offset among them.
    pub fn wanted(&self) -> Option<usize> {
        self.limit.map(|limit| usize::try_from(limit.saturating_add(self.offset)).unwrap_or(usize::MAX))
    }
}

/// One part of the order of groups.
#[derive(Debug, Clone)]
pub(crate) struct GroupOrder {
    pub node: Node,
    pub descending: bool,
    pub nulls: Nulls,
}
