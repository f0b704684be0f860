//! Changes of many rows, piece by piece.

use futures::future::BoxFuture;

use super::asking::Asking;
use super::{Cursor, Query};
use crate::ask::{OrderPart, Spec, Window};
use crate::error::{Error, Result};
use crate::statement;

use crate::expr::Assignments;
use crate::expr::node::Node;
use crate::model::Entity;
use crate::session::{self, Purpose, Reader, Session, TransactionOptions};

/// A change of many rows in pieces, each a transaction of its own. Made by [`Query::in_pieces`].
#[derive(Debug, Clone)]
pub struct Pieces<'a, E: Entity> {
    query: Query<'a, E>,
    size: u32,
    after: Option<String>,
}

/// A change in pieces that came to an end before all rows were changed. What it did stays.
#[derive(Debug)]
#[non_exhaustive]
pub struct Interrupted {
    /// How many rows were changed.
    pub done: u64,
    /// Where to go on: [`Pieces::after`] of the same query begins behind the last row that was changed. None if none was.
    pub after: Option<Cursor>,
    /// Why the next piece failed; nothing of it was done, unless the error [is of an unknown outcome](Error::is_outcome_unknown).
    pub error: Error,
}

impl std::fmt::Display for Interrupted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} rows were changed, then: {}", self.done, self.error)
    }
}

impl std::error::Error for Interrupted {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.error)
    }
}

impl From<Interrupted> for Error {
    fn from(interrupted: Interrupted) -> Self {
        interrupted.error
    }
}

impl From<Error> for Interrupted {
    fn from(error: Error) -> Self {
        Self { done: 0, after: None, error }
    }
}

impl<'a, E: Entity> Query<'a, E> {
    /// The rows of the query in pieces of so many, in the order of the key, to be changed in a transaction each. So a change of very
    /// many rows neither has to fit into one transaction nor is in the way of those that change single rows, in other processes too;
    /// but others see it half done, and if it fails, what was done stays.
    ///
    /// ```
    /// # use rome_orm::prelude::*;
    /// # #[derive(Entity, Clone, Debug, Default, PartialEq)]
    /// # struct Dog { #[rome(key, auto)] id: Id<Dog>, #[rome(unique)] name: String, #[rome(index)] age: Option<u32> }
    /// # fn dog(name: &str, age: u32) -> Dog { Dog { name: name.into(), age: Some(age), ..Default::default() } }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> rome_orm::Result<()> {
    /// # let db = Database::builder().entity::<Dog>().open("memory:").await?;
    /// db.insert_many([dog("Rex", 3), dog("Ida", 5), dog("Max", 1)]).await?;
    /// assert_eq!(db.query::<Dog>().in_pieces(2).update(Dog::AGE.set(Dog::AGE + 1)).await?, 3);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn in_pieces(self, rows: u32) -> Pieces<'a, E> {
        Pieces { query: self, size: rows, after: None }
    }
}

impl<E: Entity> Pieces<'_, E> {
    /// Begins behind the last row of an [interrupted](Interrupted) change of the same query.
    #[must_use]
    pub fn after(mut self, cursor: impl Into<super::After>) -> Self {
        self.after = cursor.into().into_text();
        self
    }

    /// Sets columns of all rows, and says how many there were. Each row is changed at most once; one that is inserted meanwhile is
    /// changed if its key comes after those that were. Costs two round trips for each piece.
    ///
    /// # Errors
    /// [`Interrupted`], with what was done, by any error of [`Query::update`];
    /// [`is_invalid`](Error::is_invalid) in a session, for pieces of no rows, and for a query with an order, limit or offset.
    pub async fn update(&self, assignments: impl Assignments<E>) -> Result<u64, Interrupted> {
        self.change(Some(assignments.into_sets().0)).await
    }

    /// Deletes all rows, softly if the entity has a `soft_delete` column, and says how many there were. Costs two round trips for each
    /// piece.
    ///
    /// # Errors
    /// As [`update`](Self::update).
    pub async fn delete(&self) -> Result<u64, Interrupted> {
        self.change(None).await
    }

    fn change(&self, assignments: Option<Vec<(u16, Node)>>) -> BoxFuture<'_, Result<u64, Interrupted>> {
        self.query.asking().change_in_pieces(self.size, self.after.as_deref(), assignments)
    }
}

impl<'q> Asking<'q> {
    /// Sets columns of all rows, or deletes them where there are no assignments, piece by piece.
    fn change_in_pieces(
        self,
        size: u32,
        after: Option<&'q str>,
        assignments: Option<Vec<(u16, Node)>>,
    ) -> BoxFuture<'q, Result<u64, Interrupted>> {
        Box::pin(async move { self.run_pieces(size, after, assignments.as_deref()).await })
    }

    async fn run_pieces(
        self,
        size: u32,
        after: Option<&str>,
        assignments: Option<&[(u16, Node)]>,
    ) -> Result<u64, Interrupted> {
        let Reader::Database(shared) = self.target else {
            return Err(
                Error::invalid("a session is one transaction: call `in_pieces` on a query of the database").into()
            );
        };
        let given = self.spec;
        if size == 0 {
            return Err(Error::invalid("a piece holds at least one row: `in_pieces(0)` changes none").into());
        }
        if !given.order.is_empty() || !given.window.is_all() {
            return Err(Error::invalid(
                "a change in pieces goes by the key, over all rows: it has no order, limit or offset",
            )
            .into());
        }
        let table = shared.table(given.table)?;
        let order = given.table.key.iter().map(|column| OrderPart::new(*column, false)).collect();
        let mut spec = Spec { order, window: Window::first(size.into()), ..given.clone() };
        let fingerprint = Spec { window: Window::ALL, ..spec.clone() }.fingerprint();
        if let Some(after) = after {
            spec.after = Some(Cursor::open(after, &shared.secret, &fingerprint, spec.order.len())?);
        }
        let mut done = 0;
        loop {
            let spec_of_piece = &spec;
            let options = TransactionOptions::default();
            let body = async move |session: &Session| {
                statement::change_piece(session, table, spec_of_piece, assignments).await
            };
            let piece = session::run(shared, options, Purpose::OneStatement, body);
            match piece.await {
                Ok((changed, last)) => {
                    done += changed;
                    match last {
                        Some(last) => spec.after = Some(last),
                        None => return Ok(done),
                    }
                }
                Err(error) => {
                    let after = spec.after.as_ref().map(|values| Cursor::new(&shared.secret, &fingerprint, values));
                    return Err(Interrupted { done, after, error });
                }
            }
        }
    }
}
