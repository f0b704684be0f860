//! Aggregates that an aggregate index answers: no row is looked at.

use std::fmt::Write as _;

use super::constraint::{self, ConstraintKind, Reading};
use super::matching::multiply;
use super::tree::Tree;
use super::{Explain, partition};
use crate::ask::{IndexChoice, SoftDeleted, Spec};
use crate::catalog::{StoredAggregate, StoredTable};
use crate::expr::aggregate::{Aggregate, Func};
use crate::expr::node::Node;
use crate::session::Reader;
use crate::store::Partition;
use crate::value::Value;

/// The most groups, or beginnings of groups, that are asked for by their values.
const MOST_GROUPS: usize = 1000;

/// How an aggregate index answers.
#[derive(Debug)]
pub(crate) struct ByAggregate {
    /// Its place in the table.
    pub at: usize,
    /// The encoded leading columns of the groups that are asked for, in order.
    pub prefixes: Vec<Vec<u8>>,
    /// How many columns they have. If it is all of them, each is a group, and otherwise the beginning of some.
    pub fixed: usize,
    /// Whether sums are asked for, and not only the numbers of rows.
    pub sums: bool,
    /// The only partition that has rows of these groups, if the filter says so.
    pub partition: Option<Partition>,
}

/// The aggregate index that answers a query by the fewest counters; none if none does: its columns have to be those of the
/// filter, each equal to a value or one of several, and those that are grouped by.
pub(crate) fn by_aggregate(
    target: Reader<'_>,
    table: &StoredTable,
    spec: &Spec,
    by: &[Node],
    aggregates: &[Aggregate],
) -> Option<ByAggregate> {
    if table.aggregates.is_empty() {
        return None;
    }
    let whole = spec.window.is_all() && spec.after.is_none() && spec.indexes == IndexChoice::Any;
    let hides = table.def.deleted_at.is_none() || spec.deleted == SoftDeleted::Exclude;
    if !whole || !hides {
        return None;
    }
    let mut fixed: Vec<(u16, &[Value])> = Vec::with_capacity(spec.filter.len());
    for condition in &spec.filter {
        let Reading::Constraint(found) = constraint::read(condition, table.def) else { return None };
        let ConstraintKind::OneOf(values) = found.kind else { return None };
        if !found.exact || fixed.iter().any(|(column, _)| *column == found.column) {
            return None;
        }
        fixed.push((found.column, values));
    }
    let mut grouped = Vec::with_capacity(by.len());
    for node in by {
        let Node::Column(column) = node else { return None };
        grouped.push(*column);
    }
    let serves =
        |(at, aggregate): (usize, &StoredAggregate)| serve(table, (at, aggregate), &fixed, &grouped, aggregates);
    let all = table.aggregates.iter().enumerate().filter_map(serves);
    let best = all.min_by_key(|found| {
        let columns = table.aggregates.get(found.at).map_or(0, |aggregate| aggregate.def.by.len());
        (columns - found.fixed, columns)
    })?;
    let conditions: Vec<&Node> = spec.filter.iter().collect();
    Some(ByAggregate { partition: partition(target, table, &conditions), ..best })
}

/// How one aggregate index answers, if it does.
fn serve(
    table: &StoredTable,
    (at, aggregate): (usize, &StoredAggregate),
    fixed: &[(u16, &[Value])],
    grouped: &[u16],
    aggregates: &[Aggregate],
) -> Option<ByAggregate> {
    let def = aggregate.def;
    if !aggregate.is_readable() || def.unless != table.def.deleted_at {
        return None;
    }
    if !fixed.iter().map(|(column, _)| column).chain(grouped).all(|column| def.by.contains(column)) {
        return None;
    }
    let mut sums = false;
    for aggregate in aggregates {
        let column = match aggregate.of {
            None => None,
            Some(Node::Column(column)) => Some(column),
            Some(_) => return None,
        };
        let of_sum = column.is_some() && column == def.sum;
        sums |= of_sum;
        let counted = column.is_none_or(|column| def.by.contains(&column) || !table.def.column(column).nullable);
        match aggregate.func {
            Func::Count if of_sum || counted => {}
            Func::Sum | Func::Avg if of_sum => {}
            _ => return None,
        }
    }
    let leading = def.by.iter().map_while(|column| fixed.iter().find(|(of, _)| of == column));
    let leading: Vec<&[Value]> = leading.map(|(_, values)| *values).collect();
    // A condition that is not on the leading columns would have to be tested on all groups, and a store counts the rows of
    // an index sooner than it gives many groups.
    let only_counts = !sums && grouped.is_empty();
    if leading.len() < fixed.len() || (only_counts && leading.len() < def.by.len()) {
        return None;
    }
    let mut prefixes = vec![Vec::new()];
    for values in &leading {
        if prefixes.len() * values.len() > MOST_GROUPS {
            return None;
        }
        prefixes = multiply(prefixes, values, false);
    }
    prefixes.sort_unstable();
    prefixes.dedup();
    Some(ByAggregate { at, prefixes, fixed: leading.len(), sums, partition: None })
}

impl ByAggregate {
    /// Whether the groups are known, and not only how they begin.
    pub fn is_of_groups(&self, aggregate: &StoredAggregate) -> bool {
        self.fixed == aggregate.def.by.len()
    }

    /// For people to read.
    pub fn explain(&self, table: &StoredTable, partitions: usize) -> Explain {
        let aggregate = table.aggregate(self.at);
        let names = |columns: &[u16]| {
            let names: Vec<&str> = columns.iter().map(|at| table.def.column(*at).name.as_ref()).collect();
            names.join(", ")
        };
        let name = &aggregate.def.name;
        let n = self.prefixes.len();
        let what = match (self.is_of_groups(aggregate), self.fixed, n) {
            (true, _, 1) => "1 group".to_owned(),
            (true, ..) => format!("{n} groups"),
            (false, 0, _) => "all groups".to_owned(),
            (false, ..) => {
                let fixed = aggregate.def.by.get(..self.fixed).unwrap_or_default();
                format!("the groups of {n} {}", if n == 1 { names(fixed) } else { format!("({})", names(fixed)) })
            }
        };
        let by = names(&aggregate.def.by);
        let mut text = format!("Scan {} by aggregate index {name} ({by}), {what}", table.def.name);
        if partitions > 1 {
            let _ = match self.partition {
                Some(Partition(at)) => write!(text, ", in partition {at} of {partitions}"),
                None => write!(text, ", in all {partitions} partitions"),
            };
        }
        let tree = Tree::reading(text, aggregate.space()).under("Group by adding up counters, reading no rows");
        Explain::of_aggregate(tree, name.clone())
    }
}
