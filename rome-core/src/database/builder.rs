//! Opens databases.

use std::sync::Arc;

use super::{Database, Shared};
use crate::catalog;
use crate::commit::Committer;
use crate::error::Result;
use crate::metrics::{Metrics, Observed, measured};
use crate::model::Entity;
use crate::place::Placement;
use crate::plan::Statistics;
use crate::query::ScanPolicy;
use crate::schema::Table;
use crate::session::CounterKeys;
use crate::store::{Durability, Store};

/// Opens a database: names its entities, then its store.
#[derive(Debug, Default, Clone)]
pub struct DatabaseBuilder {
    tables: Vec<&'static Table>,
    scan_policy: ScanPolicy,
    durability: Durability,
    metrics: Observed,
}

impl DatabaseBuilder {
    /// Adds an entity. All entities that the program uses have to be named, and all that those reference; order does not
    /// matter.
    #[must_use]
    pub fn entity<D: Entity>(mut self) -> Self {
        if !self.tables.iter().any(|table| std::ptr::eq(*table, D::table())) {
            self.tables.push(D::table());
        }
        self
    }

    /// What happens to queries that read a whole table; the default allows them.
    #[must_use]
    pub const fn scan_policy(mut self, policy: ScanPolicy) -> Self {
        self.scan_policy = policy;
        self
    }

    /// How safe writes are when they are acknowledged; the default is on disk.
    #[must_use]
    pub const fn durability(mut self, durability: Durability) -> Self {
        self.durability = durability;
        self
    }

    /// Who is told what the database does, from its opening on: of each call of the store, of conflicts, and of how transactions
    /// end. By default nobody, at no cost. [`Collector`](crate::metrics::Collector) counts it all.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use rome::prelude::*;
    /// # #[derive(Entity, Clone, Debug, Default, PartialEq)]
    /// # struct Dog { #[rome(key, auto)] id: Id<Dog>, #[rome(unique)] name: String, #[rome(index)] age: Option<u32> }
    /// use rome::metrics::Collector;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> rome::Result<()> {
    /// let metrics = Arc::new(Collector::new());
    /// let db = Database::builder().entity::<Dog>().metrics(metrics.clone()).open("memory:").await?;
    /// db.query::<Dog>().count().await?;
    /// println!("{}", metrics.snapshot());
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn metrics(mut self, metrics: Arc<dyn Metrics>) -> Self {
        self.metrics = Observed(Some(metrics));
        self
    }

    /// Opens the database in a store, and adds the tables and columns that are new. Costs two to four round trips.
    ///
    /// # Errors
    /// [`is_schema_mismatch`](crate::Error::is_schema_mismatch) when the stored tables do not fit the entities, or an entity
    /// is missing that another one references; those of the store.
    pub async fn open_store(self, store: Arc<dyn Store>) -> Result<Database> {
        let capabilities = store.capabilities();
        let placement = Placement::new(capabilities.partitions);
        let committer = Arc::new(Committer::new(measured(store.clone(), &self.metrics)));
        let opened = catalog::open(&committer, placement, &self.tables).await?;
        tracing::debug!(store = capabilities.name, tables = self.tables.len(), schema = opened.version, "opened");
        Ok(Database {
            shared: Arc::new(Shared {
                committer,
                placement,
                catalog: opened.catalog,
                schema: opened.version,
                secret: opened.secret,
                counters: CounterKeys::default(),
                statistics: Statistics::default(),
                scan_policy: self.scan_policy,
                durability: self.durability,
                metrics: self.metrics,
            }),
        })
    }
}
