//! diesel: its typed query language, on diesel-async's connections in a deadpool, which cache their statements.

mod peer;
mod rows;

pub use self::peer::DieselPostgres;
