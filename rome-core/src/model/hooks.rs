//! Hooks: what an entity does before and after its rows are written.

use std::future::ready;

use super::Entity;
use crate::error::Result;
use crate::session::Session;

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
/// use rome::prelude::*;
/// use rome::Hooks;
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
///     async fn before_insert(&mut self, _: &Session) -> rome::Result<()> {
///         self.email = self.email.trim().to_lowercase();
///         if self.email.contains('@') { Ok(()) } else { Err(rome::Error::invalid("an email has an `@`")) }
///     }
///
///     async fn after_insert(&self, session: &Session) -> rome::Result<()> {
///         session.insert(Audit { what: format!("{} came", self.email), ..Default::default() }).await.map(drop)
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> rome::Result<()> {
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
    note = "write `impl rome::Hooks for {Self} {{ ... }}` with the hooks that it has, or remove `hooks`"
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
