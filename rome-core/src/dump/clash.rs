//! Which rows of a dump have the same values in a unique index.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;

use crate::catalog::{StoredIndex, StoredTable};
use crate::error::{Error, Result};
use crate::index::{describe_claim, entries_of};
use crate::placement::Routed;
use crate::row;
use crate::session::Shared;
use crate::store::{Read, Reply};

/// Two rows that a unique index does not allow both.
struct Clash<'a> {
    index: &'a StoredIndex,
    claim: Bytes,
    /// Which of the rows cannot be loaded.
    at: usize,
    key: Bytes,
    /// The key of the row that has the values already, or before it.
    holder: Bytes,
}

/// Makes of a unique violation, of which rows of a dump were the cause, an error that says which ones; `done` rows of the dump
/// come before them. Other errors stay as they are.
pub(super) async fn told(
    shared: &Shared,
    table: &Arc<StoredTable>,
    bodies: &[Bytes],
    done: u64,
    error: Error,
) -> Error {
    if !error.is_unique_violation() {
        return error;
    }
    let Ok(Some(Clash { index, claim, at, key, holder })) = find(shared, table, bodies).await else { return error };
    let (columns, values) = describe_claim(table, index, &claim);
    let (key, holder) = (row::show_key(&key), row::show_key(&holder));
    Error::invalid(format!(
        "line {} of the dump, row {key} of table `{}`, has {columns} = {values}, which row {holder} has too, and the unique \
         index `{}` does not allow both; {done} rows were loaded. Such a dump was taken while others wrote, or where there was no such \
         index: change one of the two rows there, dump again while nobody writes, and load that into an empty database",
        // The first line is the header.
        done + at as u64 + 2,
        table.def.name,
        index.def.name,
    ))
}

async fn find<'a>(shared: &Shared, table: &'a Arc<StoredTable>, bodies: &[Bytes]) -> Result<Option<Clash<'a>>> {
    let mut seen: HashMap<(usize, Bytes), Bytes> = HashMap::new();
    let mut reads = Routed::default();
    let mut asked = Vec::new();
    for (at, body) in bodies.iter().enumerate() {
        let key = row::key_of(table.def, body).map_err(|source| row::damaged(table.def, &[], body, source))?;
        for (place, claim) in entries_of(table, &key, body)?.claims {
            let index = table.index(place);
            if let Some(holder) = seen.insert((place, claim.clone()), key.clone()) {
                return Ok(Some(Clash { index, claim, at, key, holder }));
            }
            let read = Read::Get { space: index.space(), key: claim.clone() };
            reads.push(shared.placement.of_claim(table, index, &claim), read);
            asked.push((index, claim, at, key.clone()));
        }
    }
    let (batch, order) = reads.into_batch();
    let replies = order.merge(shared.read(&batch).await?);
    for ((index, claim, at, key), reply) in asked.into_iter().zip(replies) {
        if let Reply::Record(Some((_, holder))) = reply
            && holder != key
        {
            return Ok(Some(Clash { index, claim, at, key, holder }));
        }
    }
    Ok(None)
}
