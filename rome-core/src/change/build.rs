//! Builds indexes that are write-only, and makes them readable.

use std::sync::Arc;

use bytes::Bytes;

use super::backfill::Backfill;
use super::clear;
use super::options::BuildOptions;
use super::recount::Recount;
use super::trial::Duplicate;
use crate::catalog::{
    AggregateDoc, Document, FormerDoc, IndexDoc, IndexState, StoredTable, TableDoc, read_document, update_document,
};
use crate::error::{Error, Kind, Result};
use crate::index::mark_of;
use crate::session::Shared;
use crate::store::IndexId;

/// What a build of indexes did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct BuildReport {
    /// The indexes that are readable now: table and index.
    pub built: Vec<(String, String)>,
    /// Rows that stand in the way of unique indexes, at most 100 for each. Such an index stays unbuilt; change or delete one of
    /// each two, and build again.
    pub duplicates: Vec<Duplicate>,
}

/// Builds what is unbuilt.
pub(crate) async fn build(shared: &Arc<Shared>, options: &BuildOptions) -> Result<BuildReport> {
    let mut report = BuildReport::default();
    let Some(document) = read_document(&shared.committer).await? else { return Ok(report) };
    for table in shared.catalog.tables() {
        for (at, index) in table.indexes.iter().enumerate().filter(|(_, index)| !index.is_complete()) {
            let of_table = document.tables.iter().find(|doc| doc.id == table.id.0);
            let stored = of_table.and_then(|doc| doc.indexes.iter().find(|doc| doc.id == index.id.0));
            match stored.map(|stored| stored.state) {
                None => return Err(gone(table.def.name, &index.def.name)),
                Some(IndexState::Readable) => index.set_complete(),
                Some(IndexState::WriteOnly) if !index.declared => {}
                Some(IndexState::WriteOnly) => {
                    let duplicates = Backfill::new(shared, table, at, options).run().await?;
                    if duplicates.is_empty() {
                        finish(shared, table, at).await?;
                        report.built.push((table.def.name.to_owned(), index.def.name.clone()));
                    }
                    report.duplicates.extend(duplicates);
                }
            }
        }
        recount(shared, &document, table, options, &mut report).await?;
    }
    Ok(report)
}

/// Builds the aggregate indexes of a table that are unbuilt.
async fn recount(
    shared: &Arc<Shared>,
    document: &Document,
    table: &Arc<StoredTable>,
    options: &BuildOptions,
    report: &mut BuildReport,
) -> Result<()> {
    for (at, aggregate) in table.aggregates.iter().enumerate().filter(|(_, aggregate)| !aggregate.is_complete()) {
        let name = &aggregate.def.name;
        let of_table = document.tables.iter().find(|doc| doc.id == table.id.0);
        let stored = of_table.and_then(|doc| doc.aggregates.iter().find(|doc| doc.id == aggregate.id.0));
        match stored.map(|stored| stored.state) {
            None => return Err(gone(table.def.name, name)),
            Some(IndexState::Readable) => aggregate.set_complete(),
            Some(IndexState::WriteOnly) if !aggregate.declared => {}
            Some(IndexState::WriteOnly) => {
                Recount::new(shared, table, (at, aggregate), options).run().await?;
                // Its marks stay: programs that do not know yet that it is built go on reading them.
                make_readable(shared, table, &[], name, |doc| {
                    doc.aggregates.iter_mut().find(|doc| doc.id == aggregate.id.0).map(|doc| &mut doc.state)
                })
                .await?;
                aggregate.set_complete();
                report.built.push((table.def.name.to_owned(), name.clone()));
            }
        }
    }
    Ok(())
}

/// Makes an index readable whose rows are all in it.
async fn finish(shared: &Arc<Shared>, table: &Arc<StoredTable>, at: usize) -> Result<()> {
    let index = table.index(at);
    make_readable(shared, table, &[mark_of(index.id)], &index.def.name, |doc| {
        doc.indexes.iter_mut().find(|doc| doc.id == index.id.0).map(|doc| &mut doc.state)
    })
    .await?;
    index.set_complete();
    Ok(())
}

/// Writes down that an index of a table is readable, and removes these marks; `state` finds its state.
async fn make_readable(
    shared: &Arc<Shared>,
    table: &Arc<StoredTable>,
    marks: &[Bytes],
    name: &str,
    state: impl Fn(&mut TableDoc) -> Option<&mut IndexState> + Send + Sync,
) -> Result<()> {
    update_document(&shared.committer, false, marks, |document| {
        let doc = document.tables.iter_mut().find(|doc| doc.id == table.id.0);
        match doc.and_then(&state) {
            None => Err(gone(table.def.name, name)),
            Some(state) => Ok(std::mem::replace(state, IndexState::Readable) != IndexState::Readable),
        }
    })
    .await?;
    tracing::info!(table = table.def.name, index = name, "built an index");
    Ok(())
}

#[cold]
fn gone(table: &str, index: &str) -> Error {
    Kind::Schema(format!("index `{index}` of `{table}` was dropped by another program; open the database again")).into()
}

/// Takes indexes back that an opening has added and could not build, so that nothing of them is left: no constraint, no entries.
/// One that another program has built meanwhile stays. Says whether any was taken back.
pub(crate) async fn take_back(shared: &Arc<Shared>, added: &[IndexId]) -> Result<bool> {
    let mut taken = false;
    update_document(&shared.committer, true, &[], |document| {
        let is_added = |id: u32, state| state == IndexState::WriteOnly && added.contains(&IndexId(id));
        let mut former = Vec::new();
        for doc in &mut document.tables {
            let table = doc.name.clone();
            let of_index = |index: IndexDoc| FormerDoc {
                table: table.clone(),
                name: index.name,
                id: index.id,
                unique: index.unique,
                aggregate: false,
            };
            former.extend(doc.indexes.extract_if(.., |index| is_added(index.id, index.state)).map(of_index));
            let of_aggregate = |kept: AggregateDoc| FormerDoc {
                table: table.clone(),
                name: kept.name,
                id: kept.id,
                unique: false,
                aggregate: true,
            };
            former.extend(doc.aggregates.extract_if(.., |kept| is_added(kept.id, kept.state)).map(of_aggregate));
        }
        taken = !former.is_empty();
        document.former.append(&mut former);
        Ok(taken)
    })
    .await?;
    clear(shared).await?;
    Ok(taken)
}
