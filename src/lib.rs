//! ROME, the relational ORM for key-value stores.
//!
//! Derive entities on plain structs and get what SQL ORMs give on SQL: typed queries, unique constraints, serializable
//! transactions with automatic retry. The store underneath is a key-value store: in memory, embedded on disk, Redis or Redis
//! Cluster. The same program runs on each, with the same results.
//!
//! ```
//! use rome_orm::prelude::*;
//!
//! #[derive(Entity, Clone, Debug, PartialEq, Default)]
//! #[rome(table = "dogs", index(name, age))]
//! struct Dog {
//!     #[rome(key, auto)]
//!     id: Id<Dog>,
//!     name: String,
//!     #[rome(index)]
//!     age: Option<u32>,
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> rome_orm::Result<()> {
//! let db = Database::builder().entity::<Dog>().open("memory:").await?;
//! let rex = db.insert(Dog { name: "Rex".into(), age: Some(3), ..Default::default() }).await?;
//! let old = db.query::<Dog>().filter(Dog::AGE.ge(2)).order_by(Dog::AGE.desc()).limit(10).all().await?;
//! assert_eq!(old, [rex.clone()]);
//!
//! let age = db
//!     .transaction(async move |s| {
//!         let mut dog = s.get::<Dog>(rex.id).await?.ok_or_not_found()?;
//!         dog.age = dog.age.map(|age| age + 1);
//!         Ok(s.update(&dog).await?.age)
//!     })
//!     .await?;
//! assert_eq!(age, Some(4));
//! # Ok(())
//! # }
//! ```
//!
//! # Stores
//!
//! [`DatabaseBuilder::open`] takes a URL, or a store in an `Arc`:
//!
//! | URL | store | feature |
//! |---|---|---|
//! | `memory:` | in the memory of this process, for tests and caches | always there |
//! | `embedded:PATH` | in a folder on disk, `fsync`ed before a commit is acknowledged | `embedded`, on by default |
//! | `redis://HOST` | on a Redis server, 6.2 or newer, or Valkey | `redis` |
//! | `redis-cluster://HOST` | on a Redis Cluster, found by any of its nodes | `redis` |
//!
//! `rediss` in the place of `redis` speaks TLS. `docs/semantics.md` says what the results are on every store. ROME needs a Tokio runtime,
//! with its timers.
//!
//! # Learn it
//!
//! The guide in `docs/guide` goes from the first entity to running in production; `examples/` has a small program for each feature. In
//! this reference begin with [`Database`], [`Entity`](derive@Entity), [`Query`] and [`Session`].

#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod prelude;

#[doc(hidden)]
#[path = "private.rs"]
pub mod __private;

pub use rome_core::alias;
pub use rome_core::change::SchemaPolicy;
pub use rome_core::model::{Embedded, Entity, Id, Many, Newtype, One, Projection, Relation};
pub use rome_core::query::{self, Cursor, Explain, GroupBy, Joined, Page, Query, ScanPolicy, SetQuery, SoftDeleted};
pub use rome_core::session::{self, Hooks, Session, TransactionOptions};
pub use rome_core::value::{self, Json, Value};
pub use rome_core::{
    Admin, Database, DatabaseBuilder, Error, ErrorKind, Executor, IntoStore, OrNotFound, Result, open_store,
};
pub use rome_core::{change, check, dump, expr, metrics, schema, store};
pub use rome_derive::{ColumnEnum, Embedded, Entity, Newtype, Projection};
// The types of columns that come from other crates, so that a program has them in the versions that ROME takes.
#[cfg(feature = "chrono")]
pub use chrono;
pub use uuid;

/// What a program's own types become: entities, keys, relations, projections and hooks.
pub mod model {
    #[doc(inline)]
    pub use rome_core::model::*;
    #[doc(hidden)]
    pub use rome_core::session::HasHooks;
    #[doc(inline)]
    pub use rome_core::session::Hooks;
}

/// Errors, and how to ask what they are.
pub mod error {
    #[doc(inline)]
    pub use rome_core::OrNotFound;
    #[doc(inline)]
    pub use rome_core::error::*;
}

/// Stores for tests: one that fails when it is told to, one that writes down what it is asked.
pub mod testkit {
    #[doc(inline)]
    pub use rome_core::testkit::*;
}

#[cfg(feature = "embedded")]
#[doc(inline)]
pub use rome_embedded as embedded;
#[cfg(feature = "redis")]
#[doc(inline)]
pub use rome_redis as redis;

/// The example of the README, so that it stays true.
#[cfg(all(doctest, feature = "embedded"))]
#[doc = include_str!("../README.md")]
struct Readme;
