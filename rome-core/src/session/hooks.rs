//! Hooks: what an entity does before and after its rows are written, and the sessions that they get.

use std::future::ready;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use futures::future::BoxFuture;

use super::overlay::Replaced;
use super::{Purpose, Session};
use crate::error::{Error, Result};
use crate::model::codec::{decode, encode};
use crate::model::{AnyHooks, Entity};
use crate::schema::Table;

/// How deep hooks may run inside of hooks.
const DEEPEST: u32 = 16;

/// What an entity does before and after its rows are written, in the same transaction. `#[rome(hooks)]` on the entity turns
/// them on; each method does nothing unless it is written.
///
/// A hook gets the session of the statement that runs it: it sees what is pending there, and what it writes is committed with the row
/// or not at all. It runs once for each attempt of a transaction, so it should have no other effects. An error refuses the
/// statement, and nothing of the statement stays: not the row, and not what other hooks wrote for it.
///
/// Every verb runs them, also changes and deletes by query, links, and the cascades of a foreign key; `docs/semantics.md` has the rules.
/// Relations of the row are not loaded in a hook. Entities without hooks pay nothing for them.
///
/// ```
/// use rome_orm::prelude::*;
/// use rome_orm::Hooks;
///
/// #[derive(Entity, Clone, Debug, Default, PartialEq)]
/// #[rome(hooks)]
/// struct User {
///     #[rome(key, auto)]
///     id: Id<User>,
///     #[rome(unique)]
///     email: String,
/// }
///
/// #[derive(Entity, Clone, Debug, Default, PartialEq)]
/// struct Audit {
///     #[rome(key, auto)]
///     id: Id<Audit>,
///     what: String,
/// }
///
/// impl Hooks for User {
///     async fn before_insert(&mut self, _: &Session) -> rome_orm::Result<()> {
///         self.email = self.email.trim().to_lowercase();
///         if self.email.contains('@') { Ok(()) } else { Err(rome_orm::Error::invalid("an email has an `@`")) }
///     }
///
///     async fn after_insert(&self, session: &Session) -> rome_orm::Result<()> {
///         session.insert(Audit { what: format!("{} came", self.email), ..Default::default() }).await.map(drop)
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> rome_orm::Result<()> {
/// let db = Database::builder().entity::<User>().entity::<Audit>().open("memory:").await?;
/// let ann = db.insert(User { email: " Ann@Example.org ".into(), ..Default::default() }).await?;
/// assert_eq!(ann.email, "ann@example.org");
/// assert_eq!(db.query::<Audit>().one().await?.what, "ann@example.org came");
///
/// assert!(db.insert(User { email: "nobody".into(), ..Default::default() }).await.is_err());
/// assert_eq!(db.query::<Audit>().count().await?, 1);
/// # Ok(())
/// # }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` says `#[rome(hooks)]`, and `Hooks` is not implemented for it",
    label = "no hooks",
    note = "write `impl rome_orm::Hooks for {Self} {{ ... }}` with the hooks that it has, or remove `hooks`"
)]
pub trait Hooks: Entity + HasHooks {
    /// Before a row is inserted. May change it. A key that is generated, and the columns that ROME sets, are not set yet.
    ///
    /// # Errors
    /// What refuses the insert.
    fn before_insert(&mut self, session: &Session) -> impl Future<Output = Result<()>> + Send {
        let _ = session;
        ready(Ok(()))
    }

    /// After a row was inserted; it is as it will be stored.
    ///
    /// # Errors
    /// What refuses the insert.
    fn after_insert(&self, session: &Session) -> impl Future<Output = Result<()>> + Send {
        let _ = session;
        ready(Ok(()))
    }

    /// Before a row is updated. It is as it is going to be, and may be changed, all but its key; what is stored until now
    /// `session.get` tells.
    ///
    /// # Errors
    /// What refuses the update.
    fn before_update(&mut self, session: &Session) -> impl Future<Output = Result<()>> + Send {
        let _ = session;
        ready(Ok(()))
    }

    /// After a row was updated; it is as it will be stored.
    ///
    /// # Errors
    /// What refuses the update.
    fn after_update(&self, session: &Session) -> impl Future<Output = Result<()>> + Send {
        let _ = session;
        ready(Ok(()))
    }

    /// Before a row is deleted, softly or really.
    ///
    /// # Errors
    /// What refuses the delete.
    fn before_delete(&self, session: &Session) -> impl Future<Output = Result<()>> + Send {
        let _ = session;
        ready(Ok(()))
    }

    /// After a row was deleted; it is as it was, or, if it was deleted softly, as it will be stored.
    ///
    /// # Errors
    /// What refuses the delete.
    fn after_delete(&self, session: &Session) -> impl Future<Output = Result<()>> + Send {
        let _ = session;
        ready(Ok(()))
    }
}

/// An entity with `#[rome(hooks)]`.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "the hooks of `{Self}` would never run",
    label = "this entity does not say that it has hooks",
    note = "add `#[rome(hooks)]` to the struct"
)]
pub trait HasHooks {}

/// When a hook runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    /// Before an insert.
    BeforeInsert,
    /// After an insert.
    AfterInsert,
    /// Before an update.
    BeforeUpdate,
    /// After an update.
    AfterUpdate,
    /// Before a delete.
    BeforeDelete,
    /// After a delete.
    AfterDelete,
}

/// Runs a hook on a row; gives the row as a hook that may change it has left it.
type Run = for<'a> fn(Moment, &'a Session, Bytes) -> BoxFuture<'a, Result<Option<Vec<u8>>>>;

/// The hooks of an entity, without its type.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RowHooks {
    run: Run,
}

/// The hooks of this entity.
#[must_use]
pub fn hooks<E: Hooks>() -> &'static AnyHooks {
    const { &RowHooks { run: run::<E> } }
}

impl RowHooks {
    /// Runs one on a row; gives the row as a hook that may change it has left it.
    pub fn run<'a>(self, at: Moment, session: &'a Session, body: Bytes) -> BoxFuture<'a, Result<Option<Vec<u8>>>> {
        (self.run)(at, session, body)
    }
}

fn run<E: Hooks>(at: Moment, session: &Session, body: Bytes) -> BoxFuture<'_, Result<Option<Vec<u8>>>> {
    Box::pin(async move {
        let mut entity: E = decode(&[], &body)?;
        match at {
            Moment::BeforeInsert => apart(|| entity.before_insert(session)).await?,
            Moment::AfterInsert => apart(|| entity.after_insert(session)).await?,
            Moment::BeforeUpdate => apart(|| entity.before_update(session)).await?,
            Moment::AfterUpdate => apart(|| entity.after_update(session)).await?,
            Moment::BeforeDelete => apart(|| entity.before_delete(session)).await?,
            Moment::AfterDelete => apart(|| entity.after_delete(session)).await?,
        }
        let changes = matches!(at, Moment::BeforeInsert | Moment::BeforeUpdate);
        changes.then(|| encode(&entity)).transpose()
    })
}

/// The tables of a database whose entities have hooks.
#[derive(Clone, Default)]
pub(crate) struct Hooked(Vec<(&'static Table, RowHooks)>);

impl Hooked {
    /// Adds the hooks of an entity, as [`hooks`] gives them.
    pub fn add(&mut self, table: &'static Table, hooks: &'static AnyHooks) {
        let hooks = hooks.downcast_ref().copied().expect("the hooks of an entity are those that `hooks` gives");
        self.0.push((table, hooks));
    }

    pub fn of(&self, table: &'static Table) -> Option<RowHooks> {
        self.0.iter().find(|(hooked, _)| std::ptr::eq(*hooked, table)).map(|(_, hooks)| *hooks)
    }
}

impl std::fmt::Debug for Hooked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(table, _)| table.name)).finish()
    }
}

/// A part of a statement that few statements have, in a box that is filled in a frame of its own: hooks run statements inside of
/// statements, and each of these has a share of the stack.
#[inline(never)]
pub(crate) fn apart<F: Future>(part: impl FnOnce() -> F) -> Pin<Box<F>> {
    Box::pin(part())
}

/// What makes a session one that a hook has.
pub(crate) struct Inside {
    depth: u32,
    /// What its statements replaced.
    replaced: Mutex<Vec<Replaced>>,
}

impl Inside {
    pub fn keep(&self, more: Vec<Replaced>) {
        self.replaced.lock().unwrap_or_else(PoisonError::into_inner).extend(more);
    }

    pub fn take(&self) -> Vec<Replaced> {
        std::mem::take(&mut self.replaced.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Session {
    /// A session for a hook.
    pub(crate) fn inside(&self, table: &'static Table) -> Result<Self> {
        let depth = self.inside.as_ref().map_or(0, |inside| inside.depth) + 1;
        if depth > DEEPEST {
            return Err(Error::invalid(format!(
                "hooks run inside of hooks {DEEPEST} deep, the last of them for table `{}`: a hook must not write what runs \
                 itself again without end",
                table.name
            )));
        }
        Ok(Self {
            shared: self.shared.clone(),
            options: self.options.clone(),
            purpose: Purpose::Transaction,
            state: self.state.clone(),
            writing: tokio::sync::Mutex::default(),
            inside: Some(Inside { depth, replaced: Mutex::default() }),
            trial: None,
            snapshot: self.snapshot.clone(),
        })
    }
}

/// A hook that failed, or was dropped in the middle, leaves nothing.
impl Drop for Session {
    fn drop(&mut self) {
        if let Some(inside) = &self.inside {
            let replaced = inside.take();
            if !replaced.is_empty() {
                self.state().overlay.undo(replaced);
            }
        }
    }
}
