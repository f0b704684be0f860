//! Opens databases by URL.

use std::sync::Arc;

use async_trait::async_trait;
use rome_core::change::SchemaPlan;
use rome_core::store::Store;
use rome_core::store::memory::MemoryStore;

use crate::{Database, DatabaseBuilder, Error, Result};

/// Opens a database by the URL of its store. In the prelude, so that `Database::builder().open(url)` is there.
#[async_trait]
pub trait Open {
    /// Opens the store that the URL names, and the database in it: `memory:`, `embedded:PATH`, or
    /// `redis://HOST` (`rediss://HOST` with TLS).
    ///
    /// # Errors
    /// When the URL names no store that this build has; when the store cannot be opened, for instance
    /// [`is_unavailable`](Error::is_unavailable), [`is_in_use`](Error::is_in_use) by another process,
    /// [`is_access_denied`](Error::is_access_denied), [`is_database_gone`](Error::is_database_gone) or
    /// [`is_corrupt`](Error::is_corrupt);
    /// [`is_schema_mismatch`](Error::is_schema_mismatch) when the entities do not fit what is stored.
    async fn open(self, url: &str) -> Result<Database>;

    /// What [`open`](Self::open) would change in the stored catalog; changes nothing, though it opens the store.
    ///
    /// ```
    /// # use rome::prelude::*;
    /// # #[derive(Entity, Clone, Debug, Default, PartialEq)]
    /// # struct Dog { #[rome(key, auto)] id: Id<Dog>, #[rome(unique)] name: String, #[rome(index)] age: Option<u32> }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> rome::Result<()> {
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
    let (scheme, rest) = url.split_once(':').unwrap_or((url, ""));
    match scheme {
        "memory" if rest.is_empty() => Ok(Arc::new(MemoryStore::new())),
        "memory" => match rest.strip_prefix("?partitions=").and_then(|n| n.parse().ok()) {
            Some(partitions @ 1..=1024) => Ok(Arc::new(MemoryStore::with_partitions(partitions))),
            _ => Err(Error::invalid(format!(
                "`{url}`: the in-memory store takes no path, write `memory:`, or `memory:?partitions=16` to try how a program \
                 runs on a cluster"
            ))),
        },
        #[cfg(feature = "embedded")]
        "embedded" if rest.is_empty() => {
            Err(Error::invalid("`embedded:` needs the path of a folder, such as `embedded:./data`"))
        }
        #[cfg(feature = "embedded")]
        "embedded" => {
            let store = rome_embedded::EmbeddedStore::open(rest, rome_embedded::EmbeddedOptions::default())?;
            Ok(Arc::new(store))
        }
        #[cfg(not(feature = "embedded"))]
        "embedded" => {
            Err(Error::invalid("this build has no embedded store: enable the feature `embedded` of `rome-orm`"))
        }
        #[cfg(feature = "redis")]
        "redis" | "rediss" | "redis-cluster" | "rediss-cluster" => {
            Ok(Arc::new(rome_redis::RedisStore::open(url).await?))
        }
        #[cfg(not(feature = "redis"))]
        "redis" | "rediss" | "redis-cluster" | "rediss-cluster" => {
            Err(Error::invalid("this build has no Redis store: enable the feature `redis` of `rome-orm`"))
        }
        // A URL may hold a password, so only its scheme is named, if it is one.
        _ => {
            let is_scheme =
                rest.starts_with("//") && scheme.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
            let what = if is_scheme && scheme.len() <= 20 { format!("`{scheme}:`") } else { "this URL".to_owned() };
            Err(Error::invalid(format!(
                "{what} names no store; there are `memory:`, `embedded:PATH`, `redis://HOST` and `redis-cluster://HOST`"
            )))
        }
    }
}
