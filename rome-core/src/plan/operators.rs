//! The operators of a plan on one table, for people to read.

use super::measure::PROBE;
use super::partners::Partner;
use super::placed::finds_each;
use super::tree::Tree;
use super::{Access, Detour, Plan, Skip, behind_values, way_name};
use crate::ask::{OrderPart, Spec, Window};
use crate::catalog::StoredTable;
use crate::cut::{LONG, cut};
use crate::expr::node::Node;
use crate::placement::Placement;
use crate::schema::IndexPart;
use crate::store::Partition;
use crate::value::{ValueRef, key};

/// How many of the ways of a union are shown.
const MOST_SHOWN: usize = 8;

/// The ways to the rows of a query.
pub(super) struct Ways<'a> {
    pub table: &'a StoredTable,
    pub spec: &'a Spec,
    pub placement: Placement,
    /// What tests conditions that ask other tables.
    pub partners: &'a [Partner],
    /// Whether ways compete, so that each of them is read batch by batch.
    pub is_trial: bool,
}

/// The operator that stops: a tree of rows under the offset and limit of a query.
pub(super) fn limited(window: &Window, tree: Tree) -> Tree {
    match (window.limit, window.offset) {
        (None, 0) => tree,
        (None, offset) => tree.under(format!("Offset {offset}")),
        (Some(limit), 0) => tree.under(format!("Limit {limit}")),
        (Some(limit), offset) => tree.under(format!("Limit {limit} offset {offset}")),
    }
}

/// The operator that tests a condition.
pub(super) fn filter(condition: &Node, table: &StoredTable) -> String {
    format!("Filter {}", cut(&condition.display(table.def), LONG))
}

impl Ways<'_> {
    /// All ways of a plan: the one that it is, those that compete with it, and those that were not taken.
    pub fn tree(&self, plan: &Plan) -> Tree {
        self.not_taken(plan, self.competing(plan))
    }

    /// The way that a plan is, and those that compete with it.
    pub fn competing(&self, plan: &Plan) -> Tree {
        let mut tree = self.way(plan);
        if let Some(rival) = &plan.rival {
            tree = tree.competing_with(self.way(rival));
        }
        if let Some(detour) = &plan.detour {
            tree = tree.competing_with(self.detour(detour));
        }
        tree
    }

    /// The same and those that were not taken.
    pub fn not_taken(&self, plan: &Plan, tree: Tree) -> Tree {
        plan.rejected.iter().fold(tree, |tree, (access, estimate)| {
            let what = match access {
                Access::Union(all) => format!("Union of {} ways", all.len()),
                access => read(self.table, access),
            };
            tree.beside(Tree::of(format!("not taken: {what}{}", rows(*estimate))))
        })
    }

    /// One way, without those that compete with it.
    pub fn way(&self, plan: &Plan) -> Tree {
        self.above(plan, self.access(plan))
    }

    /// What is done with the rows that a plan finds.
    fn above(&self, plan: &Plan, found: Tree) -> Tree {
        let Self { table, spec, .. } = self;
        let mut tree = found;
        if let Some(residual) = &plan.residual {
            tree = tree.under(filter(residual, table));
        }
        let order = spec.full_order();
        if !plan.gives_order(spec) {
            tree = tree.under(self.sort(&order));
        } else if !plan.ordered {
            let (first, rest) = order.split_at_checked(plan.leading).unwrap_or((&order, &[]));
            let (first, rest) = (self.parts(first), self.parts(rest));
            tree = tree.under(format!("Sort by {rest} among rows of equal {first}"));
        }
        let tree = self.partners.iter().fold(tree, |tree, partner| partner.above(tree));
        if !self.is_trial {
            return tree;
        }
        let walks = plan.leading > 0 || plan.ordered && (plan.resumed || spec.after.is_none());
        tree.named(if walks { way_name::WALK } else { way_name::COLLECT })
    }

    /// The operator that puts rows in order. The first rows are kept in a heap where nothing competes.
    fn sort(&self, order: &[OrderPart]) -> String {
        match self.spec.window.reach() {
            Some(wanted) if !self.is_trial => format!("TopN {wanted} by {}", self.parts(order)),
            _ => format!("Sort by {}", self.parts(order)),
        }
    }

    fn parts(&self, order: &[OrderPart]) -> String {
        let part = |part: &OrderPart| {
            let direction = if part.descending { "desc" } else { "asc" };
            format!("{} {direction}", self.table.def.column(part.column).name)
        };
        order.iter().map(part).collect::<Vec<_>>().join(", ")
    }

    /// What reads rows, each of which is given once.
    fn access(&self, plan: &Plan) -> Tree {
        let Self { table, spec, placement, .. } = self;
        let in_order = !spec.order.is_empty() && plan.gives_order(spec);
        let place = where_it_reads(table, plan, *placement);
        if let Access::Union(all) = &plan.access {
            let shown = all.iter().take(MOST_SHOWN).map(|access| leaf(table, access, "", None));
            let mut tree = shown.fold(Tree::default(), Tree::beside);
            if let Some(more) = all.len().checked_sub(MOST_SHOWN).filter(|more| *more > 0) {
                tree = tree.beside(Tree::of(format!("… and {more} more")));
            }
            let place = place.unwrap_or_default();
            let how = if in_order { self.merge() } else { "Union".to_owned() };
            return tree.under(format!("{how} of {}{place}{}", count(all.len(), "way"), rows(plan.estimate)));
        }
        let apart = matches!(&plan.access, Access::Index { index, .. } if is_global(table, *index));
        let several = place.is_some() && plan.partition.is_none() && !apart;
        let merged = in_order && (several || !plan.is_one_run());
        let ordered = if in_order && !merged { ", in order" } else { "" };
        let mut tree = leaf(table, &plan.access, &format!("{ordered}{}", place.unwrap_or_default()), plan.estimate);
        if apart && !placement.is_one() {
            tree = tree.under_reading(format!("Lookup {} by the keys of the entries", table.def.name), table.rows());
        }
        if merged { tree.under(self.merge()) } else { tree }
    }

    fn merge(&self) -> String {
        format!("Merge by {}", self.parts(&self.spec.full_order()))
    }

    /// A way with a step before.
    fn detour(&self, detour: &Detour) -> Tree {
        let Self { table, spec, .. } = self;
        let name = table.def.name;
        match detour {
            Detour::Intersect(both) => {
                let side = |(index, _): &(usize, _)| {
                    let text = format!("Scan entries of index {}, 1 range", index_name(table, *index));
                    Tree::reading(text, table.index(*index).space())
                };
                let [a, b] = &both.sides;
                let entries = side(a).beside(side(b)).under("Intersect by leaps");
                let mut tree = entries.under_reading(format!("Lookup {name} by the keys that both have"), table.rows());
                if let Some(residual) = &both.residual {
                    tree = tree.under(filter(residual, table));
                }
                let by_key = table.def.key.iter().map(|at| (*at, false));
                let is_by_key = spec.order.iter().map(|part| (part.column, part.descending)).eq(by_key);
                if !spec.order.is_empty() && !is_by_key {
                    tree = tree.under(self.sort(&spec.full_order()));
                }
                tree.named(way_name::INTERSECT)
            }
            Detour::Ahead(ahead) => {
                let column = |part: &IndexPart| table.def.column(part.column).name.to_string();
                let (free, bound) = (ahead.skip.prefix.last().map(column), ahead.skip.next.as_ref().map(column));
                let (free, bound) = (free.unwrap_or_default(), bound.unwrap_or_default());
                let index = index_name(table, ahead.index);
                let scan = format!("Scan {name} by index {index}, a range of {bound} for each {free}");
                let tree = self.skip(&ahead.skip).under(scan);
                // Any value shows what the index serves behind it.
                let mut any = Vec::new();
                ahead.skip.prefix.iter().for_each(|part| key::encode(ValueRef::Bool(true), part.descending, &mut any));
                let Some(behind) = behind_values(self.placement, table, spec, ahead, vec![any]) else {
                    return tree.named(way_name::AHEAD);
                };
                let is_merged = !spec.order.is_empty() && behind.gives_order(spec);
                let tree = if is_merged { tree.under(self.merge()) } else { tree };
                self.above(&behind, tree).named(way_name::AHEAD)
            }
        }
    }

    /// Seeks from one value of the leading columns to the next.
    pub fn skip(&self, skip: &Skip) -> Tree {
        let Self { table, placement, .. } = self;
        let names: Vec<&str> = skip.prefix.iter().map(|part| table.def.column(part.column).name.as_ref()).collect();
        let place = where_it_reads(table, &skip.plan, *placement).unwrap_or_default();
        let (what, space) = match &skip.plan.access {
            Access::Index { index, .. } => {
                (format!("entries of index {}", index_name(table, *index)), table.index(*index).space())
            }
            _ => (format!("keys of {}", table.def.name), table.rows()),
        };
        let extent = match &skip.plan.access {
            access if access.is_unbounded() => "whole",
            _ => "1 range",
        };
        let backwards = if skip.is_reverse() { ", backwards" } else { "" };
        let names = names.join(", ");
        Tree::reading(format!("Skip {what}, {extent}{backwards}, to one for each ({names}){place}"), space)
    }
}

/// The operator that reads by an access that is no union.
pub(super) fn leaf(table: &StoredTable, access: &Access, more: &str, estimate: Option<u64>) -> Tree {
    let text = format!("{}{more}{}", read(table, access), rows(estimate));
    match access {
        Access::Nothing => Tree::of(read(table, access)),
        Access::Keys(_) | Access::Rows { .. } | Access::Union(_) => Tree::reading(text, table.rows()),
        Access::Claims { index, .. } | Access::Index { index, .. } => Tree::reading(text, table.index(*index).space()),
    }
}

/// What an operator reads.
fn read(table: &StoredTable, access: &Access) -> String {
    let backwards = |reverse: &bool| if *reverse { ", backwards" } else { "" };
    let name = table.def.name;
    match access {
        Access::Nothing => format!("Nothing of {name}, the filter is never true"),
        Access::Keys(keys) => format!("Lookup {name} by key, {}", count(keys.len(), "key")),
        Access::Claims { index, claims } => {
            format!("Lookup {name} by unique index {}, {}", index_name(table, *index), count(claims.len(), "value"))
        }
        Access::Rows { reverse, .. } if access.is_unbounded() => {
            format!("Scan {name}, whole table{}", backwards(reverse))
        }
        Access::Rows { ranges, reverse } => {
            format!("Scan {name}, {} of keys{}", count(ranges.len(), "range"), backwards(reverse))
        }
        Access::Index { index, reverse, .. } if access.is_unbounded() => {
            format!("Scan {name} by index {}, whole{}", index_name(table, *index), backwards(reverse))
        }
        Access::Index { index, ranges, reverse } => format!(
            "Scan {name} by index {}, {}{}",
            index_name(table, *index),
            count(ranges.len(), "range"),
            backwards(reverse)
        ),
        Access::Union(all) => format!("Union of {}", count(all.len(), "way")),
    }
}

/// How rows are looked up by values that are not known yet: the operator, and whether it finds them without reading all rows.
pub(super) fn lookup(table: &StoredTable, plan: &Plan, finds: bool) -> (Tree, bool) {
    let name = table.def.name;
    let found = match &plan.access {
        Access::Keys(_) => Some((format!("Lookup {name} by key"), table.rows())),
        Access::Claims { index, .. } => {
            Some((format!("Lookup {name} by unique index {}", index_name(table, *index)), table.index(*index).space()))
        }
        Access::Rows { .. } if finds => Some((format!("Lookup {name} in ranges of keys"), table.rows())),
        Access::Index { index, .. } if finds => {
            Some((format!("Lookup {name} by index {}", index_name(table, *index)), table.index(*index).space()))
        }
        _ => None,
    };
    match found {
        Some((text, space)) => (Tree::reading(text, space), true),
        None => (leaf(table, &plan.access, "", plan.estimate), false),
    }
}

/// Where the plan reads, if there are several partitions and its access does not say it already.
fn where_it_reads(table: &StoredTable, plan: &Plan, placement: Placement) -> Option<String> {
    if placement.is_one() {
        return None;
    }
    let n = placement.all().count();
    match &plan.access {
        Access::Nothing | Access::Keys(_) | Access::Claims { .. } => None,
        Access::Index { index, .. } if is_global(table, *index) => {
            Some(", where the first column of the entries lies".to_owned())
        }
        access => Some(match plan.partition {
            Some(Partition(at)) => format!(", in partition {at} of {n}"),
            None if finds_each(placement, table, access) => format!(", each range in one of {n} partitions"),
            None => format!(", in all {n} partitions"),
        }),
    }
}

fn is_global(table: &StoredTable, index: usize) -> bool {
    table.indexes.get(index).is_some_and(|index| index.def.global)
}

/// How many rows are expected, if that was counted.
fn rows(estimate: Option<u64>) -> String {
    match estimate {
        None => String::new(),
        Some(n) if n >= u64::from(PROBE) => format!(" ({PROBE}+ rows)"),
        Some(1) => " (~1 row)".to_owned(),
        Some(n) => format!(" (~{n} rows)"),
    }
}

fn count(n: usize, what: &str) -> String {
    if n == 1 { format!("1 {what}") } else { format!("{n} {what}s") }
}

pub(super) fn index_name(table: &StoredTable, index: usize) -> String {
    let index = table.index(index);
    let part = |part: &IndexPart| {
        let name = &table.def.column(part.column).name;
        if part.descending { format!("{name} desc") } else { name.to_string() }
    };
    let parts: Vec<String> = index.def.parts.iter().map(part).collect();
    format!("{} ({})", index.def.name, parts.join(", "))
}
