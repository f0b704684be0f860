//! Whether a plan may read a whole table.

use super::Plan;
use crate::ask::{ScanPolicy, Spec};
use crate::cut::{BRIEF, cut};
use crate::error::{Kind, Result};
use crate::expr::node::Node;
use crate::session::Reader;

pub(crate) fn check_policy(target: Reader<'_>, spec: &Spec, plan: &Plan) -> Result<()> {
    let bounded = spec.window.limit.is_some() && plan.residual.is_none() && plan.ordered;
    if !plan.full_scan || bounded {
        return Ok(());
    }
    let advice = || {
        let order: Vec<&str> = spec.order.iter().map(|part| spec.table.column(part.column).name.as_ref()).collect();
        let order = if order.is_empty() { String::new() } else { format!(", ordered by {}", order.join(", ")) };
        if spec.filter.is_empty() {
            return format!("it has no filter{order}: filter it by columns that an index serves");
        }
        let filter = Node::all(spec.filter.iter().cloned());
        format!("add an index for: {}{order}", cut(&filter.display(spec.table), BRIEF))
    };
    match spec.policy.unwrap_or_else(|| target.scan_policy()) {
        ScanPolicy::Allow => Ok(()),
        ScanPolicy::Warn => {
            // Columns only: values may be secret.
            let mut columns: Vec<&str> = Vec::new();
            for condition in &spec.filter {
                condition.for_each_column(&mut |column| {
                    let name = spec.table.column(column).name.as_ref();
                    if !columns.contains(&name) {
                        columns.push(name);
                    }
                });
            }
            tracing::warn!(table = spec.table.name, filtered_by = columns.join(", "), "a query reads a whole table");
            Ok(())
        }
        ScanPolicy::Deny => Err(Kind::ScanDenied { table: spec.table.name, advice: advice() }.into()),
    }
}
