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

/// One part of the order of groups.
#[derive(Debug, Clone)]
pub(crate) struct GroupOrder {
    pub node: Node,
    pub descending: bool,
    pub nulls: Nulls,
}
