//! Plans of joins as human-readable text.

use super::join::any_lookup;
use super::operators::{Ways, filter, limited, lookup};
use super::tree::Tree;
use super::{
    Explain, JoinWay, choose_plan, ends_with_first, first_of_join, limit_first, walk_of_join, way_name, whole_of_join,
};
use crate::ask::{Attach, Equal, JoinKind, JoinSpec, ScanPolicy, Spec, TotalOrder};
use crate::cut::{LONG, cut};
use crate::error::Result;
use crate::expr::show::Names;
use crate::schema::Table;
use crate::session::Reader;

/// How a join without subqueries would be read. Costs at most one round trip for each table, and reads no rows.
///
/// A `lookup` join finds the partners of all rows so far, or of a batch of them, by their values; a `hash` join reads the other table
/// whole, once. With a limit joins are `streaming`: they read batch by batch, until there are enough rows.
///
/// ```text
/// Limit 25
///   Join (lookup, streaming) owners on id = dogs.owner_id
///     Scan dogs by index by_name (name), whole, in order
///     Lookup owners by key
///   competes with
///     Sort by dogs.name asc, dogs.id asc
///       Join (lookup, streaming) dogs on owner_id = owners.id
///         Scan owners by index by_city (city), 1 range (~12 rows)
///         Lookup dogs by index by_owner_id (owner_id)
/// ```
pub(crate) async fn explain_join(target: Reader<'_>, spec: JoinSpec) -> Result<Explain> {
    let order = TotalOrder::of(&spec);
    let mut spec = spec.pushed();
    let limited_by = spec.window.reach().filter(|_| !ends_with_first(&spec));
    if limited_by.is_none() {
        limit_first(&mut spec);
    }
    let tables: Vec<(&str, &Table)> = spec.parts.iter().map(|part| (part.name, part.spec.table)).collect();
    let joined = Joins { target, spec: &spec, names: Names::Join(&tables), is_streaming: limited_by.is_some() };
    let walk = match limited_by {
        Some(wanted) => walk_of_join(target, &spec, &order, wanted).await?,
        None => None,
    };
    let sorts = !order.is_any() && walk.is_none();
    let begin = &match walk {
        Some(walk) => walk,
        None => whole_of_join(target, &spec, first_of_join(target, &spec).await?).await?,
    };
    let (mut tree, full_scan) = joined.tree(begin).await?;
    if sorts {
        tree = tree.under(joined.sort());
    }
    // What has to be sorted has to be read whole, so nothing competes.
    if limited_by.is_some() && !sorts {
        tree = tree.named(way_name::JOIN_WALK);
        if let Some(way) = joined.smallest(begin).await? {
            let (mut other, _) = joined.tree(&way).await?;
            if !order.is_any() {
                other = other.under(joined.sort());
            }
            tree = tree.competing_with(other.named(way_name::JOIN_COLLECT));
        }
    }
    if spec.distinct {
        tree = tree.under("Distinct");
    }
    Ok(Explain::of_tree(limited(&spec.window, tree), full_scan, sorts))
}

/// The operators of a join.
struct Joins<'a> {
    target: Reader<'a>,
    spec: &'a JoinSpec,
    names: Names<'a>,
    is_streaming: bool,
}

impl Joins<'_> {
    fn column(&self, place: u8, column: u16) -> String {
        let mut text = String::new();
        // Writing into a string does not fail.
        let _ = self.names.write(&mut text, place, column);
        text
    }

    fn sort(&self) -> String {
        let order = self.spec.full_order();
        let parts = order.iter().map(|order| {
            let direction = if order.part.descending { "desc" } else { "asc" };
            format!("{} {direction}", self.column(order.place, order.part.column))
        });
        let parts = parts.collect::<Vec<_>>().join(", ");
        match self.spec.window.reach() {
            Some(wanted) if self.is_streaming => format!("TopN {wanted} by {parts}"),
            _ => format!("Sort by {parts}"),
        }
    }

    /// The joins that begin with a table, and whether any table is read whole.
    async fn tree(&self, begin: &JoinWay) -> Result<(Tree, bool)> {
        let Self { target, spec, .. } = self;
        let table = target.shared().table(begin.spec.table)?;
        let placement = target.shared().placement;
        let is_trial = begin.plan.has_rivals();
        let ways = Ways { table, spec: &begin.spec, placement, partners: &[], is_trial };
        let mut tree = limited(&begin.spec.window, ways.tree(&begin.plan));
        let mut full_scan = begin.plan.full_scan;
        let (mut bound, mut open) = (vec![begin.place], spec.filter.iter().collect::<Vec<_>>());
        for attach in spec.attached(begin.place) {
            let (joined, scans) = self.attach(&attach, tree).await?;
            (tree, full_scan) = (joined, full_scan | scans);
            bound.push(attach.place);
            // A condition is tested as soon as its tables are there.
            let (ready, rest): (Vec<_>, Vec<_>) = open.into_iter().partition(|condition| {
                let mut ready = true;
                condition.for_each_place(&mut |place, _| ready &= bound.contains(&place));
                ready
            });
            open = rest;
            for condition in ready {
                tree = tree.under(format!("Filter {}", cut(&condition.display_with(self.names), LONG)));
            }
        }
        for condition in open {
            tree = tree.under(format!("Filter {}", cut(&condition.display_with(self.names), LONG)));
        }
        Ok((tree, full_scan))
    }

    /// The join of these rows with a table.
    async fn attach(&self, attach: &Attach, rows: Tree) -> Result<(Tree, bool)> {
        let part = self.spec.part(attach.place);
        let left = if attach.kind == JoinKind::Left { "Left " } else { "" };
        if attach.kind == JoinKind::Cross {
            let table = self.target.shared().table(part.spec.table)?;
            let plan = choose_plan(self.target, table, &part.spec).await?;
            let placement = self.target.shared().placement;
            let ways = Ways { table, spec: &part.spec, placement, partners: &[], is_trial: false };
            let tree = rows.beside(ways.way(&plan)).under(format!("Cross Join {}", part.name));
            return Ok((tree, true));
        }
        let mut found = Tree::default();
        let (mut scans, mut finds) = (false, true);
        for via in &attach.via {
            let between = Spec { policy: part.spec.policy, ..Spec::new(via.table) };
            let near: Vec<u16> = via.near.iter().map(|(.., near)| *near).collect();
            let (tree, is_lookup, full_scan) = self.partners(&between, &near).await?;
            (found, scans, finds) = (found.beside(tree), scans | full_scan, finds & is_lookup);
        }
        let own: Vec<u16> = match attach.via.first() {
            Some(via) => via.far.iter().map(|(_, own)| *own).collect(),
            None => attach.on.iter().map(|(.., own)| *own).collect(),
        };
        let (mut inner, is_lookup, full_scan) = self.partners(&part.spec, &own).await?;
        (scans, finds) = (scans | full_scan, finds & is_lookup);
        let table = self.target.shared().table(part.spec.table)?;
        for condition in &part.spec.filter {
            inner = inner.under(filter(condition, table));
        }
        let equal =
            |(place, of, own): &Equal| format!("{} = {}", part.spec.table.column(*own).name, self.column(*place, *of));
        let on: Vec<String> = attach.on.iter().map(equal).collect();
        let on = if on.is_empty() { String::new() } else { format!(" on {}", on.join(" and ")) };
        let how = if finds { "lookup" } else { "hash" };
        let streaming = if self.is_streaming { ", streaming" } else { "" };
        let tree = rows.beside(found).beside(inner);
        Ok((tree.under(format!("{left}Join ({how}{streaming}) {}{on}", part.name)), scans))
    }

    /// How rows are found by these columns, whether that is by lookups, and whether it reads all of them. Any value does to find out.
    async fn partners(&self, spec: &Spec, columns: &[u16]) -> Result<(Tree, bool, bool)> {
        let table = self.target.shared().table(spec.table)?;
        let (spec, one) = any_lookup(spec, columns);
        let plan = choose_plan(self.target, table, &spec).await?;
        let (tree, is_lookup) = lookup(table, &plan, !plan.full_scan && !plan.tests(&one));
        Ok((tree, is_lookup, plan.full_scan))
    }

    /// The table that the other way begins with, as far as counts of before tell: the one that is expected to have the fewest rows.
    async fn smallest(&self, walk: &JoinWay) -> Result<Option<JoinWay>> {
        let mut smallest: Option<JoinWay> = None;
        for place in self.spec.core() {
            let way = whole_of_join(self.target, self.spec, place).await?;
            let is_same = place == walk.place && (way.plan.full_scan || walk.spec.order.is_empty());
            let policy = way.spec.policy.unwrap_or_else(|| self.target.scan_policy());
            let is_denied = way.plan.full_scan && policy == ScanPolicy::Deny;
            let rows = |way: &JoinWay| (way.plan.full_scan, way.plan.estimate.unwrap_or(u64::MAX));
            let is_less = smallest.as_ref().is_none_or(|smallest| rows(&way) < rows(smallest));
            if !is_same && !is_denied && is_less {
                smallest = Some(way);
            }
        }
        Ok(smallest)
    }
}
