//! Foreign keys: what a statement has to do and to test because rows reference each other.
//!
//! Rows that reference a deleted one are found by a query in the session, which sees its own writes and records what it
//! read: a child that another transaction inserts meanwhile is a phantom, and so a conflict. That a referenced row is there
//! is read, and checked at commit, as a number of rows under its key, so that a change of it is no conflict.

use std::collections::VecDeque;
use std::sync::Arc;

use super::hooks::check_key;
use super::write::{Statement, Step, Write, Written};
use crate::ask::{IndexChoice, OrderPart, SoftDeleted, Spec, Window};
use crate::catalog::{Incoming, StoredTable};
use crate::error::{Error, Kind, Result};
use crate::exec::{Hit, rows_with};
use crate::placement::Routed;
use crate::row;
use crate::row::reference::columns_of;
use crate::schema::{ForeignKey, Lookup, OnDelete};
use crate::session::{
    Moment, Overlay, Purpose, Reader, RowHooks, Session, apart, missing, names, new_references, one_row,
};
use crate::store::{Read, Reply};
use crate::value::{Timestamp, Value};
use bytes::Bytes;

impl Session {
    /// Carries out what follows from a statement's writes: deletes and changes rows that reference deleted ones, and tests
    /// that nothing is left that references a row which is not there. Costs a round trip for each foreign key that leads
    /// to the table, at each level of a cascade, and one for what is referenced.
    pub(super) async fn apply_on_delete(
        &self,
        table: &Arc<StoredTable>,
        now: Timestamp,
        done: &mut Statement<'_>,
    ) -> Result<()> {
        let catalog = &self.shared.catalog;
        let mut restricted: Vec<(&Incoming, Vec<Bytes>)> = Vec::new();
        let mut levels = VecDeque::from([(table.clone(), done.take_gone())]);
        while let Some((table, gone)) = levels.pop_front() {
            if gone.is_empty() {
                continue;
            }
            for incoming in catalog.incoming(table.def) {
                if incoming.foreign_key.on_delete == OnDelete::Restrict {
                    restricted.push((incoming, gone.clone()));
                    continue;
                }
                // No more than show that they are too many: all of them could be more than there is memory for.
                let mut hits = self.referring(incoming, &gone, Some(self.limits().one_too_many())).await?;
                self.limits().check_found(&incoming.table, hits.len())?;
                // So that hooks run, and the first mistake is found, in one order on each store.
                hits.sort_unstable_by(|one, other| one.key.cmp(&other.key));
                if !hits.is_empty() && incoming.foreign_key.on_delete == OnDelete::Cascade {
                    catalog.check_delete(incoming.table.def)?;
                }
                for hit in hits {
                    match self.shared.hooks.of(incoming.table.entity) {
                        None => drop(self.change_child(incoming, hit, now, done)?),
                        Some(hooks) => apart(|| self.change_hooked(hooks, incoming, hit, now, done)).await?,
                    }
                }
                levels.push_back((incoming.table.clone(), done.take_gone()));
            }
        }
        for (incoming, gone) in restricted {
            if let Some(hit) = apart(|| self.first_referring(incoming, &gone)).await? {
                return Err(restricts(incoming, &hit));
            }
        }
        self.test_references(done).await
    }

    /// The row with the least key of those that reference the first of these that is referenced at all: the same one on each
    /// store. Costs a round trip, and where there is one a few more, by the logarithm of how many these are.
    async fn first_referring(&self, incoming: &Incoming, gone: &[Bytes]) -> Result<Option<Hit>> {
        let Some(any) = self.referring(incoming, gone, Some(1)).await?.pop() else { return Ok(None) };
        let mut rest = gone;
        while rest.len() > 1 {
            let (first, second) = rest.split_at(rest.len() / 2);
            rest = if self.referring(incoming, first, Some(1)).await?.is_empty() { second } else { first };
        }
        let by_key = incoming.table.def.key.iter().map(|column| OrderPart::new(*column, false)).collect();
        let first = self.referring_in(incoming, rest, Some(1), by_key).await?.into_iter().next();
        Ok(Some(first.unwrap_or(any)))
    }

    /// The rows that reference one of these by a foreign key; with a limit, some of them if there are any.
    async fn referring(&self, incoming: &Incoming, gone: &[Bytes], limit: Option<u64>) -> Result<Vec<Hit>> {
        self.referring_in(incoming, gone, limit, Vec::new()).await
    }

    async fn referring_in(
        &self,
        incoming: &Incoming,
        gone: &[Bytes],
        limit: Option<u64>,
        order: Vec<OrderPart>,
    ) -> Result<Vec<Hit>> {
        let Incoming { table, foreign_key } = incoming;
        let indexes = match foreign_key.lookup {
            // A condition on all columns of several rows is a union, which chooses by itself.
            _ if foreign_key.columns.len() > 1 => IndexChoice::Any,
            Lookup::ByKey => IndexChoice::None,
            Lookup::ByIndex(at) => table
                .indexes
                .get(at)
                .filter(|index| index.is_readable())
                .map_or(IndexChoice::Any, |index| IndexChoice::Only(index.def.name.clone())),
        };
        let spec = Spec {
            window: Window { limit, offset: 0 },
            order,
            deleted: SoftDeleted::Include,
            indexes,
            ..Spec::new(table.def)
        };
        rows_with(Reader::Session(self), table, &spec, &foreign_key.columns, gone).await
    }

    /// Deletes or changes a row that references a deleted one; says what became of it.
    fn change_child(
        &self,
        incoming: &Incoming,
        hit: Hit,
        now: Timestamp,
        done: &mut Statement<'_>,
    ) -> Result<Option<Written>> {
        let write = if incoming.foreign_key.on_delete == OnDelete::SetNull {
            Write::Change { body: without_reference(incoming, &hit)?, old: hit.body }
        } else {
            Write::Purge(hit.key.clone())
        };
        self.buffer_child(incoming, hit.key, write, now, done)
    }

    fn buffer_child(
        &self,
        incoming: &Incoming,
        key: Bytes,
        write: Write,
        now: Timestamp,
        done: &mut Statement<'_>,
    ) -> Result<Option<Written>> {
        let written = done.written.len();
        self.buffer_write(&incoming.table, Step { key, write, unread: false, counted: false }, now, done)?;
        // The caller is told of its own rows only.
        let of_child = done.written.pop();
        done.written.truncate(written);
        Ok(of_child)
    }

    /// The same with the hooks of its entity; those that come after are kept for the end of the statement. Passes over a row
    /// that hooks have deleted or moved to another parent since it was found.
    async fn change_hooked(
        &self,
        hooks: RowHooks,
        incoming: &Incoming,
        hit: Hit,
        now: Timestamp,
        done: &mut Statement<'_>,
    ) -> Result<()> {
        let def = incoming.table.def;
        let Some(current) = self.still_referring(incoming, &hit)? else { return Ok(()) };
        let (write, at) = if incoming.foreign_key.on_delete == OnDelete::SetNull {
            let body = without_reference(incoming, &current)?;
            let body = self.run_hook(def, hooks, Moment::BeforeUpdate, body.into(), done).await?.unwrap_or_default();
            check_key(def, Moment::BeforeUpdate, &hit.key, &body)?;
            let body = row::complete(&incoming.table, body, Some(&current.body))
                .map_err(|source| row::unreadable(def, &hit.key, source))?;
            let mut changed = Hit { key: hit.key.clone(), body: body.into() };
            if parent_of(incoming, &changed)? == parent_of(incoming, &hit)? {
                changed.body = without_reference(incoming, &changed)?.into();
            }
            (Write::Change { body: changed.body.into(), old: current.body }, Moment::AfterUpdate)
        } else {
            self.run_hook(def, hooks, Moment::BeforeDelete, current.body, done).await?;
            (Write::Purge(hit.key.clone()), Moment::AfterDelete)
        };
        let Some(left) = self.still_referring(incoming, &hit)? else { return Ok(()) };
        match self.buffer_child(incoming, hit.key, write, now, done)? {
            Some(Written::Row(body)) => done.cascaded.push((incoming.table.clone(), at, body)),
            Some(Written::Removed) => done.cascaded.push((incoming.table.clone(), at, left.body)),
            Some(Written::Absent) | None => {}
        }
        Ok(())
    }

    /// A row that was found to reference a deleted one, as the session knows it now, if it still references that.
    fn still_referring(&self, incoming: &Incoming, hit: &Hit) -> Result<Option<Hit>> {
        let Some(body) = self.known(incoming.table.id, &hit.key).unwrap_or_else(|| Some(hit.body.clone())) else {
            return Ok(None);
        };
        let current = Hit { key: hit.key.clone(), body };
        let refers = parent_of(incoming, &current)? == parent_of(incoming, hit)?;
        Ok(refers.then_some(current))
    }

    /// Tests that what the statement's rows reference is there. The commit of a single statement tests it in any case.
    async fn test_references(&self, done: &Statement<'_>) -> Result<()> {
        if self.purpose == Purpose::OneStatement {
            return Ok(());
        }
        let mut asked = Vec::new();
        let mut reads = Routed::default();
        for (table, key) in done.touched() {
            let references = self.with_overlay(|overlay| self.new_references(overlay, table, key))?;
            for (foreign_key, parent_table, parent) in references {
                let read = Read::count(one_row(&parent_table, &parent));
                reads.push(self.shared.placement.of_row(&parent_table, &parent), read);
                asked.push((table, foreign_key, parent));
            }
        }
        if reads.is_empty() {
            return Ok(());
        }
        for ((table, foreign_key, parent), reply) in asked.into_iter().zip(self.read(reads).await?) {
            if reply == Reply::Count(0.into()) {
                return Err(missing(table, foreign_key, &parent));
            }
        }
        Ok(())
    }

    /// What a buffered row references and did not before, as far as the buffered writes do not say that it is there.
    fn new_references(
        &self,
        overlay: &Overlay,
        table: &StoredTable,
        key: &Bytes,
    ) -> Result<Vec<(&'static ForeignKey, Arc<StoredTable>, Bytes)>> {
        let Some(pending) = overlay.get(table.id, key) else { return Ok(Vec::new()) };
        new_references(&self.shared.catalog, overlay, table, key, pending.before.as_ref(), pending.after.as_ref())
    }
}

/// The columns of a row that references nothing by this foreign key any more.
fn without_reference(incoming: &Incoming, hit: &Hit) -> Result<Vec<u8>> {
    let Incoming { table, foreign_key } = incoming;
    let nulls: Vec<(u16, Value)> = foreign_key
        .columns
        .iter()
        .filter(|column| table.def.column(**column).nullable)
        .map(|column| (*column, Value::Null))
        .collect();
    row::replace(table.def, &hit.key, &hit.body, &nulls)
}

/// The key of the row that a row references by this foreign key.
fn parent_of(incoming: &Incoming, hit: &Hit) -> Result<Option<Bytes>> {
    let Incoming { table, foreign_key } = incoming;
    columns_of(table.def, &hit.body, &foreign_key.columns)
        .map_err(|source| row::damaged(table.def, &hit.key, &hit.body, source))
}

fn restricts(incoming: &Incoming, hit: &Hit) -> Error {
    let Incoming { table, foreign_key } = incoming;
    let parent = columns_of(table.def, &hit.body, &foreign_key.columns).ok().flatten().unwrap_or_default();
    Kind::Referenced {
        table: foreign_key.target().name,
        key: row::show_key(&parent),
        by: table.def.name,
        by_key: row::show_key(&hit.key),
        columns: names(table, foreign_key),
    }
    .into()
}
