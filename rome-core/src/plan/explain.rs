//! Plans for people to read.

use std::fmt::{self, Write as _};

use super::placed::finds_each;
use super::{Access, Plan};
use crate::ask::Spec;
use crate::catalog::StoredTable;
use crate::cut::{LONG, cut};
use crate::placement::Placement;
use crate::schema::IndexPart;
use crate::store::Partition;

/// How a query would be carried out, as text.
///
/// ```text
/// images: 1 range of index by_owner (owner)
///   test on each row: disk_format = 'qcow2'
///   sort in memory by created_at desc, id desc
///   limit 25
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explain {
    text: String,
    index: Option<String>,
    full_scan: bool,
    sorted: bool,
}

impl Explain {
    pub(crate) fn new(table: &StoredTable, spec: &Spec, plan: &Plan, placement: Placement) -> Self {
        let mut text = format!("{}: {}", table.def.name, way(table, &plan.access));
        if let Some(n) = plan.estimate {
            let _ = write!(text, ", about {n} entries");
        }
        if plan.ordered && !plan.is_one_run() && !spec.order.is_empty() {
            text.push_str(", merged");
        }
        if let (false, Some(where_to)) = (placement.is_one(), reach(table, plan, placement)) {
            let _ = write!(text, "\n  {where_to}");
        }
        if let Some(residual) = &plan.residual {
            let _ = write!(text, "\n  test on each row: {}", cut(&residual.display(table.def), LONG));
        }
        let sorted = !plan.ordered;
        let order: Vec<String> = spec
            .full_order()
            .iter()
            .map(|part| {
                let direction = if part.descending { "desc" } else { "asc" };
                format!("{} {direction}", table.def.column(part.column).name)
            })
            .collect();
        if sorted {
            let _ = write!(text, "\n  sort in memory by {}", order.join(", "));
        } else if !spec.order.is_empty() {
            let _ = write!(text, "\n  in order by {}", order.join(", "));
        }
        if spec.window.offset > 0 {
            let _ = write!(text, "\n  skip {}", spec.window.offset);
        }
        if let Some(limit) = spec.window.limit {
            let _ = write!(text, "\n  limit {limit}");
        }
        if let Some(rival) = &plan.rival {
            let _ = write!(text, "\n  or, if that visits less: {}", way(table, &rival.access));
            if let Some(n) = rival.estimate {
                let _ = write!(text, ", about {n} entries");
            }
            if rival.ordered != plan.ordered {
                text.push_str(if rival.ordered { ", in order" } else { ", sorted in memory" });
            }
        }
        for (access, estimate) in &plan.rejected {
            let _ = write!(text, "\n  not taken: {}", way(table, access));
            if let Some(n) = estimate {
                let _ = write!(text, ", about {n} entries");
            }
        }
        let index = match &plan.access {
            Access::Claims { index, .. } | Access::Index { index, .. } => {
                table.indexes.get(*index).map(|index| index.def.name.clone())
            }
            _ => None,
        };
        Self { text, index, full_scan: plan.full_scan, sorted }
    }

    /// The plan of more than one table.
    pub(crate) const fn of_text(text: String, full_scan: bool, sorted: bool) -> Self {
        Self { text, index: None, full_scan, sorted }
    }

    /// The plan of a query that an aggregate index answers.
    pub(crate) const fn of_aggregate(text: String, index: String) -> Self {
        Self { text, index: Some(index), full_scan: false, sorted: false }
    }

    /// The same plan, of which `text` says what is made.
    pub(crate) fn and(mut self, text: &str) -> Self {
        self.text.push_str("\n  ");
        self.text.push_str(text);
        self
    }

    /// The index or aggregate index that is used, if it is one.
    #[must_use]
    pub fn index(&self) -> Option<&str> {
        self.index.as_deref()
    }

    /// Whether the whole table or a whole index is read, as far as no limit stops it.
    #[must_use]
    pub const fn is_full_scan(&self) -> bool {
        self.full_scan
    }

    /// Whether the rows are sorted in memory.
    #[must_use]
    pub const fn sorts_in_memory(&self) -> bool {
        self.sorted
    }
}

impl fmt::Display for Explain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Where the plan reads, if its access does not say it already.
fn reach(table: &StoredTable, plan: &Plan, placement: Placement) -> Option<String> {
    let n = placement.all().count();
    match &plan.access {
        Access::Nothing | Access::Keys(_) | Access::Claims { .. } => None,
        Access::Index { index, .. } if table.indexes.get(*index).is_some_and(|index| index.def.global) => {
            Some("entries where their first column lies, then rows by key".to_owned())
        }
        access => Some(match plan.partition {
            Some(Partition(at)) => format!("in partition {at} of {n}"),
            None if finds_each(placement, table, access) => format!("each range in one of {n} partitions"),
            None => format!("in all {n} partitions"),
        }),
    }
}

fn way(table: &StoredTable, access: &Access) -> String {
    let backwards = |reverse: &bool| if *reverse { ", backwards" } else { "" };
    match access {
        Access::Nothing => "nothing, the filter is never true".to_owned(),
        Access::Keys(keys) => format!("{} by key", count(keys.len(), "lookup")),
        Access::Claims { index, claims } => {
            format!("{} in unique index {}", count(claims.len(), "lookup"), index_name(table, *index))
        }
        Access::Rows { reverse, .. } if access.is_unbounded() => format!("whole table{}", backwards(reverse)),
        Access::Rows { ranges, reverse } => format!("{} of keys{}", count(ranges.len(), "range"), backwards(reverse)),
        Access::Index { index, reverse, .. } if access.is_unbounded() => {
            format!("whole index {}{}", index_name(table, *index), backwards(reverse))
        }
        Access::Index { index, ranges, reverse } => {
            format!("{} of index {}{}", count(ranges.len(), "range"), index_name(table, *index), backwards(reverse))
        }
        Access::Union(all) => {
            let all: Vec<String> = all.iter().map(|access| way(table, access)).collect();
            format!("union of [{}]", cut(&all.join("; "), LONG))
        }
    }
}

/// Where rows are looked up by values that are not known yet.
pub(crate) fn way_of_lookup(table: &StoredTable, access: &Access) -> String {
    match access {
        Access::Keys(_) => "by key".to_owned(),
        Access::Claims { index, .. } => format!("in unique index {}", index_name(table, *index)),
        Access::Rows { .. } if !access.is_unbounded() => "in ranges of keys".to_owned(),
        Access::Index { index, .. } if !access.is_unbounded() => format!("in index {}", index_name(table, *index)),
        other => format!("by hash in the {}", way(table, other)),
    }
}

fn count(n: usize, what: &str) -> String {
    if n == 1 { format!("1 {what}") } else { format!("{n} {what}s") }
}

fn index_name(table: &StoredTable, index: usize) -> String {
    let index = table.index(index);
    let part = |part: &IndexPart| {
        let name = &table.def.column(part.column).name;
        if part.descending { format!("{name} desc") } else { name.to_string() }
    };
    let parts: Vec<String> = index.def.parts.iter().map(part).collect();
    format!("{} ({})", index.def.name, parts.join(", "))
}
