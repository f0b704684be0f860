//! Opens databases.

use std::sync::Arc;
use std::time::Duration;

use super::Database;
use super::stores::{IntoStore, Schemes};
use crate::ask::ScanPolicy;
use crate::catalog::{self, SchemaPlan, SchemaPolicy};
use crate::change::{self, BuildOptions};
use crate::commit::Committer;
use crate::error::{Error, Kind, Result};
use crate::metrics::{Metrics, Observed, measured};
use crate::model::Entity;
use crate::placement::Placement;
use crate::schema::Table;
use crate::session::{Calm, CounterKeys, Hooked, Readers, Shared, SlowQueryLog, Statistics, Turns};
use crate::store::{Durability, IndexId, Scheme, Store};

/// Opens a database: names its entities, then its store.
#[derive(Debug, Default, Clone)]
pub struct DatabaseBuilder {
    tables: Vec<&'static Table>,
    /// The paths of their types, for an error.
    types: Vec<&'static str>,
    scan_policy: ScanPolicy,
    durability: Durability,
    metrics: Observed,
    slow_queries: SlowQueryLog,
    hooks: Hooked,
    readers: Readers,
    schema: SchemaPolicy,
    build: BuildOptions,
    /// Whether the tables are those of the stored catalog, and not those of entities.
    stored: bool,
    schemes: Schemes,
}

impl DatabaseBuilder {
    /// Adds an entity. All entities that the program uses have to be named, and all that those reference; order does not
    /// matter.
    #[must_use]
    pub fn entity<D: Entity>(mut self) -> Self {
        if !self.tables.iter().any(|table| std::ptr::eq(*table, D::table())) {
            self.tables.push(D::table());
            self.types.push(std::any::type_name::<D>());
            self.readers.add::<D>();
            if let Some(hooks) = D::hooks() {
                self.hooks.add(D::table(), hooks);
            }
        }
        self
    }

    /// Refuses two entities of one table.
    fn check_names(&self) -> Result<()> {
        for (at, (table, own)) in self.tables.iter().zip(&self.types).enumerate() {
            let mut before = self.tables.iter().zip(&self.types).take(at);
            if let Some((_, other)) = before.find(|(other, _)| other.name == table.name) {
                return Err(Kind::Schema(format!(
                    "the entities `{other}` and `{own}` are both stored in the table `{}`: give one of them a name of its own, \
                     `#[rome(table = \"...\")]`",
                    table.name
                ))
                .into());
            }
        }
        Ok(())
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
    /// # use rome_orm::prelude::*;
    /// # #[derive(Entity, Clone, Debug, Default, PartialEq)]
    /// # struct Dog { #[rome(key, auto)] id: Id<Dog>, #[rome(unique)] name: String, #[rome(index)] age: Option<u32> }
    /// use rome_orm::metrics::Collector;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> rome_orm::Result<()> {
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

    /// From which duration on a query is reported as slow: a `tracing` warning with the target `rome_orm::query` and the text of the
    /// query, without its values. 200 milliseconds unless said otherwise; none is no warning.
    ///
    /// ```
    /// # use rome_orm::prelude::*;
    /// # #[derive(Entity, Clone, Debug, Default, PartialEq)]
    /// # struct Dog { #[rome(key, auto)] id: Id<Dog>, #[rome(unique)] name: String, #[rome(index)] age: Option<u32> }
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> rome_orm::Result<()> {
    /// let strict = Some(Duration::from_millis(20));
    /// let db = Database::builder().entity::<Dog>().slow_query_threshold(strict).open("memory:").await?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub const fn slow_query_threshold(mut self, from: Option<Duration>) -> Self {
        self.slow_queries.slow = from;
        self
    }

    /// Shows the values in the texts of slow queries, `age >= 3` in the place of `age >= ?`. They may be personal or secret,
    /// so by default they are not shown.
    #[must_use]
    pub const fn show_values(mut self, shown: bool) -> Self {
        self.slow_queries.values = shown;
        self
    }

    /// What opening does where the entities have changed since they were stored; the default is to
    /// [apply](SchemaPolicy::Apply) what can be added.
    ///
    /// ```
    /// # use rome_orm::prelude::*;
    /// # #[derive(Entity, Clone, Debug, Default, PartialEq)]
    /// # struct Dog { #[rome(key, auto)] id: Id<Dog>, #[rome(unique)] name: String, #[rome(index)] age: Option<u32> }
    /// use rome_orm::SchemaPolicy;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> rome_orm::Result<()> {
    /// let db = Database::builder().entity::<Dog>().schema_policy(SchemaPolicy::Deny).open("memory:").await?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub const fn schema_policy(mut self, policy: SchemaPolicy) -> Self {
        self.schema = policy;
        self
    }

    /// How new indexes are built while the database is opened: how fast, and who is told how far they are.
    #[must_use]
    pub fn build_options(mut self, options: BuildOptions) -> Self {
        self.build = options;
        self
    }

    /// Takes the tables from the stored catalog in the place of entities, for tools: such a database can be checked,
    /// repaired, looked at, dumped and loaded. It has no entities to query.
    #[must_use]
    pub fn stored_tables(mut self) -> Self {
        self.tables.clear();
        self.types.clear();
        self.stored = true;
        self
    }

    /// Adds the URLs of a store that ROME does not bring: with this scheme, [`open`](Self::open) and [`plan`](Self::plan) take them.
    ///
    /// ```
    /// # use rome_orm::prelude::*;
    /// # #[derive(Entity, Clone, Debug, Default, PartialEq)]
    /// # struct Dog { #[rome(key, auto)] id: Id<Dog>, #[rome(unique)] name: String, #[rome(index)] age: Option<u32> }
    /// use rome_orm::store::{Scheme, memory::MemoryStore};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> rome_orm::Result<()> {
    /// let scratch = Scheme::new("scratch", "scratch:", async |_url: String| Ok(MemoryStore::new()));
    /// let db = Database::builder().entity::<Dog>().scheme(scratch).open("scratch:").await?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn scheme(mut self, scheme: Scheme) -> Self {
        self.schemes.add(scheme);
        self
    }

    /// What [opening](Self::open) the database would change, and what stands in the way: also stored rows that break a new unique index.
    /// Changes nothing in the database, though it opens the store. Costs one round trip more than that; where there are new indexes, one
    /// more for each 500 rows of their tables.
    ///
    /// ```
    /// # use rome_orm::prelude::*;
    /// # #[derive(Entity, Clone, Debug, Default, PartialEq)]
    /// # struct Dog { #[rome(key, auto)] id: Id<Dog>, #[rome(unique)] name: String, #[rome(index)] age: Option<u32> }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> rome_orm::Result<()> {
    /// let store = rome_orm::open_store("memory:").await?;
    /// let plan = Database::builder().entity::<Dog>().plan(store.clone()).await?;
    /// assert_eq!(plan.to_string(), "+ table `dog` is new");
    /// Database::builder().entity::<Dog>().open(store.clone()).await?;
    /// assert!(Database::builder().entity::<Dog>().plan(store).await?.is_empty());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`is_schema_mismatch`](crate::Error::is_schema_mismatch) when the entities do not fit each other; those of the store.
    pub async fn plan(&self, at: impl IntoStore) -> Result<SchemaPlan> {
        check_runtime()?;
        self.check_names()?;
        let store = at.into_store(&self.schemes).await?;
        store.capabilities().check_contract()?;
        let placement = Placement::new(store.capabilities().partitions);
        let committer = Committer::new(measured(store, &self.metrics), self.durability);
        change::plan(&committer, placement, &self.tables, self.schema).await
    }

    /// Opens the database in a store, and brings the stored tables up to date as [`schema_policy`](Self::schema_policy) says. Costs two
    /// to four round trips; more where an index has to be built, see [`build_indexes`](crate::Admin::build_indexes): its rows are read
    /// once before, to see whether it can be built.
    ///
    /// The store is given by its URL: `memory:`, `embedded:PATH`, `redis://HOST` or `redis-cluster://HOST`, with `rediss` in the place of
    /// `redis` for TLS, or one of a [scheme](Self::scheme) that the program has added. The path of an embedded store is relative to the
    /// working directory or not, without `//` in front of it; in it `%20` is a blank, as in other URLs, and `%`, `?` and `#` themselves
    /// are written `%25`, `%3F` and `%23`. Or it is a store in an `Arc`, opened with options of its own, wrapped, or shared by several
    /// databases.
    ///
    /// What is refused has changed nothing, for nobody. If rows that others write while a new index is built cannot be in it, the index
    /// is taken back. If opening is interrupted while an index is built, the next one goes on.
    ///
    /// ```
    /// # use rome_orm::prelude::*;
    /// # #[derive(Entity, Clone, Debug, Default, PartialEq)]
    /// # struct Dog { #[rome(key, auto)] id: Id<Dog>, #[rome(unique)] name: String, #[rome(index)] age: Option<u32> }
    /// use std::sync::Arc;
    /// use rome_orm::store::memory::MemoryStore;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> rome_orm::Result<()> {
    /// let by_url = Database::builder().entity::<Dog>().open("memory:").await?;
    /// let by_store = Database::builder().entity::<Dog>().open(Arc::new(MemoryStore::new())).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// When the URL names no store that this build has, or this is called outside of a Tokio runtime; when the store cannot be opened, for
    /// instance [`is_unavailable`](crate::Error::is_unavailable), [`is_in_use`](crate::Error::is_in_use) by another process,
    /// [`is_access_denied`](crate::Error::is_access_denied), [`is_database_gone`](crate::Error::is_database_gone) or
    /// [`is_corrupt`](crate::Error::is_corrupt);
    /// [`is_schema_mismatch`](crate::Error::is_schema_mismatch) when the stored tables do not fit the entities, an entity
    /// is missing that another one references, or rows stand in the way of a new unique index.
    pub async fn open(self, at: impl IntoStore) -> Result<Database> {
        check_runtime()?;
        self.check_names()?;
        let store = at.into_store(&self.schemes).await?;
        Box::pin(self.open_with(store, true)).await
    }

    /// The same, without the foreign keys of stored tables if these are not to be enforced.
    pub(crate) async fn open_with(self, store: Arc<dyn Store>, references: bool) -> Result<Database> {
        check_runtime()?;
        self.check_names()?;
        let capabilities = store.capabilities();
        capabilities.check_contract()?;
        let placement = Placement::new(capabilities.partitions);
        let committer = Arc::new(Committer::new(measured(store.clone(), &self.metrics), self.durability));
        let (schema, build) = (self.schema, self.build.clone());
        let opened = if self.stored {
            catalog::open_stored(&committer, references).await?
        } else {
            change::open(&committer, placement, &self.tables, schema).await?
        };
        committer.name(opened.catalog.names());
        tracing::debug!(store = capabilities.name, tables = self.tables.len(), schema = opened.version, "opened");
        let is_behind = opened.catalog.tables().any(|table| !table.is_built());
        let db = Database {
            shared: Arc::new(Shared {
                committer,
                placement,
                catalog: opened.catalog,
                schema: opened.version,
                secret: opened.secret,
                counters: CounterKeys::default(),
                statistics: Statistics::default(),
                calm: Calm::default(),
                turns: Turns::default(),
                scan_policy: self.scan_policy,
                durability: self.durability,
                metrics: self.metrics,
                slow_queries: self.slow_queries,
                hooks: self.hooks,
                readers: self.readers,
            }),
        };
        if !self.stored && matches!(schema, SchemaPolicy::Apply | SchemaPolicy::ApplyAndDrop) {
            if schema == SchemaPolicy::ApplyAndDrop {
                change::clear(&db.shared).await?;
            }
            if is_behind {
                build_or_take_back(&db.shared, &build, &opened.added).await?;
            }
        }
        Ok(db)
    }
}

/// Refuses to go on outside of Tokio, before anything is opened: a program would run there until its first real conflict, whose pause
/// needs a timer.
///
/// # Errors
/// [`is_invalid`](Error::is_invalid).
pub(super) fn check_runtime() -> Result<()> {
    match tokio::runtime::Handle::try_current() {
        Ok(_) => Ok(()),
        Err(_) => Err(Error::invalid(
            "ROME needs a Tokio runtime, and none runs here: put `#[tokio::main]` on `main` or `#[tokio::test]` on the test, or call it \
             within `Runtime::block_on`",
        )),
    }
}

/// Builds what is unbuilt. Indexes that were `added` just now and that rows stand in the way of are taken back.
async fn build_or_take_back(shared: &Arc<Shared>, options: &BuildOptions, added: &[IndexId]) -> Result<()> {
    let mut took_back = false;
    loop {
        let duplicates = match change::build(shared, options).await {
            Ok(report) if report.duplicates.is_empty() => return Ok(()),
            Ok(report) => Ok(report.duplicates),
            // A row that cannot be entered; after any other error the next opening goes on.
            Err(error) if error.is_limit_exceeded() || error.is_corrupt() => Err(error),
            Err(error) => return Err(error),
        };
        let taken = !added.is_empty() && change::take_back(shared, added).await?;
        // If there was nothing to take back, another program may have built it meanwhile.
        if taken || took_back || added.is_empty() {
            return Err(match duplicates {
                Ok(duplicates) if taken => change::not_unique(&duplicates, change::TAKEN_BACK),
                Ok(duplicates) => change::not_unique(&duplicates, change::STAYS_UNBUILT),
                Err(error) => error,
            });
        }
        took_back = true;
    }
}
