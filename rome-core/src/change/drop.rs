//! Drops indexes, and removes what they leave.

use std::ops::Bound;
use std::sync::Arc;

use bytes::Bytes;

use crate::catalog::{FormerDoc, TableDoc, read_document, update_document};
use crate::commit::{Outcome, Part, ReplyExt, only_reply};
use crate::error::{Error, Result};
use crate::index::mark_of;
use crate::session::Shared;
use crate::store::{Effect, IndexId, Partition, Read, ReadOptions, Space, Span};

/// How many records are removed at once.
const CHUNK: u32 = 1000;

/// Drops an index; says how many entries and claims it had.
pub(crate) async fn drop_index(shared: &Arc<Shared>, table: &str, index: &str) -> Result<u64> {
    update_document(&shared.committer, true, &[], |document| {
        let doc = document
            .tables
            .iter_mut()
            .find(|doc| doc.name == table)
            .ok_or_else(|| Error::invalid(format!("the database has no table `{table}`")))?;
        let former =
            take(doc, index).ok_or_else(|| Error::invalid(format!("table `{table}` has no index `{index}`")))?;
        document.former.push(former);
        Ok(true)
    })
    .await?;
    clear(shared).await
}

/// Takes the index or aggregate index of this name out of a table.
fn take(doc: &mut TableDoc, name: &str) -> Option<FormerDoc> {
    let former =
        |id, unique, aggregate| FormerDoc { table: doc.name.clone(), name: name.to_owned(), id, unique, aggregate };
    if let Some(at) = doc.indexes.iter().position(|index| index.name == name) {
        let index = doc.indexes.get(at)?;
        let former = former(index.id, index.unique, false);
        doc.indexes.remove(at);
        return Some(former);
    }
    let at = doc.aggregates.iter().position(|aggregate| aggregate.name == name)?;
    let former = former(doc.aggregates.get(at)?.id, false, true);
    doc.aggregates.remove(at);
    Some(former)
}

/// Removes what is left of dropped indexes.
pub(crate) async fn clear(shared: &Arc<Shared>) -> Result<u64> {
    let document = read_document(&shared.committer).await?.unwrap_or_default();
    let mut removed = 0;
    for former in document.former {
        let (id, space) = (IndexId(former.id), former.space());
        for partition in shared.placement.all() {
            removed += clear_space(shared, partition, space).await?;
        }
        update_document(&shared.committer, false, &[mark_of(id)], |document| {
            let before = document.former.len();
            document.former.retain(|other| other.id != former.id);
            Ok(document.former.len() < before)
        })
        .await?;
        tracing::info!(table = former.table, index = former.name, "removed what was left of an index");
    }
    Ok(removed)
}

async fn clear_space(shared: &Arc<Shared>, partition: Partition, space: Space) -> Result<u64> {
    let mut removed = 0;
    loop {
        let span = Span::between(space, Bound::Unbounded, Bound::Unbounded).limited(Some(CHUNK));
        let scan = Read::Scan { span, filter: None, want: None, track: false };
        let replies = shared.committer.read_as(&[(partition, vec![scan])], ReadOptions::new().retired(true)).await?;
        let scanned = only_reply(replies)?.into_scanned()?;
        if scanned.is_empty() {
            return Ok(removed);
        }
        let delete = |key: &[u8]| Effect::Delete { space, key: Bytes::copy_from_slice(key) };
        let effects = scanned.iter().map(|record| delete(record.key)).collect();
        let part = Part { partition, effects, ..Part::default() };
        // Nobody writes there any more, so nothing but a transaction that is not decided yet can be in the way.
        if shared.committer.commit(u32::MAX, vec![part], shared.durability).await? == Outcome::Committed {
            removed += scanned.len() as u64;
        }
    }
}
