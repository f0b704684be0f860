//! Linking rows by their relations, and loading relations of rows that are there already.

use super::Database;
use crate::error::Result;
use crate::model::{Entity, Related, Relation};
use crate::query::{IntoLoad, load_relation};
use crate::statement::{Linked, link_once};

impl Database {
    /// Loads a relation of a row, in a read-only session. Costs as [`Session::load`](crate::session::Session::load).
    ///
    /// # Errors
    /// As [`Query::all`](crate::query::Query::all).
    pub async fn load<E: Entity>(&self, row: &mut E, relation: impl IntoLoad<E>) -> Result<()> {
        self.load_many(std::slice::from_mut(row), relation).await
    }

    /// Loads a relation of rows, at the cost of one [`load`](Self::load).
    ///
    /// # Errors
    /// As [`Query::all`](crate::query::Query::all).
    pub async fn load_many<E: Entity>(&self, rows: &mut [E], relation: impl IntoLoad<E>) -> Result<()> {
        load_relation(&self.shared, rows, relation).await
    }

    /// Makes a relation lead from one row to another, as
    /// [`Session::attach`](crate::session::Session::attach) does. Costs two round trips, and one more if the row
    /// between has a `soft_delete` column.
    ///
    /// # Errors
    /// As [`Session::attach`](crate::session::Session::attach).
    pub async fn attach<E: Entity, F: Related>(
        &self,
        from: &E,
        relation: Relation<E, F>,
        to: &F::Target,
    ) -> Result<bool> {
        link_once(&self.shared, Linked::new(from, relation, to, true)).await
    }

    /// Makes a relation not lead from one row to another, as
    /// [`Session::detach`](crate::session::Session::detach) does. Costs two round trips.
    ///
    /// # Errors
    /// As [`Session::detach`](crate::session::Session::detach).
    pub async fn detach<E: Entity, F: Related>(
        &self,
        from: &E,
        relation: Relation<E, F>,
        to: &F::Target,
    ) -> Result<bool> {
        link_once(&self.shared, Linked::new(from, relation, to, false)).await
    }
}
