//! Where a query runs: directly on the database, or in a session.

use std::sync::Arc;

use bytes::Bytes;
use futures::future::BoxFuture;

use super::{Session, Shared, TxBody, read};
use crate::ask::ScanPolicy;
use crate::catalog::StoredTable;
use crate::error::Result;
use crate::metrics;
use crate::model::{Entity, codec};
use crate::placement::Routed;
use crate::row;
use crate::schema::Table;
use crate::store::{Partition, Read, Reply};

/// Where a query runs.
#[derive(Clone, Copy)]
pub(crate) enum Reader<'a> {
    /// On the latest committed state.
    Database(&'a Arc<Shared>),
    /// In a session: reads are recorded, its own writes are seen.
    Session(&'a Session),
}

/// Where a query that is built will run: what it borrows, or a database of its own.
#[derive(Clone)]
pub(crate) enum Target<'a> {
    Reader(Reader<'a>),
    Own(Arc<Shared>),
}

impl Target<'_> {
    pub const fn reader(&self) -> Reader<'_> {
        match self {
            Self::Reader(reader) => *reader,
            Self::Own(shared) => Reader::Database(shared),
        }
    }
}

impl<'a> Reader<'a> {
    pub fn shared(self) -> &'a Arc<Shared> {
        match self {
            Self::Database(shared) => shared,
            Self::Session(session) => &session.shared,
        }
    }

    pub fn session(self) -> Option<&'a Session> {
        match self {
            Self::Database(_) => None,
            Self::Session(session) => Some(session),
        }
    }

    pub fn scan_policy(self) -> ScanPolicy {
        self.session().and_then(|session| session.options.scan_policy).unwrap_or(self.shared().scan_policy)
    }

    /// Reads; a session records it. Replies come in the order of the reads.
    pub async fn read(self, reads: Routed) -> Result<Vec<Reply>> {
        match self {
            Self::Database(shared) => {
                let (batch, order) = reads.into_batch();
                Ok(order.merge(shared.read_untracked(&batch).await?))
            }
            Self::Session(session) => session.read(reads).await,
        }
    }

    /// Reads hints: nothing is recorded, and what is undecided is left alone.
    pub async fn peek(self, reads: Routed) -> Result<Vec<Reply>> {
        let (batch, order) = reads.into_batch();
        Ok(order.merge(self.shared().committer.peek(&batch).await?))
    }

    /// The rows under these encoded keys.
    pub async fn get_many<D: Entity>(self, keys: Vec<Bytes>) -> Result<Vec<Option<D>>> {
        let rows = self.some_rows(D::table(), &keys).await?;
        let mut entities = Vec::with_capacity(rows.len());
        for (key, body) in keys.iter().zip(rows) {
            entities.push(match body {
                Some(body) => Some(codec::decode(key, &body)?),
                None => None,
            });
        }
        Ok(entities)
    }

    // Boxed, so that they are compiled here and not for each entity.

    /// The key and the columns of the row under a key, if there is one.
    pub fn row(self, def: &'static Table, key: Bytes, deleted: bool) -> BoxFuture<'a, Result<Option<(Bytes, Bytes)>>> {
        Box::pin(async move {
            let body = self.rows(def, std::slice::from_ref(&key), deleted).await?.pop().flatten();
            metrics::returned(usize::from(body.is_some()));
            Ok(body.map(|body| (key, body)))
        })
    }

    fn some_rows<'k>(self, def: &'static Table, keys: &'k [Bytes]) -> BoxFuture<'k, Result<Vec<Option<Bytes>>>>
    where
        'a: 'k,
    {
        Box::pin(async move {
            let rows = self.rows(def, keys, false).await?;
            metrics::returned(rows.iter().flatten().count());
            Ok(rows)
        })
    }

    /// The columns of the rows under these keys, in one round trip.
    async fn rows(self, def: &'static Table, keys: &[Bytes], deleted: bool) -> Result<Vec<Option<Bytes>>> {
        let table = self.shared().table(def)?;
        let mut bodies = match self {
            Self::Database(shared) => match stored_rows(shared, table, keys) {
                Some(rows) => rows.await?,
                // They lie in several partitions, and shall be of one moment.
                None => in_session(shared, async |session: &Session| session_rows(session, table, keys).await).await?,
            },
            Self::Session(session) => session_rows(session, table, keys).await?,
        };
        if !deleted && def.deleted_at.is_some() {
            for body in &mut bodies {
                if let Some(present) = body
                    && row::is_deleted(def, present).map_err(|source| row::damaged(def, &[], present, source))?
                {
                    *body = None;
                }
            }
        }
        Ok(bodies)
    }
}

/// The columns of rows that lie in one partition; none if they lie in several.
fn stored_rows<'t>(
    shared: &'t Shared,
    table: &'t StoredTable,
    keys: &[Bytes],
) -> Option<impl Future<Output = Result<Vec<Option<Bytes>>>> + use<'t>> {
    let partition = keys.first().map_or(Partition(0), |key| shared.placement.of_row(table, key));
    if !shared.placement.is_one() && keys.iter().any(|key| shared.placement.of_row(table, key) != partition) {
        return None;
    }
    let reads = keys.iter().map(|key| Read::Get { space: table.rows(), key: key.clone() }).collect();
    Some(async move {
        let batch = [(partition, reads)];
        let replies = shared.read_untracked(&batch).await?;
        let [(_, reads)] = &batch;
        let mut bodies = Vec::with_capacity(reads.len());
        for (reply, read) in replies.into_iter().flat_map(|reply| reply.replies).zip(reads) {
            bodies.push(stored_row(table, reply, read)?);
        }
        Ok(bodies)
    })
}

/// Runs what reads several times or in several partitions in a session, which sees to it that all is of one moment.
pub(crate) async fn in_session<F, T>(shared: &Arc<Shared>, body: F) -> Result<T>
where
    F: for<'t> TxBody<&'t Session, Result<T>, Fut: Send> + Clone + Send,
    T: Send,
{
    read(shared, body).await
}

fn stored_row(table: &StoredTable, reply: Reply, read: &Read) -> Result<Option<Bytes>> {
    let (Reply::Record(Some((_, stored))), Read::Get { key, .. }) = (reply, read) else { return Ok(None) };
    row::unwrap_shared(table, stored).map(Some).map_err(|source| row::unreadable(table.def, key, source))
}

/// The same in a session: what it knows is not read again, and what it reads it remembers.
pub(crate) async fn session_rows(session: &Session, table: &StoredTable, keys: &[Bytes]) -> Result<Vec<Option<Bytes>>> {
    session.check_open()?;
    let mut bodies: Vec<Option<Bytes>> = Vec::with_capacity(keys.len());
    let mut asked = Vec::new();
    for key in keys {
        let known = session.known(table.id, key);
        if known.is_none() {
            asked.push((bodies.len(), Read::Get { space: table.rows(), key: key.clone() }));
        }
        bodies.push(known.flatten());
    }
    if asked.is_empty() {
        return Ok(bodies);
    }
    let mut reads = Routed::with_capacity(asked.len());
    for (_, read) in &asked {
        if let Read::Get { key, .. } = read {
            reads.push(session.shared.placement.of_row(table, key), read.clone());
        }
    }
    let replies = session.read(reads).await?;
    for ((at, read), reply) in asked.into_iter().zip(replies) {
        let body = stored_row(table, reply, &read)?;
        if let (Read::Get { key, .. }, Some(slot)) = (read, bodies.get_mut(at)) {
            session.remember(table.id, key, body.clone());
            *slot = body;
        }
    }
    Ok(bodies)
}
