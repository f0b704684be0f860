//! What is done to a database as a whole: its schema, and indexes that are built and dropped while it is in use. Checks and dumps have files
//! of their own.

use super::Database;
use crate::change::{self, BuildOptions, BuildReport, DatabaseStatus};
use crate::error::Result;

/// What is done to a database as a whole, by operators and tools rather than by what uses its rows: [`Database::admin`].
#[derive(Debug, Clone, Copy)]
pub struct Admin<'a>(pub(crate) &'a Database);

impl Database {
    /// What is done to the database as a whole: indexes, checks, dumps. Costs nothing by itself.
    #[must_use]
    pub const fn admin(&self) -> Admin<'_> {
        Admin(self)
    }
}

impl Admin<'_> {
    /// Builds the declared indexes of this database that are not built to their end, while others go on writing. A build that
    /// was interrupted goes on where it was; several programs may build at once. Costs about two round trips for each batch
    /// of rows in each partition, and a few for each index. Where nothing is to be built, it costs one, and finds out what
    /// others have built.
    ///
    /// ```
    /// # use rome_orm::prelude::*;
    /// use rome_orm::change::{BuildOptions, SchemaPolicy};
    /// use rome_orm::store::{Store, memory::MemoryStore};
    ///
    /// mod first {
    ///     # use rome_orm::prelude::*;
    ///     #[derive(Entity, Clone, Debug, PartialEq)]
    ///     #[rome(table = "dogs")]
    ///     pub struct Dog { #[rome(key)] pub id: u64, pub name: String }
    /// }
    ///
    /// #[derive(Entity, Clone, Debug, PartialEq)]
    /// #[rome(table = "dogs")]
    /// struct Dog { #[rome(key)] id: u64, #[rome(index)] name: String }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> rome_orm::Result<()> {
    /// let store = std::sync::Arc::new(MemoryStore::new());
    /// let old = Database::builder().entity::<first::Dog>().open(store.clone()).await?;
    /// old.insert(first::Dog { id: 1, name: "Rex".into() }).await?;
    ///
    /// let db = Database::builder().entity::<Dog>().schema_policy(SchemaPolicy::Defer).open(store).await?;
    /// assert!(db.query::<Dog>().filter(Dog::NAME.eq("Rex")).explain().await?.is_full_scan());
    /// let report = db.admin().build_indexes(&BuildOptions::default()).await?;
    /// assert_eq!(report.built, [("dogs".to_owned(), "by_name".to_owned())]);
    /// assert!(!db.query::<Dog>().filter(Dog::NAME.eq("Rex")).explain().await?.is_full_scan());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`is_schema_mismatch`](crate::Error::is_schema_mismatch) if the schema was changed again meanwhile;
    /// [`is_limit_exceeded`](crate::Error::is_limit_exceeded) if a row has values that are too long for the index; [`is_corrupt`](crate::Error::is_corrupt) if
    /// a row cannot be read; those of the store. What was built stays, and the next build goes on from there.
    pub async fn build_indexes(self, options: &BuildOptions) -> Result<BuildReport> {
        change::build(&self.0.shared, options).await
    }

    /// Drops a stored index or aggregate index, also one that is not built to its end, and removes its entries and claims, of which it says how
    /// many there were. From then on all handles that have the database open, this one too, may only read, and not by this
    /// index: a read that would use it is [`is_schema_mismatch`](crate::Error::is_schema_mismatch). Open the database again.
    ///
    /// If it is interrupted, the next drop, [`build_indexes`](Self::build_indexes) or `rome apply` removes the rest. Costs a few
    /// round trips, and two for each 1000 entries.
    ///
    /// # Errors
    /// [`is_invalid`](crate::Error::is_invalid) if there is no such table or index; those of the store.
    pub async fn drop_index(self, table: &str, index: &str) -> Result<u64> {
        change::drop_index(&self.0.shared, table, index).await
    }

    /// Removes what is left of dropped indexes; says how many entries and claims there were. Costs one round trip if
    /// there is nothing.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn clear_dropped(self) -> Result<u64> {
        change::clear(&self.0.shared).await
    }

    /// What is stored, also what the entities of this handle do not declare. Costs one round trip for the catalog and one
    /// for the numbers of rows.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn status(self) -> Result<DatabaseStatus> {
        change::status(&self.0.shared).await
    }
}
