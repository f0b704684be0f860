//! Buffers writes: finds what is stored, fills what ROME sets, and tests unique values.

use std::sync::Arc;

use super::hooks::overtaken;
use crate::catalog::StoredTable;
use crate::error::{Error, Kind, Result};
use crate::placement::Routed;
use crate::row;
use crate::schema::KeySource;
use crate::session::{Moment, Overlay, Pace, Pending, Purpose, Replaced, Session, apart, keys, unique_violation};
use crate::store::{Read, Reply};
use crate::value::{Timestamp, Value};
use bytes::Bytes;

/// A write of one row, by its columns.
#[derive(Debug, Clone)]
pub(crate) enum Write {
    /// A new row.
    Insert(Vec<u8>),
    /// A row that must be there.
    Update(Vec<u8>),
    /// A row that was just read as `old` and changed by an expression; a version column is raised, not compared. Refused if the
    /// row is another one by now.
    Change { body: Vec<u8>, old: Bytes },
    /// The same, done only if the row still is as it was read.
    Swap { body: Vec<u8>, old: Bytes },
    /// A new row, or in the place of the one that is there.
    Upsert(Vec<u8>),
    /// Removes a row, softly if the table has that.
    Delete(Bytes),
    /// Removes a row really.
    Purge(Bytes),
}

/// A write whose key is known.
pub(super) struct Step {
    pub key: Bytes,
    pub write: Write,
    /// Whether the store need not be asked for the row, because its key was generated or the commit asks.
    pub unread: bool,
    /// Whether its key was counted.
    pub counted: bool,
}

impl Session {
    /// Buffers writes, all of them or, on an error, none.
    pub(crate) async fn write(&self, table: &Arc<StoredTable>, writes: Vec<Write>) -> Result<Vec<Written>> {
        if self.options.read_only {
            return Err(Error::invalid("a read-only session cannot write; begin one without `read_only`"));
        }
        self.check_open()?;
        let removes = |write: &Write| match write {
            Write::Purge(_) => true,
            Write::Delete(_) => table.def.deleted_at.is_none(),
            _ => false,
        };
        if writes.iter().any(removes) {
            // Before hooks run, and also if the rows are not there: a program finds out before it matters.
            self.shared.catalog.check_delete(table.def)?;
        }
        // One statement after the other, so that one that fails takes back nothing of another.
        let _alone = self.writing.lock().await;
        let now = Timestamp::now();
        let mut done = Statement::new(self);
        let (writes, afters) = match self.shared.hooks.of(table.entity) {
            None => (writes, Vec::new()),
            Some(hooks) => match apart(|| self.run_before_hooks(hooks, table, writes, &mut done)).await? {
                Some(hooked) => hooked,
                None => return Ok(vec![Written::Absent]),
            },
        };
        let steps = self.prepare_steps(table, writes, now).await?;
        self.load_stored(table, &steps).await?;
        let (mut claims, pace) = (Vec::new(), Pace::default());
        for step in steps {
            claims.extend(self.buffer_write(table, step, now, &mut done)?);
            pace.passed(1).await;
        }
        if !(table.def.foreign_keys.is_empty() && self.shared.catalog.incoming(table.def).is_empty()) {
            apart(|| self.apply_on_delete(table, now, &mut done)).await?;
        }
        self.test_claims(table, claims).await?;
        self.spare_claims(&done).await?;
        self.note_builds(&done).await?;
        if !(afters.is_empty() && done.cascaded.is_empty()) {
            apart(|| self.run_after_hooks(table, afters, &mut done)).await?;
        }
        Ok(done.keep())
    }

    /// Generates keys and finds the key of each row.
    async fn prepare_steps(&self, table: &Arc<StoredTable>, writes: Vec<Write>, now: Timestamp) -> Result<Vec<Step>> {
        let def = table.def;
        let bad = |source| Error::from(Kind::Value { table: def.name, column: "key".to_owned(), source });
        let mut wanting = Vec::with_capacity(writes.len());
        for write in &writes {
            let wants = match write {
                Write::Insert(body) | Write::Upsert(body) => row::wants_key(def, body).map_err(bad)?,
                _ => false,
            };
            wanting.push(wants);
        }
        let mut counted = Vec::new();
        if def.key_source == KeySource::Counter {
            let mut used = self.given(table.id);
            let n = wanting.iter().filter(|wants| **wants).count();
            if n > 0 {
                for (write, _) in writes.iter().zip(&wanting).filter(|(_, wants)| !**wants) {
                    if let Write::Insert(body) | Write::Upsert(body) = write {
                        let key = row::key_of(def, body).map_err(bad)?;
                        used = used.max(keys::number(table, &key).unwrap_or(0));
                    }
                }
                counted = self.shared.counters.take(&self.shared.committer, table, n, used).await?;
            }
        }
        let mut counted = counted.into_iter();
        let (mut steps, pace) = (Vec::with_capacity(writes.len()), Pace::default());
        for (write, wants) in writes.into_iter().zip(wanting) {
            pace.passed(1).await;
            let key = match (wants, def.key_source) {
                (false, _) | (true, KeySource::Given) => None,
                (true, KeySource::Counter) => counted.next().map(|number| Value::Int(i128::from(number))),
                (true, KeySource::UuidV4) => Some(Value::Uuid(uuid::Uuid::new_v4())),
                (true, KeySource::UuidV7) => Some(Value::Uuid(uuid::Uuid::now_v7())),
            };
            let counted = key.is_some() && def.key_source == KeySource::Counter;
            let unread = key.is_some() || (self.purpose == Purpose::OneStatement && matches!(write, Write::Insert(_)));
            let write = match write {
                Write::Insert(body) => Write::Insert(row::stamp_insert(table.entity, body, key, now)?),
                Write::Upsert(body) => Write::Upsert(match key {
                    Some(_) => row::stamp_insert(table.entity, body, key, now)?,
                    None => body,
                }),
                other => other,
            };
            let key = match &write {
                Write::Insert(body)
                | Write::Update(body)
                | Write::Change { body, .. }
                | Write::Swap { body, .. }
                | Write::Upsert(body) => row::key_of(def, body).map_err(bad)?,
                Write::Delete(key) | Write::Purge(key) => key.clone(),
            };
            steps.push(Step { key, write, unread, counted });
        }
        Ok(steps)
    }

    /// Reads the stored rows that the writes replace and that are not known yet, all in one round trip.
    async fn load_stored(&self, table: &StoredTable, steps: &[Step]) -> Result<()> {
        let missing: Vec<Bytes> = {
            let state = self.state();
            steps
                .iter()
                .filter(|step| !step.unread)
                .map(|step| &step.key)
                .filter(|key| {
                    state.overlay.get(table.id, key).is_none() && !state.rows.contains_key(&(table.id, (*key).clone()))
                })
                .cloned()
                .collect()
        };
        if missing.is_empty() {
            return Ok(());
        }
        let mut reads = Routed::with_capacity(missing.len());
        for key in &missing {
            let read = Read::Get { space: table.rows(), key: key.clone() };
            reads.push(self.shared.placement.of_row(table, key), read);
        }
        let replies = self.read(reads).await?;
        for (key, reply) in missing.into_iter().zip(replies) {
            let Reply::Record(record) = reply else { continue };
            let body = record
                .map(|(_, stored)| row::unwrap_shared(table, stored))
                .transpose()
                .map_err(|source| row::unreadable(table.def, &key, source))?;
            self.state().rows.insert((table.id, key), body);
        }
        Ok(())
    }

    /// Buffers one write; gives the unique values that it takes.
    pub(super) fn buffer_write(
        &self,
        table: &Arc<StoredTable>,
        step: Step,
        now: Timestamp,
        done: &mut Statement<'_>,
    ) -> Result<Vec<Claim>> {
        let def = table.def;
        let Step { key, write, counted, .. } = step;
        // What an entity has written was looked at then.
        let is_calculated = matches!(write, Write::Change { .. } | Write::Swap { .. });
        let mut state = self.state();
        let (before, current, unread) = match state.overlay.get(table.id, &key) {
            Some(pending) => (pending.before.clone(), pending.after.clone(), pending.unread),
            None => match state.rows.get(&(table.id, key.clone())) {
                Some(stored) => (stored.clone(), stored.clone(), false),
                None => (None, None, true),
            },
        };
        let bad = |source| row::unreadable(def, &key, source);
        let update = |body: Vec<u8>, old: &Bytes, check: bool| {
            let body = row::complete(table, body, Some(old)).map_err(bad)?;
            row::stamp_update(def, body, old, &key, now, check)
        };
        let insert = |body: Vec<u8>| row::complete(table, body, None).map_err(bad);
        let missing = || Error::from(Kind::NotFound { table: def.name, key: row::show_key(&key) });
        let after = match (write, current) {
            (Write::Insert(_), Some(_)) => {
                return Err(Kind::DuplicateKey { table: def.name, key: row::show_key(&key) }.into());
            }
            (Write::Insert(body), None) => Some(insert(body)?),
            // For the writer it is not there: what it read before the deletion would bring the row back by the way.
            (Write::Update(_), Some(old)) if row::is_deleted(def, &old).map_err(bad)? => return Err(missing()),
            (Write::Update(body), Some(old)) => Some(update(body, &old, true)?),
            (Write::Change { old, .. }, current) if current.as_ref() != Some(&old) => return Err(overtaken(def, &key)),
            (Write::Change { body, old }, _) => Some(update(body, &old, false)?),
            (Write::Upsert(body), Some(old)) => Some(update(body, &old, false)?),
            (Write::Upsert(body), None) => Some(row::stamp_insert(def, insert(body)?, None, now)?),
            (Write::Swap { old, .. }, current) if current.as_ref() != Some(&old) => return Ok(done.absent()),
            (Write::Swap { body, old }, _) => Some(update(body, &old, false)?),
            (Write::Update(_), None) => return Err(missing()),
            (Write::Delete(_) | Write::Purge(_), None) => return Ok(done.absent()),
            (Write::Delete(_), Some(old)) => match def.deleted_at {
                None => None,
                Some(_) if row::is_deleted(def, &old).map_err(|source| row::damaged(def, &key, &old, source))? => {
                    return Ok(done.absent());
                }
                Some(column) => {
                    let body = row::replace(def, &key, &old, &[(column, Value::Timestamp(now))])?;
                    Some(update(body, &old, false)?)
                }
            },
            (Write::Purge(_), Some(_)) => None,
        };
        if let Some(body) = after.as_ref().filter(|_| is_calculated) {
            self.shared.readers.check(def, body)?;
        }
        let after = after.map(Bytes::from);
        if let Some(body) = &after {
            self.limits().check_row(table, &key, body)?;
        }
        let mut pending = Pending::new(table, &key, before, after.clone(), unread)?;
        pending.counted = counted;
        let mut taken = Vec::new();
        // The commit of a single statement tests them all.
        if self.purpose != Purpose::OneStatement {
            for (index, claim) in pending.taken_claims(state.overlay.get(table.id, &key)) {
                let unknown = state.overlay.holders(table.id, *index, claim).is_none();
                taken.push(Claim { index: *index, columns: claim.clone(), key: key.clone(), unknown });
            }
        }
        let replaced = state.overlay.put(key.clone(), pending);
        if after.is_none() {
            done.gone.push(key.clone());
        }
        done.replaced.push((table.clone(), key, replaced));
        done.written.push(after.map_or(Written::Removed, Written::Row));
        self.limits().check_rows(table, &state.overlay)?;
        Ok(taken)
    }

    /// Tests unique values against the store, all in one round trip, so that the statement itself fails and not only the
    /// commit, which tests them again.
    ///
    /// Only after the whole statement, so that its rows may pass their values on to each other.
    async fn test_claims(&self, table: &StoredTable, mut claims: Vec<Claim>) -> Result<()> {
        let shared = |overlay: &Overlay, claim: &Claim| {
            overlay.holders(table.id, claim.index, &claim.columns).is_some_and(|holders| holders.len() > 1)
        };
        if let Some(claim) = self.with_overlay(|overlay| claims.iter().position(|claim| shared(overlay, claim))) {
            let claim = claims.swap_remove(claim);
            return Err(unique_violation(table, claim.index, &claim.columns));
        }
        claims.retain(|claim| claim.unknown);
        if claims.is_empty() {
            return Ok(());
        }
        let mut reads = Routed::with_capacity(claims.len());
        for claim in &claims {
            let index = table.index(claim.index);
            let read = Read::Get { space: index.space(), key: claim.columns.clone() };
            reads.push(self.shared.placement.of_claim(table, index, &claim.columns), read);
        }
        let replies = self.read(reads).await?;
        for (claim, reply) in claims.into_iter().zip(replies) {
            // A holder that is buffered itself gives the value up: otherwise both would have it now.
            if let Reply::Record(Some((_, holder))) = reply
                && holder != claim.key
                && self.with_overlay(|overlay| overlay.get(table.id, &holder).is_none())
            {
                return Err(unique_violation(table, claim.index, &claim.columns));
            }
        }
        Ok(())
    }
}

/// What a statement has buffered so far. Takes it back when it is dropped: after an error, and where the statement's
/// future is dropped in the middle.
pub(super) struct Statement<'s> {
    session: &'s Session,
    /// What it did to the rows that it was asked to write.
    pub written: Vec<Written>,
    /// The keys of rows that it removed, whose referrers were not looked for yet.
    gone: Vec<Bytes>,
    /// What each write replaced in the overlay, in order.
    replaced: Vec<Replaced>,
    /// The rows that it changed because they reference others, and whose entities have hooks.
    pub cascaded: Vec<(Arc<StoredTable>, Moment, Bytes)>,
}

impl<'s> Statement<'s> {
    const fn new(session: &'s Session) -> Self {
        Self { session, written: Vec::new(), gone: Vec::new(), replaced: Vec::new(), cascaded: Vec::new() }
    }

    /// What was replaced on its behalf by the statements of a hook.
    pub fn adopt(&mut self, replaced: Vec<Replaced>) {
        self.replaced.extend(replaced);
    }

    pub fn take_cascaded(&mut self) -> Vec<(Arc<StoredTable>, Moment, Bytes)> {
        std::mem::take(&mut self.cascaded)
    }

    fn absent(&mut self) -> Vec<Claim> {
        self.written.push(Written::Absent);
        Vec::new()
    }

    pub fn take_gone(&mut self) -> Vec<Bytes> {
        std::mem::take(&mut self.gone)
    }

    /// The rows that it wrote.
    pub fn touched(&self) -> impl Iterator<Item = (&Arc<StoredTable>, &Bytes)> {
        self.replaced.iter().map(|(table, key, _)| (table, key))
    }

    /// Lets what is buffered stand.
    fn keep(mut self) -> Vec<Written> {
        let replaced = std::mem::take(&mut self.replaced);
        if let Some(inside) = &self.session.inside {
            inside.keep(replaced);
        }
        std::mem::take(&mut self.written)
    }
}

impl Drop for Statement<'_> {
    fn drop(&mut self) {
        let replaced = std::mem::take(&mut self.replaced);
        if !replaced.is_empty() {
            self.session.state().overlay.undo(replaced);
        }
    }
}

/// A unique value that a row takes.
pub(super) struct Claim {
    index: usize,
    columns: Bytes,
    key: Bytes,
    /// Whether nothing is known of its holder yet.
    unknown: bool,
}

/// What a write did.
#[derive(Debug, Clone)]
pub(crate) enum Written {
    /// The row as it will be stored.
    Row(Bytes),
    /// The row will be removed.
    Removed,
    /// There was no row to delete, or the row to swap is another one by now.
    Absent,
}
