//! Plans of joins as human-readable text.

use std::fmt::Write as _;

use super::join::any_lookup;
use super::{Explain, choose_plan, ends_with_first, first_of_join, walk_of_join, way_of_lookup};
use crate::ask::{Equal, JoinKind, JoinSpec, Spec, TotalOrder};
use crate::error::Result;
use crate::expr::show::Names;
use crate::schema::Table;
use crate::session::Reader;

/// How a join without subqueries would be read. Costs at most one round trip for each table, and reads no rows.
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
pub(crate) async fn explain_join(target: Reader<'_>, spec: JoinSpec) -> Result<Explain> {
    let (order, full_order) = (TotalOrder::of(&spec), spec.full_order());
    let ordered = !spec.order.is_empty();
    let spec = spec.pushed();
    let tables: Vec<(&str, &Table)> = spec.parts.iter().map(|part| (part.name, part.spec.table)).collect();
    let names = Names::Join(&tables);
    let name = |place: u8| tables.get(usize::from(place)).map_or("?", |(name, _)| *name);
    let column = |place: u8, column: u16| {
        let mut text = String::new();
        let _ = names.write(&mut text, place, column);
        text
    };
    let walk = match spec.window.reach() {
        Some(wanted) if !ends_with_first(&spec) => walk_of_join(target, &spec, &order, wanted).await?,
        _ => None,
    };
    let begin = match &walk {
        Some(walk) => walk.place,
        None => first_of_join(target, &spec).await?,
    };
    let attached = spec.attached(begin);
    let mut read: Vec<&str> = vec![name(begin)];
    read.extend(attached.iter().map(|attach| name(attach.place)));
    let mut text = format!("join of {}", read.join(", then "));
    let mut full_scan = false;
    {
        let part = spec.part(begin);
        let table = target.shared().table(part.spec.table)?;
        let (how, spec, plan) = match &walk {
            Some(walk) => (": walked in order", &walk.spec, walk.plan.clone()),
            None => ("", &part.spec, choose_plan(target, table, &part.spec).await?),
        };
        full_scan |= plan.full_scan;
        let explained = Explain::new(table, spec, &plan, target.shared().placement).to_string();
        let way = explained.strip_prefix(part.spec.table.name).unwrap_or(&explained);
        let _ = write!(text, "\n  {}{how}{}", part.name, way.replace('\n', "\n  "));
    }
    for attach in &attached {
        let part = spec.part(attach.place);
        let kept = if attach.kind == JoinKind::Left { ", kept without one" } else { "" };
        if attach.kind == JoinKind::Cross {
            let _ = write!(text, "\n  {}: whole table, each row with each", part.name);
            full_scan = true;
            continue;
        }
        for via in &attach.via {
            let between = Spec { policy: part.spec.policy, ..Spec::new(via.table) };
            let way = way_to(target, &between, &via.near.iter().map(|(.., near)| *near).collect::<Vec<_>>()).await?;
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
        let (way, scans) = way_to(target, &part.spec, &own).await?;
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
    if spec.window.offset > 0 {
        let _ = write!(text, "\n  skip {}", spec.window.offset);
    }
    if let Some(limit) = spec.window.limit {
        let _ = write!(text, "\n  limit {limit}");
    }
    Ok(Explain::of_text(text, full_scan, ordered && walk.is_none()))
}

/// How rows are looked up by these columns, and whether that reads all of them. Any value does to find out.
async fn way_to(target: Reader<'_>, spec: &Spec, columns: &[u16]) -> Result<(String, bool)> {
    let table = target.shared().table(spec.table)?;
    let (spec, _) = any_lookup(spec, columns);
    let plan = choose_plan(target, table, &spec).await?;
    Ok((way_of_lookup(table, &plan.access), plan.full_scan))
}
