//! Where statements run: on a database, or in a session of one.

use std::future::Future;

use futures::future::BoxFuture;

use super::Database;
use crate::error::{Error, Result};
use crate::expr::{Assignments, Conditions};
use crate::model::{Entity, IntoKey, Related, Relation};
use crate::query::{IntoLoad, Query};
use crate::session::{Repeatable, Session, TxBody};

mod sealed {
    pub trait Sealed {}

    impl Sealed for super::Database {}
    impl Sealed for super::Session {}
}

macro_rules! executor {
    ($(
        $(#[$doc:meta])*
        fn $name:ident<$($of:ident: $bound:path),+>($($arg:ident: $ty:ty),*) -> $result:ty;
    )*) => {
        /// A [`Database`], or a [`Session`] in which all of it is part of one transaction: what a function takes that does not care.
        ///
        /// Both have these methods of their own, which say what they cost and how they fail. [`transaction`](Self::transaction) begins one on
        /// a database, and on a session it joins the one that runs, so a function that needs several statements to be one may be part of
        /// a larger one. Nothing but these two implements it.
        ///
        /// ```
        /// # use rome_orm::prelude::*;
        /// # #[derive(Entity, Clone, Debug, Default, PartialEq)]
        /// # struct Dog { #[rome(key, auto)] id: Id<Dog>, #[rome(unique)] name: String, #[rome(index)] age: Option<u32> }
        /// # fn dog(name: &str, age: u32) -> Dog { Dog { name: name.into(), age: Some(age), ..Default::default() } }
        /// /// Makes a dog a year older.
        /// async fn birthday(at: &impl Executor, id: Id<Dog>) -> rome_orm::Result<Dog> {
        ///     at.transaction(async move |s| {
        ///         let dog = s.get::<Dog>(id).await?.ok_or_not_found()?;
        ///         s.update(&Dog { age: dog.age.map(|age| age + 1), ..dog }).await
        ///     })
        ///     .await
        /// }
        ///
        /// # #[tokio::main(flavor = "current_thread")]
        /// # async fn main() -> rome_orm::Result<()> {
        /// # let db = Database::builder().entity::<Dog>().open("memory:").await?;
        /// let (rex, ida) = (db.insert(dog("Rex", 3)).await?, db.insert(dog("Ida", 5)).await?);
        /// assert_eq!(birthday(&db, rex.id).await?.age, Some(4));
        /// // Twins: both have it, or none.
        /// let twins = db.transaction(async move |s| Ok((birthday(s, rex.id).await?, birthday(s, ida.id).await?))).await?;
        /// assert_eq!((twins.0.age, twins.1.age), (Some(5), Some(6)));
        /// # Ok(())
        /// # }
        /// ```
        pub trait Executor: sealed::Sealed + Send + Sync {
            /// A query on an entity.
            fn query<E: Entity>(&self) -> Query<'_, E>;

            $(
                $(#[$doc])*
                fn $name<$($of: $bound),+>(&self, $($arg: $ty),*) -> impl Future<Output = Result<$result>> + Send;
            )*

            /// The rows with these keys, in their order.
            fn get_many<E: Entity>(
                &self,
                keys: impl IntoIterator<Item = impl IntoKey<E::Key>>,
            ) -> BoxFuture<'_, Result<Vec<Option<E>>>>;

            /// Stores new rows, all or none.
            fn insert_many<E: Entity>(&self, entities: impl IntoIterator<Item = E>) -> BoxFuture<'_, Result<Vec<E>>>;

            /// Stores whole rows in the place of the stored ones, all or none.
            fn update_many<'r, E: Entity>(&self, rows: impl IntoIterator<Item = &'r E>) -> BoxFuture<'_, Result<Vec<E>>>;

            /// Stores rows as [`upsert`](Self::upsert) does, all or none.
            fn upsert_many<E: Entity>(&self, entities: impl IntoIterator<Item = E>) -> BoxFuture<'_, Result<Vec<E>>>;

            /// Removes rows as [`delete`](Self::delete) does; says how many there were.
            fn delete_many<'r, E: Entity>(&self, rows: impl IntoIterator<Item = &'r E>) -> BoxFuture<'_, Result<u64>>;

            /// Runs the body as one transaction: on a database as [`Database::transaction`] does, in a session once and as a part of that.
            ///
            /// # Errors
            /// The body's own. In a session what the body has written stays pending after it: give the error on, and all is rolled back.
            fn transaction<F, T>(&self, body: F) -> impl Future<Output = Result<T>> + Send
            where
                F: for<'t> TxBody<&'t Session, Result<T>, Fut: Send> + Repeatable + Send,
                T: Send;

            /// [`transaction`](Self::transaction) with an error type of the program's own.
            ///
            /// # Errors
            /// As [`transaction`](Self::transaction), converted.
            fn try_transaction<F, T, E>(&self, body: F) -> impl Future<Output = Result<T, E>> + Send
            where
                F: for<'t> TxBody<&'t Session, Result<T, E>, Fut: Send> + Repeatable + Send,
                T: Send,
                E: From<Error> + Send;
        }

        executor!(@each Database { $(fn $name<$($of: $bound),+>($($arg: $ty),*) -> $result;)* });
        executor!(@each Session { $(fn $name<$($of: $bound),+>($($arg: $ty),*) -> $result;)* });
    };
    (@each $at:ident { $(
        fn $name:ident<$($of:ident: $bound:path),+>($($arg:ident: $ty:ty),*) -> $result:ty;
    )* }) => {
        // Each method calls the type's own one of its name.
        impl Executor for $at {
            fn query<E: Entity>(&self) -> Query<'_, E> {
                self.query()
            }

            $(
                fn $name<$($of: $bound),+>(&self, $($arg: $ty),*) -> impl Future<Output = Result<$result>> + Send {
                    self.$name::<$($of),+>($($arg),*)
                }
            )*

            fn get_many<E: Entity>(
                &self,
                keys: impl IntoIterator<Item = impl IntoKey<E::Key>>,
            ) -> BoxFuture<'_, Result<Vec<Option<E>>>> {
                self.get_many(keys)
            }

            fn insert_many<E: Entity>(&self, entities: impl IntoIterator<Item = E>) -> BoxFuture<'_, Result<Vec<E>>> {
                self.insert_many(entities)
            }

            fn update_many<'r, E: Entity>(&self, rows: impl IntoIterator<Item = &'r E>) -> BoxFuture<'_, Result<Vec<E>>> {
                self.update_many(rows)
            }

            fn upsert_many<E: Entity>(&self, entities: impl IntoIterator<Item = E>) -> BoxFuture<'_, Result<Vec<E>>> {
                self.upsert_many(entities)
            }

            fn delete_many<'r, E: Entity>(&self, rows: impl IntoIterator<Item = &'r E>) -> BoxFuture<'_, Result<u64>> {
                self.delete_many(rows)
            }

            fn transaction<F, T>(&self, body: F) -> impl Future<Output = Result<T>> + Send
            where
                F: for<'t> TxBody<&'t Session, Result<T>, Fut: Send> + Repeatable + Send,
                T: Send,
            {
                self.transaction(body)
            }

            fn try_transaction<F, T, E>(&self, body: F) -> impl Future<Output = Result<T, E>> + Send
            where
                F: for<'t> TxBody<&'t Session, Result<T, E>, Fut: Send> + Repeatable + Send,
                T: Send,
                E: From<Error> + Send,
            {
                self.try_transaction(body)
            }
        }
    };
}

executor! {
    /// The row with this key, unless it is softly deleted.
    fn get<E: Entity>(key: impl IntoKey<E::Key> + Send) -> Option<E>;

    /// The row with this key, also if it is softly deleted.
    fn get_with_deleted<E: Entity>(key: impl IntoKey<E::Key> + Send) -> Option<E>;

    /// Stores a new row.
    fn insert<E: Entity>(entity: E) -> E;

    /// Stores the whole row in the place of the stored one.
    fn update<E: Entity>(entity: &E) -> E;

    /// Changes one row by its key, if conditions hold for it.
    fn update_if<E: Entity>(
        key: impl IntoKey<E::Key> + Send,
        conditions: impl Conditions<E> + Send,
        changes: impl Assignments<E> + Send
    ) -> E;

    /// Stores the row as a new one, or in the place of the one with its key.
    fn upsert<E: Entity>(entity: E) -> E;

    /// Removes the row, softly if the entity has a `soft_delete` column.
    fn delete<E: Entity>(entity: &E) -> ();

    /// Removes the row with this key as [`delete`](Self::delete) does; says whether there was one.
    fn delete_by_key<E: Entity>(key: impl IntoKey<E::Key> + Send) -> bool;

    /// Really removes the row.
    fn purge<E: Entity>(entity: &E) -> ();

    /// Really removes the row with this key; says whether there was one.
    fn purge_by_key<E: Entity>(key: impl IntoKey<E::Key> + Send) -> bool;

    /// Brings the softly deleted row with this key back; says whether there was one.
    fn restore<E: Entity>(key: impl IntoKey<E::Key> + Send) -> bool;

    /// Loads a relation of a row.
    fn load<E: Entity>(row: &mut E, relation: impl IntoLoad<E> + Send) -> ();

    /// Loads a relation of rows.
    fn load_many<E: Entity>(rows: &mut [E], relation: impl IntoLoad<E> + Send) -> ();

    /// Makes a relation lead from one row to another; says whether that changed anything.
    fn attach<E: Entity, F: Related>(from: &E, relation: Relation<E, F>, to: &F::Target) -> bool;

    /// Makes a relation not lead from one row to another; says whether that changed anything.
    fn detach<E: Entity, F: Related>(from: &E, relation: Relation<E, F>, to: &F::Target) -> bool;
}

impl Session {
    /// Runs the body once, as a part of this session's transaction: so a function that begins a transaction on a database can be a part of
    /// a larger one, see [`Executor`]. Costs what the body costs.
    ///
    /// # Errors
    /// The body's own. What it has written stays pending after it.
    pub async fn transaction<F, T>(&self, body: F) -> Result<T>
    where
        F: for<'t> TxBody<&'t Session, Result<T>, Fut: Send> + Repeatable + Send,
        T: Send,
    {
        body(self).await
    }

    /// [`transaction`](Self::transaction) with an error type of the program's own.
    ///
    /// # Errors
    /// As [`transaction`](Self::transaction).
    pub async fn try_transaction<F, T, E>(&self, body: F) -> Result<T, E>
    where
        F: for<'t> TxBody<&'t Session, Result<T, E>, Fut: Send> + Repeatable + Send,
        T: Send,
        E: From<Error> + Send,
    {
        body(self).await
    }
}
