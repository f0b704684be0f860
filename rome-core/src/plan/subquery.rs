//! Planning of subqueries: whether the rows around one are read first, to ask only for what they need.

use super::measure::measure_all;
use super::{Access, choose_plan};
use crate::ask::{Spec, Window};
use crate::error::Result;
use crate::expr::node::Node;
use crate::expr::subquery::Exists;
use crate::session::Reader;

/// The rows around a subquery, as far as its other conditions leave them, if an index serves those.
pub(crate) struct Around {
    pub spec: Spec,
    access: Access,
}

impl Around {
    /// The rows of a query, if an index serves its conditions.
    pub async fn of(target: Reader<'_>, spec: Spec) -> Result<Option<Self>> {
        let spec = Spec { order: Vec::new(), window: Window::ALL, after: None, ..spec };
        if spec.filter.is_empty() {
            return Ok(None);
        }
        let table = target.shared().table(spec.table)?;
        let plan = choose_plan(target, table, &spec).await?;
        Ok((!plan.full_scan).then_some(Self { spec, access: plan.access }))
    }

    /// The columns by which the rows around ask a subquery, where that is less than what it would give by itself.
    pub async fn asks_by(&self, target: Reader<'_>, exists: &Exists) -> Result<Option<Vec<u16>>> {
        if exists.through.len() + usize::from(!exists.columns.is_empty()) > 1 {
            // By none of the links alone it is known what is asked for.
            return Ok(None);
        }
        let columns = exists.of.iter().map(|node| match node {
            Node::Column(column) => Some(*column),
            _ => None,
        });
        let Some(columns) = columns.collect::<Option<Vec<u16>>>() else { return Ok(None) };
        if !exists.spec.filter.is_empty() && !exists.spec.filter.iter().any(Node::has_subquery) {
            let inner = target.shared().table(exists.spec.table)?;
            let plan = choose_plan(target, inner, &exists.spec).await?;
            if !plan.full_scan {
                let outer = target.shared().table(self.spec.table)?;
                let counts = measure_all(target, &[(outer, &self.access), (inner, &plan.access)]).await?;
                if let [Some(outer), Some(inner)] = counts.as_slice()
                    && inner <= outer
                {
                    return Ok(None);
                }
            }
        }
        Ok(Some(columns))
    }
}
