//! The core of ROME, the relational ORM for key-value stores. Applications use the `rome` facade; backends use [`store`].
//!
//! Its rooms, from the top: `database` and [`query`] are the typed surface, `statement` writes, `exec` carries out what
//! `plan` chooses, [`session`] is a unit of work, `ask` and [`expr`] are what is asked, `index`, `row`, `placement` and
//! `catalog` say what is stored and where, `commit` sends it to a [`store`], and [`value`] encodes it. Each uses only what stands
//! below it: `docs/design/README.md` has the list, and a test holds it.

#[doc(hidden)]
#[path = "private.rs"]
pub mod __private;
mod ask;
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
mod placement;
mod plan;
pub mod query;
mod row;
pub mod schema;
mod sealed;
pub mod session;
mod statement;
pub mod store;
pub mod testkit;
pub mod value;

pub use database::{Admin, Database, DatabaseBuilder, Executor, IntoStore, open_store};
pub use error::{Error, ErrorKind, Result};
pub use model::OrNotFound;
