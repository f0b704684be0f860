//! SQLite through diesel: its typed query language, its r2d2 pool, the statements that it caches by itself.

mod peer;
mod rows;
mod schema;

pub use self::peer::Diesel;
