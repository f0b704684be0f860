//! What a database does, told as it happens.
//!
//! Give [`DatabaseBuilder::metrics`](crate::DatabaseBuilder::metrics) something that is told of each [`Event`]: calls of the
//! store, conflicts, the ends of transactions. [`Collector`] is ready to use: counters and histograms of latency, cheap enough to be
//! always on. For a metrics system of your own, implement [`Metrics`]; it is one function. A database without metrics pays
//! nothing for them.
//!
//! ```
//! # use rome_orm::prelude::*;
//! # #[derive(Entity, Clone, Debug, Default, PartialEq)]
//! # struct Dog { #[rome(key, auto)] id: Id<Dog>, #[rome(unique)] name: String, #[rome(index)] age: Option<u32> }
//! # fn dog(name: &str, age: u32) -> Dog { Dog { name: name.into(), age: Some(age), ..Default::default() } }
//! use std::sync::Arc;
//!
//! use rome_orm::metrics::Collector;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> rome_orm::Result<()> {
//! let metrics = Arc::new(Collector::new());
//! let db = Database::builder().entity::<Dog>().metrics(metrics.clone()).open("memory:").await?;
//! let before = metrics.snapshot();
//! let rex = db.insert(dog("Rex", 3)).await?;
//! db.get::<Dog>(rex.id).await?;
//! let did = metrics.snapshot().since(&before);
//! assert_eq!((did.committed, did.reads.calls, did.applies.calls), (1, 1, 1));
//! println!("{did}");
//! # Ok(())
//! # }
//! ```
//!
//! What one query or one transaction costs its caller asks by [`Measure::measured`].

mod collector;
mod cost;
mod event;
mod histogram;
mod measured;
mod observed;
mod snapshot;

pub use collector::Collector;
pub use cost::{Cost, Measure};
pub use event::{CallKind, Event, Metrics, StoreCall, TransactionEnd};
pub use snapshot::{CallStats, Latency, Snapshot};

pub(crate) use cost::{Visits, count, count_visits, is_measured, measured_by_space, returned};
pub(crate) use measured::measured;
pub(crate) use observed::Observed;
