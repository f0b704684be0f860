//! What a group-by asks for, without its types.

use super::{JoinSpec, ScanPolicy, Spec, Window};
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
    pub window: Window,
}

/// One part of the order of groups.
#[derive(Debug, Clone)]
pub(crate) struct GroupOrder {
    pub node: Node,
    pub descending: bool,
    pub nulls: Nulls,
}

/// The rows that are grouped.
#[derive(Debug, Clone)]
pub(crate) enum GroupedRows {
    Table(Box<Spec>),
    Join(Box<JoinSpec>),
}

impl GroupedRows {
    pub fn table(&self) -> &'static str {
        match self {
            Self::Table(spec) => spec.table.name,
            Self::Join(spec) => spec.parts.first().map_or("", |part| part.spec.table.name),
        }
    }

    pub fn scan_policy(&self) -> Option<ScanPolicy> {
        match self {
            Self::Table(spec) => spec.policy,
            Self::Join(spec) => spec.parts.first().and_then(|part| part.spec.policy),
        }
    }
}
