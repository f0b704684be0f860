//! Statements that are transactions of their own. Boxed, so that they are compiled here and not for each entity.

use std::sync::Arc;

use bytes::Bytes;
use futures::future::BoxFuture;

use super::compare_and_set::{CompareAndSet, change_if};
use super::link::Linked;
use super::restore::restore;
use super::verbs::{count_of, row_of, rows_of};
use super::{Write, Written};
use crate::catalog::StoredTable;
use crate::error::Result;
use crate::schema::Table;
use crate::session::{Purpose, Session, Shared, TransactionOptions, run};

/// Writes rows of a table.
pub(crate) async fn write_once(
    shared: &Arc<Shared>,
    table: &Arc<StoredTable>,
    writes: Vec<Write>,
) -> Result<Vec<Written>> {
    let body = async move |session: &Session| session.write(table, writes).await;
    run(shared, TransactionOptions::default(), Purpose::OneStatement, body).await
}

/// Writes one row, and gives it as it is stored.
pub(crate) fn write_row_once<'a>(
    shared: &'a Arc<Shared>,
    def: &'static Table,
    write: Result<Write>,
) -> BoxFuture<'a, Result<Bytes>> {
    Box::pin(async move { row_of(write_once(shared, shared.table(def)?, vec![write?]).await?.pop()) })
}

/// Writes rows, and gives them as they are stored.
pub(crate) fn write_rows_once<'a>(
    shared: &'a Arc<Shared>,
    def: &'static Table,
    writes: Result<Vec<Write>>,
) -> BoxFuture<'a, Result<Vec<Bytes>>> {
    Box::pin(async move { rows_of(write_once(shared, shared.table(def)?, writes?).await?) })
}

/// Removes rows, and says how many there were.
pub(crate) fn remove_once<'a>(
    shared: &'a Arc<Shared>,
    def: &'static Table,
    writes: Vec<Write>,
) -> BoxFuture<'a, Result<u64>> {
    Box::pin(async move { Ok(count_of(&write_once(shared, shared.table(def)?, writes).await?)) })
}

/// Changes a row if conditions hold for it, and gives it as it is stored.
pub(crate) fn change_if_once<'a>(
    shared: &'a Arc<Shared>,
    def: &'static Table,
    key: Bytes,
    change: CompareAndSet,
) -> BoxFuture<'a, Result<Bytes>> {
    Box::pin(async move {
        let (table, key, change) = (shared.table(def)?, &key, &change);
        let body = async move |session: &Session| change_if(session, table, key.clone(), change).await;
        run(shared, TransactionOptions::default(), Purpose::OneStatement, body).await
    })
}

/// Brings a softly deleted row back; says whether there was one.
pub(crate) fn restore_once<'a>(
    shared: &'a Arc<Shared>,
    def: &'static Table,
    key: Bytes,
) -> BoxFuture<'a, Result<bool>> {
    Box::pin(async move {
        let (table, key) = (shared.table(def)?, &key);
        let body = async move |session: &Session| restore(session, table, key).await;
        run(shared, TransactionOptions::default(), Purpose::OneStatement, body).await
    })
}

/// Makes a relation lead from one row to another, or no longer; says whether that changed anything.
pub(crate) fn link_once(shared: &Arc<Shared>, link: Linked) -> BoxFuture<'_, Result<bool>> {
    Box::pin(async move {
        let link = &link;
        let body = async move |session: &Session| session.set_link(link).await;
        run(shared, TransactionOptions::new(), Purpose::Transaction, body).await
    })
}
