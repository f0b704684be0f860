//! The guide's snippets as documentation tests: each page in `src/` is the documentation of a module here, so `cargo test
//! -p rome-guide` compiles and runs all of them.
//!
//! Most snippets begin with a line that mdBook and rustdoc hide, `use rome_guide::kennel::*`, and so work on the entities and
//! rows of [`kennel`].
#![allow(missing_docs, reason = "the pages are the documentation")]

pub mod kennel;

#[cfg(test)]
mod links;

macro_rules! pages {
    ($($name:ident $file:literal,)+) => {
        $(
            #[cfg(doctest)]
            #[doc = include_str!(concat!("src/", $file))]
            pub mod $name {}
        )+

        /// The pages whose snippets are tested.
        pub const PAGES: &[&str] = &[$($file),+];
    };
}

pages! {
    introduction "introduction.md",
    getting_started "getting-started.md",
    entities "entities.md",
    keys "keys.md",
    indexes "indexes.md",
    queries "queries.md",
    relationships "relationships.md",
    joins "joins.md",
    aggregates "aggregates.md",
    transactions "transactions.md",
    bulk "bulk.md",
    hooks "hooks.md",
    schema_change "schema-change.md",
    stores "stores.md",
    testing "testing.md",
    errors "errors.md",
    observability "observability.md",
    production "production.md",
    from_sqlalchemy "from-sqlalchemy.md",
    from_diesel "from-diesel.md",
    from_sea_orm "from-sea-orm.md",
    from_redis_om "from-redis-om.md",
}
