//! sea-orm: its entities and query builder, on sqlx's pool, which caches its statements.

mod entity;
mod peer;

pub use self::peer::SeaOrmPostgres;
