//! What a shape is, and all of them.

use std::sync::Arc;

use futures::future::BoxFuture;
use rome_orm::prelude::*;

use crate::answer::Answer;
use crate::tables::{Event, Image, Member, Note, Tag};
use crate::world::World;
use crate::{groups, ordered, related};

/// A database with the rows of a [`World`].
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The database.
    pub db: Database,
    /// What is in it.
    pub world: Arc<World>,
    /// A cursor in the middle of the newest images, as another request would bring it.
    pub(crate) deep: Option<Cursor>,
    /// One in the middle of the newest images of a list of owners.
    pub(crate) deep_in_list: Option<Cursor>,
}

impl Loaded {
    /// Fills a database, which was opened by [`Self::builder`] and is empty.
    ///
    /// # Errors
    /// As [`Database::insert_many`] and [`PageQuery::fetch`](rome_orm::query::PageQuery::fetch).
    pub async fn fill(db: Database, world: Arc<World>) -> rome_orm::Result<Self> {
        world.fill(&db).await?;
        let half = u32::try_from(world.rows / 2).unwrap_or(u32::MAX);
        let deep = ordered::newest(&db).page(half).fetch().await?.next;
        let deep_in_list = ordered::newest_of_owners(&db).page(half / 20).fetch().await?.next;
        Ok(Self { db, world, deep, deep_in_list })
    }

    /// Opens databases with the tables of the shapes.
    #[must_use]
    pub fn builder() -> rome_orm::DatabaseBuilder {
        Database::builder().entity::<Image>().entity::<Tag>().entity::<Member>().entity::<Note>().entity::<Event>()
    }
}

/// A query that programs ask every day.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    /// A few words, its own.
    pub name: &'static str,
    /// The rows and entries that the best single way to the answer visits, whatever the size of the tables. A row that is found
    /// by an index is two visits: the entry and the row.
    pub best: u64,
    /// The calls of a store of one partition that it may take, once the planner knows it.
    pub calls: usize,
    /// Asks it of ROME.
    pub ask: for<'a> fn(&'a Loaded) -> BoxFuture<'a, rome_orm::Result<Answer>>,
    /// The same in SQL. It selects what ROME reads, with the columns of the answer first.
    pub sql: fn(&World) -> String,
    /// The same of rows in memory.
    pub naive: fn(&World) -> Answer,
}

/// All shapes.
#[must_use]
pub fn shapes() -> Vec<Shape> {
    [ordered::shapes(), related::shapes(), groups::shapes()].concat()
}
