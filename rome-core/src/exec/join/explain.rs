//! Plans of joins for people to read.

use std::fmt::Write as _;
use std::sync::Arc;

use super::order::Order;
use super::{compete, ends_with_first, first};
use crate::error::Result;
use crate::exec::subquery;
use crate::exec::target::Target;
use crate::expr::node::Node;
use crate::expr::show::Names;
use crate::expr::tuples::Tuples;
use crate::plan::{self, Equal, Explain, JoinKind, JoinSpec, Spec, way_of_lookup};
use crate::schema::Table;

/// How a join would be read. Costs at most one round trip for each table, and reads no rows.
///
/// A limit makes the table that the order begins with walked in that order, where an index gives it:
///
/// ```text
/// join of dogs, then owners
///   dogs: walked in order: whole index by_name (name)
///     in order by name asc, id asc
///   owners: looked up by id = dogs.owner_id by key
///   or, if that visits less: the table with the fewest rows first, and sort in memory
///   limit 25
/// ```
///
/// Else:
///
/// ```text
/// join of owners, then dogs
///   owners: 1 range of index by_city (city)
///   dogs: looked up by owner_id = owners.id in index by_owner_id (owner_id)
///   sort in memory by dogs.name asc, dogs.id asc, owners.id asc
/// ```
pub(crate) async fn explain_join(target: Target<'_>, spec: &JoinSpec) -> Result<Explain> {
    let (order, full_order) = (Order::of(spec), spec.full_order());
    let ordered = !spec.order.is_empty();
    let spec = subquery::answered_join(target, spec).await?.pushed();
    let tables: Vec<(&str, &Table)> = spec.parts.iter().map(|part| (part.name, part.spec.table)).collect();
    let names = Names::Join(&tables);
    let name = |place: u8| tables.get(usize::from(place)).map_or("?", |(name, _)| *name);
    let column = |place: u8, column: u16| {
        let mut text = String::new();
        let _ = names.write(&mut text, place, column);
        text
    };
    let walk = match spec.limit {
        Some(limit) if !ends_with_first(&spec) => {
            compete::in_order(target, &spec, &order, limit.saturating_add(spec.offset)).await?
        }
        _ => None,
    };
    let begin = match &walk {
        Some(walk) => walk.place,
        None => first(target, &spec).await?,
    };
    let attached = spec.attached(begin);
    let mut read: Vec<&str> = vec![name(begin)];
    read.extend(attached.iter().map(|attach| name(attach.place)));
    let mut text = format!("join of {}", read.join(", then "));
    let mut full_scan = false;
    if let Some(part) = spec.parts.get(usize::from(begin)) {
        let table = target.shared().table(part.spec.table)?;
        let (how, spec, plan) = match &walk {
            Some(walk) => (": walked in order", &walk.spec, walk.plan.clone()),
            None => ("", &part.spec, plan::choose_plan(target, table, &part.spec).await?),
        };
        full_scan |= plan.full_scan;
        let explained = Explain::new(table, spec, &plan, target.shared().placement).to_string();
        let way = explained.strip_prefix(part.spec.table.name).unwrap_or(&explained);
        let _ = write!(text, "\n  {}{how}{}", part.name, way.replace('\n', "\n  "));
    }
    for attach in &attached {
        let Some(part) = spec.parts.get(usize::from(attach.place)) else { continue };
        let kept = if attach.kind == JoinKind::Left { ", kept without one" } else { "" };
        if attach.kind == JoinKind::Cross {
            let _ = write!(text, "\n  {}: whole table, each row with each", part.name);
            full_scan = true;
            continue;
        }
        for via in &attach.via {
            let between = Spec { policy: part.spec.policy, ..Spec::new(via.table) };
            let way = lookup(target, &between, &via.near.iter().map(|(.., near)| *near).collect::<Vec<_>>()).await?;
            let _ = write!(text, "\n  {}: looked up {}", via.table.name, way.0);
            full_scan |= way.1;
        }
        let own: Vec<u16> = match attach.via.first() {
            Some(via) => via.far.iter().map(|(_, own)| *own).collect(),
            None => attach.on.iter().map(|(.., own)| *own).collect(),
        };
        let equal =
            |(place, of, own): &Equal| format!("{} = {}", part.spec.table.column(*own).name, column(*place, *of));
        let on: Vec<String> = attach.on.iter().map(equal).collect();
        let by = if on.is_empty() { String::new() } else { format!("by {} ", on.join(" and ")) };
        let (way, scans) = lookup(target, &part.spec, &own).await?;
        let _ = write!(text, "\n  {}: looked up {by}{way}{kept}", part.name);
        full_scan |= scans;
        for condition in &part.spec.filter {
            let _ = write!(text, "\n    where {}", condition.display(part.spec.table));
        }
    }
    for condition in &spec.filter {
        let _ = write!(text, "\n  test on each row: {}", condition.display_with(names));
    }
    if walk.is_some() {
        text.push_str("\n  or, if that visits less: the table with the fewest rows first, and sort in memory");
    } else if ordered {
        let order = full_order.iter().map(|order| {
            let direction = if order.part.descending { "desc" } else { "asc" };
            format!("{} {direction}", column(order.place, order.part.column))
        });
        let _ = write!(text, "\n  sort in memory by {}", order.collect::<Vec<_>>().join(", "));
    }
    if spec.offset > 0 {
        let _ = write!(text, "\n  skip {}", spec.offset);
    }
    if let Some(limit) = spec.limit {
        let _ = write!(text, "\n  limit {limit}");
    }
    Ok(Explain::of_text(text, full_scan, ordered && walk.is_none()))
}

/// How rows are looked up by these columns, and whether that reads all of them. Any value does to find out.
async fn lookup(target: Target<'_>, spec: &Spec, columns: &[u16]) -> Result<(String, bool)> {
    let table = target.shared().table(spec.table)?;
    let mut spec = spec.clone();
    let mut one = Tuples::new();
    let mut encoded = Vec::new();
    columns.iter().for_each(|_| crate::value::key::encode(crate::value::ValueRef::Bool(true), false, &mut encoded));
    one.insert(encoded);
    spec.filter.push(Node::InTuples(columns.iter().map(|column| Node::Column(*column)).collect(), Arc::new(one)));
    let plan = plan::choose_plan(target, table, &spec).await?;
    Ok((way_of_lookup(table, &plan.access), plan.full_scan))
}
