//! Where a query runs: directly on the database, or in a session.

use std::sync::Arc;

use bytes::Bytes;

use crate::database::Shared;
use crate::error::Result;
use crate::model::Entity;
use crate::plan::ScanPolicy;
use crate::row;
use crate::session::{Session, verbs};
use crate::store::{Consistency, Partition, Read, Reply};

/// Where a query runs.
#[derive(Clone, Copy)]
pub(crate) enum Target<'a> {
    /// On the latest committed state.
    Database(&'a Arc<Shared>),
    /// In a session: reads are recorded, its own writes are seen.
    Session(&'a Session),
}

impl<'a> Target<'a> {
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

    /// Reads; a session records it.
    pub async fn read(self, reads: Vec<Read>) -> Result<Vec<Reply>> {
        match self {
            Self::Database(_) => self.peek(reads).await,
            Self::Session(session) => session.read(reads).await,
        }
    }

    /// Reads without recording it, for hints.
    pub async fn peek(self, reads: Vec<Read>) -> Result<Vec<Reply>> {
        Ok(self.shared().read(&[(Partition(0), reads)], Consistency::Strict).await?.replies)
    }

    pub async fn get<D: Entity>(self, key: D::Key, deleted: bool) -> Result<Option<D>> {
        let key = verbs::encode_key::<D>(&key);
        let body = self.rows(D::table(), vec![key], deleted).await?.pop().flatten();
        body.map(|body| verbs::decode(&body)).transpose()
    }

    pub async fn get_many<D: Entity>(self, keys: impl IntoIterator<Item = D::Key>) -> Result<Vec<Option<D>>> {
        let keys = keys.into_iter().map(|key| verbs::encode_key::<D>(&key)).collect();
        let rows = self.rows(D::table(), keys, false).await?;
        rows.into_iter().map(|body| body.map(|body| verbs::decode(&body)).transpose()).collect()
    }

    /// The columns of the rows under these keys, in one round trip.
    async fn rows(
        self,
        def: &'static crate::schema::Table,
        keys: Vec<Bytes>,
        deleted: bool,
    ) -> Result<Vec<Option<Bytes>>> {
        let table = self.shared().table(def)?;
        let mut bodies: Vec<Option<Bytes>> = vec![None; keys.len()];
        let mut asked = Vec::with_capacity(keys.len());
        let mut reads = Vec::with_capacity(keys.len());
        for (at, key) in keys.iter().enumerate() {
            let own = self.session().and_then(|session| session.known(table.id, key));
            match own {
                Some(after) => bodies.splice(at..=at, [after]).for_each(drop),
                None => {
                    asked.push(at);
                    reads.push(Read::Get { space: table.rows(), key: key.clone() });
                }
            }
        }
        if let Some(session) = self.session() {
            session.check_open()?;
        }
        if !reads.is_empty() {
            for (at, reply) in asked.into_iter().zip(self.read(reads).await?) {
                let (Reply::Record(record), Some(key), Some(slot)) = (reply, keys.get(at), bodies.get_mut(at)) else {
                    continue;
                };
                *slot = record
                    .map(|(_, stored)| row::unwrap_shared(table, &stored))
                    .transpose()
                    .map_err(|source| row::unreadable(def, key, source))?;
                if let Some(session) = self.session() {
                    session.remember(table.id, key.clone(), slot.clone());
                }
            }
        }
        if !deleted && def.deleted_at.is_some() {
            for (body, key) in bodies.iter_mut().zip(&keys) {
                let hidden = match body {
                    Some(body) => row::is_deleted(def, body).map_err(|source| row::damaged(def, key, body, source))?,
                    None => false,
                };
                if hidden {
                    *body = None;
                }
            }
        }
        Ok(bodies)
    }
}
