//! The core of ROME, the relational ORM for key-value stores. Applications use the `rome` facade; backends use [`store`].
//!
//! The layers, each of which knows only those after it: [`query`] describes what is asked, `plan` chooses how, `exec`
//! carries it out, [`session`] makes it a transaction, `index` and `catalog` say where rows and their index entries
//! lie, [`store`] holds them, [`value`] encodes them.

#[doc(hidden)]
#[path = "private.rs"]
pub mod __private;
mod catalog;
pub mod change;
pub mod check;
mod commit;
mod cut;
mod database;
pub mod dump;
pub mod error;
mod exec;
pub mod expr;
mod index;
pub mod metrics;
pub mod model;
mod place;
mod plan;
pub mod query;
mod reference;
mod row;
pub mod schema;
pub mod session;
pub mod store;
pub mod testkit;
pub mod value;

pub use database::{Database, DatabaseBuilder};
pub use error::{Error, ErrorKind, OrNotFound, Result};
