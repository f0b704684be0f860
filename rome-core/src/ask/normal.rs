//! Brings a filter into the form that planning works on: a list of conditions that all have to be true, with `not` pushed
//! down to where nothing else is left.

use std::collections::HashSet;

use crate::expr::node::{Comparison, Node};

/// The conditions of a filter. Keeps its three-valued meaning.
pub(crate) fn conjuncts(filter: Node) -> Vec<Node> {
    let mut all = Vec::new();
    flatten(positive(filter), &mut all);
    drop_implied(&mut all);
    all
}

/// Leaves out `is not null` of columns that another condition compares with a value, which is not true of NULL.
fn drop_implied(all: &mut Vec<Node>) {
    let compared: HashSet<u16> = all.iter().filter_map(compared_column).collect();
    all.retain(|node| !not_null_column(node).is_some_and(|column| compared.contains(&column)));
}

fn compared_column(node: &Node) -> Option<u16> {
    match node {
        Node::Compare(_, left, right) => match (&**left, &**right) {
            (Node::Column(column), Node::Value(_)) => Some(*column),
            _ => None,
        },
        _ => None,
    }
}

fn not_null_column(node: &Node) -> Option<u16> {
    let Node::Not(of) = node else { return None };
    let Node::IsNull(of) = &**of else { return None };
    match &**of {
        Node::Column(column) => Some(*column),
        _ => None,
    }
}

fn flatten(node: Node, all: &mut Vec<Node>) {
    match node {
        Node::And(parts) => parts.into_iter().for_each(|part| flatten(part, all)),
        Node::Known(Some(true)) => {}
        node => all.push(node),
    }
}

fn positive(node: Node) -> Node {
    match node {
        Node::And(parts) => Node::And(parts.into_iter().map(positive).collect()),
        Node::Or(mut parts) if parts.len() == 1 => parts.pop_back().map_or(Node::Known(Some(false)), positive),
        Node::Or(parts) => Node::Or(parts.into_iter().map(positive).collect()),
        Node::Not(of) => negative(*of),
        node => node,
    }
}

/// The negation of a condition. By De Morgan's laws, which hold for three values too.
fn negative(node: Node) -> Node {
    match node {
        Node::Not(of) => positive(*of),
        Node::And(mut parts) if parts.len() == 1 => parts.pop_back().map_or(Node::Known(Some(false)), negative),
        Node::And(parts) => Node::Or(parts.into_iter().map(negative).collect()),
        Node::Or(parts) => Node::And(parts.into_iter().map(negative).collect()),
        Node::Known(known) => Node::Known(known.map(|known| !known)),
        Node::Compare(op, left, right) => Node::Compare(opposite(op), left, right),
        Node::After(after) => Node::After(Box::new(after.negated())),
        node => Node::Not(Box::new(node)),
    }
}

const fn opposite(op: Comparison) -> Comparison {
    match op {
        Comparison::Eq => Comparison::Ne,
        Comparison::Ne => Comparison::Eq,
        Comparison::Lt => Comparison::Ge,
        Comparison::Ge => Comparison::Lt,
        Comparison::Le => Comparison::Gt,
        Comparison::Gt => Comparison::Le,
    }
}
