//! Opens the catalog of a store, and brings it up to date.

use std::sync::Arc;

use super::trial::{self, MEND_FIRST, not_unique};
use crate::catalog::{
    CATALOG, Comparison, Document, Opened, PAUSE, SECRET, SchemaPlan, SchemaPolicy, check_references, compare, finish,
    newly_former, parse, put, raise_gate, read, read_document, unchanged, written,
};
use crate::commit::{Committer, Outcome, Part};
use crate::error::{Error, Kind, Result};
use crate::placement::Placement;
use crate::schema::Table;
use crate::store::{Check, CheckRef, Durability, Read, Reply, Space, Span};

/// Reads the catalog, compares it with the entities, and adds what is new. Costs one round trip if nothing is new, two
/// or three otherwise, and those of the trial of new indexes on stored rows. New indexes are noted, and not built. What is refused
/// has changed nothing.
pub(crate) async fn open(
    committer: &Arc<Committer>,
    placement: Placement,
    tables: &[&'static Table],
    how: SchemaPolicy,
) -> Result<Opened> {
    check_references(tables)?;
    loop {
        let (stored, found) = read(committer).await?;
        let document = match &stored {
            Some((_, bytes)) => parse(bytes)?,
            None => Document::default(),
        };
        let Comparison { document: wanted, plan, must_be_empty, tried } = compare(&document, tables, how);
        if !plan.refused.is_empty() {
            return Err(refuse(&plan.refused));
        }
        // What only describes the same in a newer form can wait. A database that is new is no change of one.
        let is_same = wanted == document || (how == SchemaPolicy::Deny && !plan.needs_writing());
        if let (true, Some(secret)) = (is_same && stored.is_some(), found) {
            return finish(&document, tables, secret);
        }
        if how == SchemaPolicy::Deny && stored.is_some() {
            return Err(not_applied(&plan));
        }
        let builds = matches!(how, SchemaPolicy::Apply | SchemaPolicy::ApplyAndDrop);
        if builds && !tried.is_empty() {
            let catalog = finish(&wanted, tables, [0; 16])?.catalog;
            let found = trial::duplicates(committer, placement, &catalog, &tried).await?;
            if !found.is_empty() {
                return Err(not_unique(&found, MEND_FIRST));
            }
        }
        let secret = found.unwrap_or_else(|| *uuid::Uuid::new_v4().as_bytes());
        let mut change = Part::default();
        change.checks.push(unchanged(CATALOG, stored.map(|(version, _)| version)));
        if found.is_none() {
            change.checks.push(unchanged(SECRET, None));
            change.effects.push(put(SECRET, secret.to_vec()));
        }
        change.effects.push(put(CATALOG, written(&wanted)?));
        let own_checks = change.checks.len();
        let mut parts = vec![change];
        let retired = newly_former(&document, &wanted);
        if plan.closes_to_older {
            let spans = must_be_empty.iter().map(|(table, _)| Span::all(Space::Rows(*table)).limited(Some(1)));
            let empty: Vec<Check> = spans.map(|span| Check::Count { span, n: 0 }).collect();
            raise_gate(&mut parts, committer, wanted.version, &retired);
            for part in &mut parts {
                part.checks.extend(empty.iter().cloned());
            }
        }
        match committer.commit(u32::MAX, parts, committer.durability.max(Durability::Local)).await? {
            Outcome::Committed => {
                tracing::info!(version = wanted.version, changes = %plan, "changed the schema");
                let added = if builds { tried.into_iter().map(|(_, id)| id).collect() } else { Vec::new() };
                return finish(&wanted, tables, secret).map(|opened| Opened { added, ..opened });
            }
            Outcome::Conflict { part, check: CheckRef::Check(at) } if part > 0 || at >= own_checks => {
                let what: Vec<String> = must_be_empty.iter().map(|(_, what)| may_dangle(what)).collect();
                return Err(refuse(&what));
            }
            // Another program changed the catalog, or is about to.
            _ => tokio::time::sleep(PAUSE).await,
        }
    }
}

/// What [`open`] would change, and what stands in its way. Costs one round trip, and where there are new indexes or foreign keys
/// of tables with rows those of the trial.
pub(crate) async fn plan(
    committer: &Committer,
    placement: Placement,
    tables: &[&'static Table],
    how: SchemaPolicy,
) -> Result<SchemaPlan> {
    check_references(tables)?;
    let document = read_document(committer).await?.unwrap_or_default();
    let Comparison { document: wanted, mut plan, must_be_empty, tried } = compare(&document, tables, how);
    for (table, what) in must_be_empty {
        let count = Read::count(Span::all(Space::Rows(table)).limited(Some(1)));
        let batch: Vec<_> = placement.all().map(|partition| (partition, vec![count.clone()])).collect();
        let replies = committer.read(&batch).await?.into_iter().flat_map(|reply| reply.replies);
        if replies.into_iter().any(|reply| reply != Reply::Count(0.into())) {
            plan.refused.push(may_dangle(&what));
        }
    }
    // Where indexes are left to be built later, nothing that is stored stands in the way of opening.
    if plan.refused.is_empty() && !tried.is_empty() && how != SchemaPolicy::Defer {
        let catalog = finish(&wanted, tables, [0; 16])?.catalog;
        match trial::duplicates(committer, placement, &catalog, &tried).await {
            Ok(found) => plan.refused.extend(found.iter().map(ToString::to_string)),
            Err(error) if error.is_limit_exceeded() || error.is_corrupt() => plan.refused.push(error.to_string()),
            Err(error) => return Err(error),
        }
    }
    Ok(plan)
}

/// Why a new foreign key is refused.
fn may_dangle(what: &str) -> String {
    format!(
        "{what} is new, and the table has rows, which may reference nothing: make a new table with it and copy them"
    )
}

#[cold]
fn not_applied(plan: &SchemaPlan) -> Error {
    Kind::Schema(format!(
        "the stored tables are not yet those of the entities, and this program does not change them \
         (`SchemaPolicy::Deny`):\n{plan}"
    ))
    .into()
}

fn refuse(lines: &[String]) -> Error {
    Kind::Schema(format!("the entities do not fit the stored tables:\n  - {}", lines.join("\n  - "))).into()
}
