//! Conditions that ask other tables: whether rows that belong to a row exist.

use std::sync::Arc;

use super::Query;
use super::link::{Link, SameAs};
use crate::ask::{Spec, conjuncts};
use crate::expr::node::Node;
use crate::expr::subquery::{Exists, InQuery};
use crate::expr::{Column, Condition, Source};
use crate::model::{Entity, Related, Relation};
use crate::schema::Through;
use crate::value::Field;

impl<A, B: Source> Link<A, B> {
    /// True where it leads to a row. Never unknown.
    ///
    /// The other table is asked once, for all rows: a query with it costs a round trip more, two more where there is a table
    /// in between.
    #[must_use]
    pub fn exists(self) -> Condition<A> {
        let mut spec = Spec::new(B::Entity::table());
        spec.filter = self.filter;
        spec.deleted = self.deleted;
        let near = self.via.iter().flat_map(|via| &via.near).map(|(_, local, _)| *local);
        let through = self.via.iter().map(|via| {
            let (far, remote) = via.far.iter().copied().unzip();
            (Through { table: via.entity, near: via.near.iter().map(|(.., near)| *near).collect(), far }, remote)
        });
        let exists = Exists {
            of: self.on.iter().map(|(local, _)| *local).chain(near).map(Node::Column).collect(),
            columns: self.on.iter().map(|(_, remote)| *remote).collect(),
            spec: Arc::new(spec),
            through: through.collect(),
        };
        Condition::new(Node::Exists(Arc::new(exists)))
    }

    /// True where it leads to a row for which the condition is true.
    #[must_use]
    pub fn any(self, condition: Condition<B>) -> Condition<A> {
        self.filter(condition).exists()
    }

    /// True where it leads to no row for which the condition is true.
    #[must_use]
    pub fn none(self, condition: Condition<B>) -> Condition<A> {
        !self.any(condition)
    }

    /// True where the condition is true for each row that it leads to; so also where it leads to none. A row for which the
    /// condition is unknown does not fulfil it.
    #[must_use]
    pub fn all(mut self, condition: Condition<B>) -> Condition<A> {
        self.filter.push(Node::NotTrue(Box::new(Node::all(conjuncts(condition.into_node())))));
        !self.exists()
    }
}

impl<E: Entity, F: Related> Relation<E, F> {
    /// True where the relation leads to a row; see [`Link::exists`].
    ///
    /// ```
    /// # use rome_orm::prelude::*;
    /// # #[derive(Entity, Clone, Debug, Default, PartialEq)]
    /// # struct Owner { #[rome(key)] id: u32, #[rome(has_many(owner_id))] dogs: Many<Dog> }
    /// # #[derive(Entity, Clone, Debug, Default, PartialEq)]
    /// # struct Dog { #[rome(key)] id: u32, age: u32, #[rome(index)] owner_id: u32 }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> rome_orm::Result<()> {
    /// # let db = Database::builder().entity::<Dog>().entity::<Owner>().open("memory:").await?;
    /// db.insert_many([1, 2, 3].map(|id| Owner { id, ..Default::default() })).await?;
    /// db.insert_many([Dog { id: 1, age: 2, owner_id: 1 }, Dog { id: 2, age: 9, owner_id: 2 }]).await?;
    /// for (filter, owners) in [
    ///     (Owner::DOGS.exists(), vec![1, 2]),
    ///     (!Owner::DOGS.exists(), vec![3]),
    ///     (Owner::DOGS.any(Dog::AGE.gt(5)), vec![2]),
    ///     (Owner::DOGS.none(Dog::AGE.gt(5)), vec![1, 3]),
    ///     (Owner::DOGS.all(Dog::AGE.gt(5)), vec![2, 3]),
    /// ] {
    ///     let found = db.query::<Owner>().filter(filter).order_by(Owner::ID.asc()).select(Owner::ID).all().await?;
    ///     assert_eq!(found, owners);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn exists(self) -> Condition<E> {
        self.link().exists()
    }

    /// True where the relation leads to a row for which the condition is true; see [`Link::any`].
    #[must_use]
    pub fn any(self, condition: Condition<F::Target>) -> Condition<E> {
        self.link().any(condition)
    }

    /// True where the relation leads to no row for which the condition is true; see [`Link::none`].
    #[must_use]
    pub fn none(self, condition: Condition<F::Target>) -> Condition<E> {
        self.link().none(condition)
    }

    /// True where the condition is true for each row that the relation leads to; see [`Link::all`].
    #[must_use]
    pub fn all(self, condition: Condition<F::Target>) -> Condition<E> {
        self.link().all(condition)
    }
}

impl<S, T: Field> Column<S, T> {
    /// True where it equals a value that the query gives; unknown where it is NULL, or where no value is equal and the query
    /// gives NULL. The query runs where the one around it runs, whatever it was made from.
    ///
    /// ```
    /// # use rome_orm::prelude::*;
    /// # #[derive(Entity, Clone, Debug, Default, PartialEq)]
    /// # struct Owner { #[rome(key)] id: u32, city: String }
    /// # #[derive(Entity, Clone, Debug, Default, PartialEq)]
    /// # struct Dog { #[rome(key)] id: u32, #[rome(index)] owner_id: u32 }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> rome_orm::Result<()> {
    /// # let db = Database::builder().entity::<Dog>().entity::<Owner>().open("memory:").await?;
    /// db.insert_many([Owner { id: 1, city: "Lyon".into() }, Owner { id: 2, city: "Nice".into() }]).await?;
    /// db.insert_many([Dog { id: 1, owner_id: 1 }, Dog { id: 2, owner_id: 2 }, Dog { id: 3, owner_id: 1 }]).await?;
    /// let in_lyon = db.query::<Owner>().filter(Owner::CITY.eq("Lyon")).select(Owner::ID);
    /// assert_eq!(db.query::<Dog>().filter(Dog::OWNER_ID.in_query(&in_lyon)).count().await?, 2);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn in_query<E: Entity, U>(self, query: &Query<'_, E, U>) -> Condition<S>
    where
        T: SameAs<U>,
    {
        // The bound leaves only queries that select a column.
        let columns = query.output.columns().unwrap_or(&E::table().key);
        let column = columns.first().copied().unwrap_or_default();
        let query = InQuery {
            of: Node::Column(self.position()),
            spec: Arc::new(query.spec.clone()),
            column,
            distinct: query.distinct,
        };
        Condition::new(Node::InQuery(Arc::new(query)))
    }

    /// True where it equals no value that the query gives. Unknown, and so left out by a filter, where the query gives NULL;
    /// `!link.exists()` has no such trap.
    #[must_use]
    pub fn not_in_query<E: Entity, U>(self, query: &Query<'_, E, U>) -> Condition<S>
    where
        T: SameAs<U>,
    {
        !self.in_query(query)
    }
}
