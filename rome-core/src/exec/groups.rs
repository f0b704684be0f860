//! Answers whole queries on groups, in a session of its own where their reads have to be of one consistent snapshot.

use super::aggregate::{aggregate, explain_aggregate, of_groups};
use super::join::{aggregate_join, explain_join};
use super::subquery::{answered, answered_group, has_subquery};
use crate::ask::{GroupSpec, GroupedRows};
use crate::error::Result;
use crate::expr::node::Node;
use crate::plan::Explain;
use crate::session::{Reader, Session, in_session};
use crate::value::Value;

/// What the groups give, in order, cut to their window. Costs as the query whose rows are grouped.
pub(crate) async fn groups(target: Reader<'_>, rows: &GroupedRows, group: &GroupSpec) -> Result<Vec<Vec<Value>>> {
    let asks = group.having.iter().any(Node::has_subquery);
    let one_read = matches!(rows, GroupedRows::Table(spec) if !has_subquery(spec)) && !asks;
    match target {
        Reader::Database(shared) if !one_read => {
            Box::pin(in_session(shared, async |session: &Session| {
                groups_here(Reader::Session(session), rows, group).await
            }))
            .await
        }
        _ => groups_here(target, rows, group).await,
    }
}

async fn groups_here(target: Reader<'_>, rows: &GroupedRows, group: &GroupSpec) -> Result<Vec<Vec<Value>>> {
    let group = &answered_group(target, group, rows.scan_policy()).await?;
    match rows {
        GroupedRows::Join(spec) => aggregate_join(target, spec, group).await,
        GroupedRows::Table(spec) => {
            let spec = answered(target, spec).await?;
            let table = target.shared().table(spec.table)?;
            aggregate(target, table, &spec, group).await
        }
    }
}

/// How the groups would be found, as human-readable text. Costs as the explanation of the query whose rows are grouped.
pub(crate) async fn explain_groups(target: Reader<'_>, rows: &GroupedRows, group: &GroupSpec) -> Result<Explain> {
    match rows {
        GroupedRows::Join(spec) => {
            let joined = explain_join(target, spec).await?;
            Ok(of_groups(joined.under("Group rows in a hash table"), group, group.order.is_empty()))
        }
        GroupedRows::Table(spec) => match target {
            Reader::Database(shared) if has_subquery(spec) => {
                in_session(shared, async |session: &Session| {
                    explain_aggregate(Reader::Session(session), spec, group).await
                })
                .await
            }
            target => explain_aggregate(target, spec, group).await,
        },
    }
}
