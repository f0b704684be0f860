//! Opens databases by URL.

use std::sync::Arc;

use async_trait::async_trait;
use rome_core::change::SchemaPlan;
use rome_core::store::Store;
use rome_core::store::memory::MemoryStore;

use crate::url::{self, Url};
use crate::{Database, DatabaseBuilder, Result};

mod sealed {
    pub trait Sealed {}

    impl Sealed for super::DatabaseBuilder {}
}

/// Opens a database by the URL of its store. In the prelude, so that `Database::builder().open(url)` is there.
#[async_trait]
pub trait Open: sealed::Sealed {
    /// Opens the store that the URL names, and the database in it: `memory:`, `embedded:PATH`, `redis://HOST` or
    /// `redis-cluster://HOST`, with `rediss` in the place of `redis` for TLS.
    ///
    /// The path of an embedded store is relative to the working directory or not, without `//` in front of it. In it `%20` is a blank,
    /// as in other URLs, and `%`, `?` and `#` themselves are written `%25`, `%3F` and `%23`; there are no parameters.
    /// `rome_orm::embedded::EmbeddedStore::open` takes any path as it is.
    ///
    /// # Errors
    /// When the URL names no store that this build has, or this is called outside of a Tokio runtime; when the store cannot be opened, for instance
    /// [`is_unavailable`](crate::Error::is_unavailable), [`is_in_use`](crate::Error::is_in_use) by another process,
    /// [`is_access_denied`](crate::Error::is_access_denied), [`is_database_gone`](crate::Error::is_database_gone) or
    /// [`is_corrupt`](crate::Error::is_corrupt);
    /// [`is_schema_mismatch`](crate::Error::is_schema_mismatch) when the entities do not fit what is stored.
    async fn open(self, url: &str) -> Result<Database>;

    /// What [`open`](Self::open) would change in the stored catalog; changes nothing, though it opens the store.
    ///
    /// ```
    /// # use rome_orm::prelude::*;
    /// # #[derive(Entity, Clone, Debug, Default, PartialEq)]
    /// # struct Dog { #[rome(key, auto)] id: Id<Dog>, #[rome(unique)] name: String, #[rome(index)] age: Option<u32> }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> rome_orm::Result<()> {
    /// let plan = Database::builder().entity::<Dog>().plan("memory:").await?;
    /// assert_eq!(plan.to_string(), "+ table `dog` is new");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`open`](Self::open), but what does not fit is in the plan.
    async fn plan(self, url: &str) -> Result<SchemaPlan>;
}

#[async_trait]
impl Open for DatabaseBuilder {
    async fn open(self, url: &str) -> Result<Database> {
        self.open_store(store_at(url).await?).await
    }

    async fn plan(self, url: &str) -> Result<SchemaPlan> {
        self.plan_store(store_at(url).await?).await
    }
}

/// Opens the store that a URL names, as [`Open::open`] does, without a database in it: for tools.
///
/// # Errors
/// When the URL names no store that this build has; when the store cannot be opened.
pub async fn store_at(url: &str) -> Result<Arc<dyn Store>> {
    rome_core::__private::check_runtime()?;
    match url::parse(url)? {
        Url::Memory { partitions: None } => Ok(Arc::new(MemoryStore::new())),
        Url::Memory { partitions: Some(partitions) } => Ok(Arc::new(MemoryStore::with_partitions(partitions))),
        #[cfg(feature = "embedded")]
        Url::Embedded(path) => {
            let store = rome_embedded::EmbeddedStore::open(&*path, rome_embedded::EmbeddedOptions::default())?;
            Ok(Arc::new(store))
        }
        #[cfg(not(feature = "embedded"))]
        Url::Embedded(_) => {
            Err(crate::Error::invalid("this build has no embedded store: enable the feature `embedded` of `rome-orm`"))
        }
        #[cfg(feature = "redis")]
        Url::Redis => Ok(Arc::new(rome_redis::RedisStore::open(url).await?)),
        #[cfg(not(feature = "redis"))]
        Url::Redis => {
            Err(crate::Error::invalid("this build has no Redis store: enable the feature `redis` of `rome-orm`"))
        }
    }
}

/// Whether a URL has the form of one that [`Open::open`] takes. Opens and makes nothing: for tools.
///
/// # Errors
/// [`is_invalid`](crate::Error::is_invalid), as [`Open::open`] says it. Of a URL of Redis only the beginning is looked at.
pub fn check_url(url: &str) -> Result<()> {
    url::parse(url).map(drop)
}
