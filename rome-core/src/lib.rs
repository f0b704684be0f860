//! The core of ROME, the relational ORM for key-value stores. Applications use the `rome` facade; backends use [`store`].
//!
//! The layers, each of which knows only those after it: [`query`] describes what is asked, `plan` chooses how, `exec`
//! carries it out, [`session`] makes it a transaction, `index` and `catalog` say where rows and their index entries
//! lie, [`store`] holds them, [`value`] encodes them.

#[doc(hidden)]
#[path = "private.rs"]
pub mod __private;
pub mod error;
pub mod expr;
pub mod model;
pub mod schema;
pub mod store;
pub mod testkit;
pub mod value;

pub use error::{Error, OrNotFound, Result};
