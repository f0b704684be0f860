//! The stream that queries give.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures::stream::{BoxStream, Stream};

use crate::error::Result;

/// The rows of a query one by one, by [`Query::stream`](super::Query::stream) or [`Joined::stream`](super::Joined::stream).
///
/// It is `Unpin` and `Send`, so `next().await` works on it as it is, and a struct can hold it. That of a query which
/// [`into_query`](crate::Database::into_query) began borrows nothing: it may be the body of an answer.
///
/// ```
/// # use rome_orm::prelude::*;
/// # #[derive(Entity, Clone, Debug, Default, PartialEq)]
/// # struct Dog { #[rome(key, auto)] id: Id<Dog>, #[rome(unique)] name: String, #[rome(index)] age: Option<u32> }
/// # fn dog(name: &str, age: u32) -> Dog { Dog { name: name.into(), age: Some(age), ..Default::default() } }
/// use futures::StreamExt;
/// use rome_orm::query::RowStream;
///
/// fn names(db: Database) -> RowStream<'static, String> {
///     db.into_query::<Dog>().order_by(Dog::NAME.asc()).select(Dog::NAME).stream()
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> rome_orm::Result<()> {
/// # let db = Database::builder().entity::<Dog>().open("memory:").await?;
/// db.insert_many([dog("Rex", 3), dog("Ida", 5)]).await?;
/// let mut names = names(db);
/// while let Some(name) = names.next().await {
///     println!("{}", name?);
/// }
/// # Ok(())
/// # }
/// ```
#[must_use = "nothing is read before it is asked for a row"]
pub struct RowStream<'a, R>(BoxStream<'a, Result<R>>);

impl<'a, R> RowStream<'a, R> {
    pub(super) fn new(stream: impl Stream<Item = Result<R>> + Send + 'a) -> Self {
        Self(Box::pin(stream))
    }
}

impl<R> Stream for RowStream<'_, R> {
    type Item = Result<R>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<R>>> {
        self.0.as_mut().poll_next(context)
    }
}

impl<R> fmt::Debug for RowStream<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RowStream").finish_non_exhaustive()
    }
}
