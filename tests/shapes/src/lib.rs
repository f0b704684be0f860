//! Everyday shapes of queries, each with the indexes that it needs: what a page, a list or a count of a program looks like.
//!
//! What a shape costs has to follow its answer: the rows and entries that the store visits are the same in a table of a
//! thousand rows and in one of a million. Each shape is written three times, for ROME, for a naive evaluation of the same
//! rows in memory, and in SQL, and says what the best single way to its rows visits. `tests/counts.rs` asserts the law on
//! every store; `benches/` times the shapes beside SQLite.

mod answer;
mod groups;
mod ordered;
mod related;
mod shape;
mod tables;
mod world;

pub use answer::Answer;
pub use shape::{Loaded, Shape, shapes};
pub use tables::{Event, Image, Member, Note, SCHEMA, Tag};
pub use world::World;
