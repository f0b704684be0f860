//! Runs the hooks of entities inside of the statements that write them.
//!
//! A hook gets a session inside of the statement's own: with the same reads and buffered writes, and a queue of statements of its
//! own, since that of the outer one is held by the statement that waits for the hook. What statements of the inner session
//! replaced goes over to the outer statement, so that both are taken back together.

use std::collections::HashSet;
use std::sync::Arc;

use bytes::Bytes;

use super::write::{Statement, Write, Written};
use crate::catalog::StoredTable;
use crate::error::{Error, Result};
use crate::row;
use crate::schema::Table;
use crate::session::{Moment, RowHooks, Session, session_rows};

/// The hook that comes after a write, with the row if the write itself does not give it.
pub(super) struct After {
    at: Moment,
    row: Option<Bytes>,
}

impl Session {
    /// Runs a hook; what it wrote belongs to the statement from then on.
    pub(super) async fn run_hook(
        &self,
        table: &'static Table,
        hooks: RowHooks,
        at: Moment,
        body: Bytes,
        done: &mut Statement<'_>,
    ) -> Result<Option<Vec<u8>>> {
        let inner = self.inside(table)?;
        let changed = hooks.run(at, &inner, body).await?;
        if let Some(inside) = &inner.inside {
            done.adopt(inside.take());
        }
        Ok(changed)
    }

    /// Runs the hooks that come before these writes, and returns the writes as those have left them; `None` if the row of a swap is
    /// another one by now.
    pub(super) async fn run_before_hooks(
        &self,
        hooks: RowHooks,
        table: &Arc<StoredTable>,
        writes: Vec<Write>,
        done: &mut Statement<'_>,
    ) -> Result<Option<(Vec<Write>, Vec<After>)>> {
        let def = table.def;
        self.load_before(table, &writes).await?;
        let mut treated = HashSet::new();
        let mut changed = Vec::with_capacity(writes.len());
        let mut afters = Vec::with_capacity(writes.len());
        for write in writes {
            // As the hooks of earlier rows have left it.
            let key = decided_by(def, &write)?;
            let stored = key.as_ref().and_then(|key| self.known(table.id, key).flatten());
            let keyed = key.is_some();
            let again = key.is_some_and(|key| !treated.insert(key));
            // What a change was calculated from; it is compared once more when the row is buffered.
            let mut read = None;
            let (at, body, to): (_, Vec<u8>, fn(_) -> _) = match write {
                Write::Insert(body) => (Moment::BeforeInsert, body, Write::Insert),
                Write::Update(body) => (Moment::BeforeUpdate, body, Write::Update),
                Write::Swap { old, .. } if stored.as_ref() != Some(&old) => return Ok(None),
                Write::Change { old, .. } if stored.as_ref() != Some(&old) => {
                    return Err(overtaken(def, &key_of(def, &old)?));
                }
                Write::Change { body, old } | Write::Swap { body, old } => {
                    read = Some(old);
                    (Moment::BeforeUpdate, body, Write::Update)
                }
                Write::Upsert(body) if again || stored.is_some() => (Moment::BeforeUpdate, body, Write::Upsert),
                Write::Upsert(body) if keyed => (Moment::BeforeInsert, body, Write::Upsert),
                // No row is there yet, also if the hook and not ROME gives the key.
                Write::Upsert(body) => (Moment::BeforeInsert, body, Write::Insert),
                Write::Delete(_) | Write::Purge(_) => {
                    // What is softly deleted already is not deleted once more.
                    let softly = matches!(write, Write::Delete(_));
                    let is_gone = |body: &Bytes| again || (softly && row::is_deleted(def, body).unwrap_or(false));
                    let row = stored.filter(|body| !is_gone(body));
                    if let Some(body) = &row {
                        self.run_hook(def, hooks, Moment::BeforeDelete, body.clone(), done).await?;
                    }
                    afters.push(After { at: Moment::AfterDelete, row });
                    changed.push(write);
                    continue;
                }
            };
            let key = key_of(def, &body)?;
            let body = self.run_hook(def, hooks, at, body.into(), done).await?.unwrap_or_default();
            if keyed || at == Moment::BeforeUpdate {
                check_key(def, at, &key, &body)?;
            }
            let after = if at == Moment::BeforeUpdate { Moment::AfterUpdate } else { Moment::AfterInsert };
            afters.push(After { at: after, row: None });
            changed.push(match read {
                Some(old) => Write::Change { body, old },
                None => to(body),
            });
        }
        Ok(Some((changed, afters)))
    }

    /// Reads what is stored under the keys of those writes for which it decides which hooks run. Costs one round trip if there
    /// are such rows that the session does not know.
    async fn load_before(&self, table: &Arc<StoredTable>, writes: &[Write]) -> Result<()> {
        let keys = writes.iter().filter_map(|write| decided_by(table.def, write).transpose());
        let keys = keys.collect::<Result<Vec<_>>>()?;
        session_rows(self, table, &keys).await.map(drop)
    }

    /// Runs the hooks that come after a statement: those of cascades, and then its own.
    pub(super) async fn run_after_hooks(
        &self,
        table: &Arc<StoredTable>,
        afters: Vec<After>,
        done: &mut Statement<'_>,
    ) -> Result<()> {
        for (child, at, body) in done.take_cascaded() {
            self.run_after(&child, at, body, done).await?;
        }
        for (at, After { at: moment, row }) in afters.into_iter().enumerate() {
            let body = match done.written.get(at) {
                Some(Written::Row(body)) => Some(body.clone()),
                Some(Written::Removed) => row,
                Some(Written::Absent) | None => None,
            };
            if let Some(body) = body {
                self.run_after(table, moment, body, done).await?;
            }
        }
        Ok(())
    }

    /// Runs a hook that comes after a write, with the row as it is by now; passes over one that is gone since.
    async fn run_after(
        &self,
        table: &Arc<StoredTable>,
        at: Moment,
        written: Bytes,
        done: &mut Statement<'_>,
    ) -> Result<()> {
        let Some(hooks) = self.shared.hooks.of(table.entity) else { return Ok(()) };
        let body = match at {
            Moment::AfterDelete => Some(written),
            _ => self.known(table.id, &key_of(table.def, &written)?).unwrap_or(Some(written)),
        };
        match body {
            Some(body) => self.run_hook(table.def, hooks, at, body, done).await.map(drop),
            None => Ok(()),
        }
    }
}

/// A hook has written a row itself that the statement has read, and would overwrite.
#[cold]
pub(super) fn overtaken(def: &'static Table, key: &[u8]) -> Error {
    Error::invalid(format!(
        "the row {} of table `{}` was changed while the statement that read it was at work, by a hook of this statement or by \
         another statement of the session, and would be overwritten: let a `before_update` hook change its own row in `self`, \
         and write other rows of the statement in an `after_` hook",
        row::show_key(key),
        def.name
    ))
}

/// The key of a write of which it is decided by what is stored there which hooks run; none of other writes.
fn decided_by(def: &'static Table, write: &Write) -> Result<Option<Bytes>> {
    Ok(match write {
        Write::Delete(key) | Write::Purge(key) => Some(key.clone()),
        Write::Upsert(body) if row::wants_key(def, body).map_err(|source| bad_key(def, source))? => None,
        Write::Upsert(body) | Write::Swap { body, .. } | Write::Change { body, .. } => Some(key_of(def, body)?),
        Write::Insert(_) | Write::Update(_) => None,
    })
}

/// Refuses a row that a hook has left under another key.
pub(super) fn check_key(def: &'static Table, at: Moment, key: &[u8], body: &[u8]) -> Result<()> {
    if key_of(def, body)? == key {
        return Ok(());
    }
    let hook = if at == Moment::BeforeUpdate { "before_update" } else { "before_insert" };
    Err(Error::invalid(format!(
        "`{hook}` of table `{}` changed the key of the row {}: insert a new row and delete the old one",
        def.name,
        row::show_key(key)
    )))
}

fn key_of(def: &'static Table, body: &[u8]) -> Result<Bytes> {
    row::key_of(def, body).map_err(|source| bad_key(def, source))
}

fn bad_key(def: &'static Table, source: crate::value::ValueError) -> Error {
    crate::error::Kind::Value { table: def.name, column: "key".to_owned(), source }.into()
}
