//! Pages.

use super::asking::{Asking, Part};
use super::{Cursor, Query};
use crate::ask::{OrderPart, Spec};
use crate::error::{Error, Result};
use crate::exec::{self, Hit, Want};
use crate::model::Entity;

/// Some rows of a query, and where the next ones begin.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Page<R> {
    /// The rows.
    pub items: Vec<R>,
    /// Where the next page begins; none if this was the last.
    pub next: Option<Cursor>,
}

/// A query page by page, by key set: a page costs what its own rows cost, wherever it begins. Made by [`Query::page`].
///
/// Without an order the pages go by the key. Rows that are inserted or deleted meanwhile do not shift the others.
///
/// ```
/// # use rome_orm::prelude::*;
/// # #[derive(Entity, Clone, Debug, Default, PartialEq)]
/// # struct Dog { #[rome(key, auto)] id: Id<Dog>, #[rome(unique)] name: String, #[rome(index)] age: Option<u32> }
/// # fn dog(name: &str, age: u32) -> Dog { Dog { name: name.into(), age: Some(age), ..Default::default() } }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> rome_orm::Result<()> {
/// # let db = Database::builder().entity::<Dog>().open("memory:").await?;
/// db.insert_many([dog("Rex", 3), dog("Ida", 5), dog("Max", 1)]).await?;
/// let by_age = db.query::<Dog>().order_by(Dog::AGE.asc()).select(Dog::NAME);
/// let first = by_age.clone().page(2).fetch().await?;
/// assert_eq!(first.items, ["Max", "Rex"]);
/// let second = by_age.page(2).after(first.next).fetch().await?;
/// assert_eq!((second.items, second.next), (vec!["Ida".to_owned()], None));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct PageQuery<'a, E: Entity, R = E> {
    query: Query<'a, E, R>,
    size: u32,
    after: Option<String>,
}

impl<'a, E: Entity, R> PageQuery<'a, E, R> {
    pub(super) const fn new(query: Query<'a, E, R>, size: u32) -> Self {
        Self { query, size, after: None }
    }

    /// Begins after this cursor, if there is one: [`Page::next`], or its text.
    #[must_use]
    pub fn after(mut self, cursor: impl Into<After>) -> Self {
        self.after = cursor.into().0;
        self
    }

    /// The page. Costs as [`Query::all`].
    ///
    /// # Errors
    /// [`is_invalid_cursor`](crate::Error::is_invalid_cursor) for a cursor that was changed or is not of this query and
    /// database; [`is_invalid`](crate::Error::is_invalid) for a page of no rows, and for a query with a limit or of
    /// distinct rows, which no page can know of; as [`Query::all`].
    pub async fn fetch(&self) -> Result<Page<R>> {
        let mut found = self.query.find(Part::Page(self.size, self.after.as_deref())).await?;
        let next = found.next.take();
        Ok(Page { items: self.query.read(Ok(found))?, next })
    }
}

impl Asking<'_> {
    /// The rows of a page, and where the next one begins.
    pub(super) async fn page(self, size: u32, after: Option<&str>) -> Result<(Vec<Hit>, Option<Cursor>)> {
        if size == 0 {
            return Err(Error::invalid("a page holds at least one row: `page(0)` gives none"));
        }
        if self.spec.window.limit.is_some() {
            return Err(Error::invalid("a query in pages has no limit: give the size of a page to `page`"));
        }
        self.refuse_distinct("pages")?;
        let mut spec = ordered(self.spec);
        let order = spec.full_order();
        let secret = &self.target.shared().secret;
        let fingerprint = spec.fingerprint();
        if let Some(after) = after {
            spec.after = Some(Cursor::open(after, secret, &fingerprint, order.len())?);
            spec.window.offset = 0;
        }
        // One row more tells whether there is a next page.
        spec.window.limit = Some(u64::from(size) + 1);
        let mut hits = self.hits(&spec, Want::Rows).await?;
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        let more = hits.len() > size;
        hits.truncate(size);
        let next = match hits.last() {
            Some(last) if more => {
                let values = exec::values_of_order(spec.table, &order, last)?;
                Some(Cursor::new(secret, &fingerprint, &values))
            }
            _ => None,
        };
        Ok((hits, next))
    }
}

/// The same query with an order: by the key, if it has none.
pub(super) fn ordered(spec: &Spec) -> Spec {
    let mut spec = spec.clone();
    if spec.order.is_empty() {
        spec.order = spec.table.key.iter().map(|column| OrderPart::new(*column, false)).collect();
    }
    spec
}

/// A cursor, its text, or none: what [`PageQuery::after`] takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct After(Option<String>);

impl After {
    pub(super) fn into_text(self) -> Option<String> {
        self.0
    }
}

impl From<&str> for After {
    fn from(cursor: &str) -> Self {
        Self(Some(cursor.to_owned()))
    }
}

impl From<&String> for After {
    fn from(cursor: &String) -> Self {
        Self(Some(cursor.clone()))
    }
}

impl From<String> for After {
    fn from(cursor: String) -> Self {
        Self(Some(cursor))
    }
}

impl From<Cursor> for After {
    fn from(cursor: Cursor) -> Self {
        Self(Some(cursor.into()))
    }
}

impl From<&Cursor> for After {
    fn from(cursor: &Cursor) -> Self {
        Self(Some(cursor.as_str().to_owned()))
    }
}

impl<C: Into<Self>> From<Option<C>> for After {
    fn from(cursor: Option<C>) -> Self {
        Self(cursor.and_then(|cursor| cursor.into().0))
    }
}
