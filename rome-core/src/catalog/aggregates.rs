//! Compares the aggregate indexes of an entity with those that are stored.

use super::change::{ChangeKind, SchemaPlan, SchemaPolicy};
use super::document::{AggregateDoc, FormerDoc, IndexState, TableDoc};
use crate::schema::{AggregateDef, Table};

/// The stored form of a new aggregate index.
pub(super) fn describe(next: &mut u32, table: &'static Table, def: &AggregateDef, state: IndexState) -> AggregateDoc {
    let id = *next;
    *next += 1;
    let name = |column: &u16| table.column(*column).name.to_string();
    AggregateDoc {
        name: def.name.clone(),
        id,
        since: 0,
        sum: def.sum.as_ref().map(name),
        by: def.by.iter().map(name).collect(),
        unless: def.unless.as_ref().map(name),
        state,
    }
}

/// Adds those that are new, refuses those that count something else, and drops those that are gone if `how` says so.
pub(super) fn compare(
    doc: &mut TableDoc,
    (next, since): (&mut u32, u32),
    former: &mut Vec<FormerDoc>,
    table: &'static Table,
    plan: &mut SchemaPlan,
    how: SchemaPolicy,
) {
    for def in &table.aggregates {
        match doc.aggregates.iter().find(|stored| stored.name == def.name) {
            Some(stored) => compare_one(stored, table, def, plan),
            None => {
                let added = AggregateDoc { since, ..describe(next, table, def, IndexState::WriteOnly) };
                let what =
                    format!("aggregate index `{}` of `{}` is new: `{}`", added.name, table.name, declaration(&added));
                plan.add(ChangeKind::Index, table.name, what);
                plan.closes_to_older = true;
                doc.aggregates.push(added);
            }
        }
    }
    let undeclared = |stored: &AggregateDoc| !table.aggregates.iter().any(|def| def.name == stored.name);
    if how == SchemaPolicy::ApplyAndDrop {
        for AggregateDoc { name, id, .. } in doc.aggregates.extract_if(.., |stored| undeclared(stored)) {
            let what = format!("aggregate index `{name}` of `{}` is no longer declared, and dropped", table.name);
            plan.add(ChangeKind::Drop, table.name, what);
            plan.closes_to_older = true;
            former.push(FormerDoc { table: table.name.to_owned(), name, id, unique: false, aggregate: true });
        }
    }
    plan.kept.extend(doc.aggregates.iter().filter(|stored| undeclared(stored)).map(|stored| {
        format!(
            "aggregate index `{}` of `{}` is stored and no longer declared; it is maintained and not used: declare `{}`, \
             or drop it with `SchemaPolicy::ApplyAndDrop`",
            stored.name,
            table.name,
            declaration(stored)
        )
    }));
}

fn compare_one(stored: &AggregateDoc, table: &'static Table, def: &AggregateDef, plan: &mut SchemaPlan) {
    let declared = describe(&mut 0, table, def, stored.state);
    if (AggregateDoc { id: stored.id, since: stored.since, ..declared.clone() }) != *stored {
        plan.refused.push(format!(
            "aggregate index `{}` of `{}` is `{}`, and the stored one is `{}`: give it another name, under which it is built \
             anew (`name = \"...\"`), and drop the stored one later",
            def.name,
            table.name,
            shown(&declared),
            shown(stored)
        ));
    } else if stored.state == IndexState::WriteOnly {
        let what = format!("aggregate index `{}` of `{}` is not built to its end", def.name, table.name);
        plan.add(ChangeKind::Unbuilt, table.name, what);
    }
}

/// How a stored aggregate index would be declared.
pub(crate) fn declaration(doc: &AggregateDoc) -> String {
    let by = match doc.by.as_slice() {
        [] => None,
        [only] => Some(format!("by = {only}")),
        several => Some(format!("by = [{}]", several.join(", "))),
    };
    match (&doc.sum, by) {
        (None, None) => "count".to_owned(),
        (None, Some(by)) => format!("count({by})"),
        (Some(column), None) => format!("sum({column})"),
        (Some(column), Some(by)) => format!("sum({column}, {by})"),
    }
}

fn shown(doc: &AggregateDoc) -> String {
    let unless = doc.unless.as_ref().map_or_else(String::new, |column| format!(" of rows without `{column}`"));
    format!("{}{unless}", declaration(doc))
}
