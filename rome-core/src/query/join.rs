//! Queries on several entities.

use std::fmt;
use std::marker::PhantomData;

use super::choose::{Chosen, OrdersOf};
use super::join_asking::FoundJoin;
use super::link::{IntoLink, Link};
use super::parts::{And, FoundRow, FoundValues, Parts};
use super::rows::unfit;
use super::{GroupBy, Query};
use crate::ask::{
    JoinKind, JoinOrder, JoinPart, JoinSpec, OrderPart, ScanPolicy, SoftDeleted, Spec, conjuncts, distinct_join_parts,
};
use crate::error::{Error, Result};
use crate::exec::JoinedRow;
use crate::expr::node::Node;
use crate::expr::{Condition, In, Source};
use crate::model::Entity;
use crate::session::Target;
use crate::value::{Value, ValueError};

/// A query on several entities `Q`, a tuple of them, whose rows become `R`: a tuple of the entities, or of columns.
///
/// A left join makes an entity an `Option`. Building it costs nothing; a method with `.await` runs it. It may be cloned
/// and run again. Its rows are all of one moment.
///
/// ```
/// use rome_orm::prelude::*;
///
/// #[derive(Entity, Clone, Debug, Default, PartialEq)]
/// struct Owner {
///     #[rome(key)]
///     id: u32,
///     #[rome(index)]
///     city: String,
/// }
///
/// #[derive(Entity, Clone, Debug, Default, PartialEq)]
/// struct Dog {
///     #[rome(key)]
///     id: u32,
///     name: String,
///     #[rome(index)]
///     owner_id: Option<u32>,
///     #[rome(belongs_to(owner_id))]
///     owner: One<Owner>,
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> rome_orm::Result<()> {
/// # let db = Database::builder().entity::<Dog>().entity::<Owner>().open("memory:").await?;
/// # let dog = |id, name: &str, owner_id| Dog { id, name: name.into(), owner_id, ..Default::default() };
/// db.insert_many([Owner { id: 1, city: "Lyon".into() }, Owner { id: 2, city: "Nice".into() }]).await?;
/// db.insert_many([dog(1, "Rex", Some(1)), dog(2, "Ida", Some(2)), dog(3, "Max", None)]).await?;
///
/// let pairs: Vec<(Dog, Owner)> = db.query::<Dog>().join(Dog::OWNER).filter(Owner::CITY.eq("Lyon")).all().await?;
/// assert_eq!(pairs[0].0.name, "Rex");
/// let maybe: Vec<(Dog, Option<Owner>)> =
///     db.query::<Dog>().left_join(Dog::OWNER).order_by((Owner::CITY.desc(), Dog::NAME.asc())).all().await?;
/// assert!(maybe[2].1.is_none());
/// let names: Vec<(String, Option<String>)> =
///     db.query::<Dog>().left_join(Dog::OWNER).order_by(Dog::ID.asc()).select((Dog::NAME, Owner::CITY)).all().await?;
/// assert_eq!(names[2], ("Max".to_owned(), None));
/// # Ok(())
/// # }
/// ```
pub struct Joined<'a, Q: Parts, R = <Q as Parts>::Row> {
    pub(super) target: Target<'a>,
    pub(super) spec: JoinSpec,
    pub(super) output: JoinOutput<R>,
    pub(super) entities: PhantomData<fn() -> Q>,
}

/// How joined rows are read.
pub(super) enum JoinOutput<R> {
    /// As a tuple of entities.
    Entities(fn(&FoundRow<'_>) -> Result<R>),
    /// By these columns.
    Columns(Vec<Node>, fn(&mut FoundValues) -> Result<R, ValueError>),
}

impl<R> JoinOutput<R> {
    /// The columns that are given; none if the rows are read as entities.
    pub fn columns(&self) -> Option<&[Node]> {
        match self {
            Self::Entities(_) => None,
            Self::Columns(columns, _) => Some(columns),
        }
    }

    /// Reads the rows that were found.
    pub fn read_all(&self, spec: &JoinSpec, found: FoundJoin) -> Result<Vec<R>> {
        let mut read = Vec::new();
        match found {
            FoundJoin::Rows(rows) => {
                read.reserve(rows.len());
                for row in rows.iter() {
                    read.push(self.read_row(row)?);
                }
            }
            FoundJoin::Values(values) => {
                read.reserve(values.len());
                for values in values {
                    read.push(self.read_values(spec, values)?);
                }
            }
        }
        Ok(read)
    }

    /// Reads the entities of a row.
    pub fn read_row(&self, row: JoinedRow<'_>) -> Result<R> {
        match self {
            Self::Entities(read) => read(&FoundRow(row)),
            Self::Columns(..) => Err(Error::internal("rows of columns were found as entities")),
        }
    }

    /// Reads the columns of a row.
    pub fn read_values(&self, spec: &JoinSpec, values: Vec<Value>) -> Result<R> {
        match self {
            Self::Entities(_) => Err(Error::internal("rows of entities were found as columns")),
            Self::Columns(_, read) => match read(&mut FoundValues::new(values)) {
                Ok(row) => Ok(row),
                Err(source) => Err(unfit(spec, source)),
            },
        }
    }
}

impl<R> Clone for JoinOutput<R> {
    fn clone(&self) -> Self {
        match self {
            Self::Entities(read) => Self::Entities(*read),
            Self::Columns(columns, read) => Self::Columns(columns.clone(), *read),
        }
    }
}

impl<'a, E: Entity, R> Query<'a, E, R> {
    /// Adds the rows that a relation or link leads to: a row for each pair. Rows that it leads nowhere from are left out.
    ///
    /// A selection is forgotten: select again from the joined entities. Order, limit and offset of this query are those of
    /// the joined rows.
    #[must_use]
    pub fn join<L: IntoLink, I>(self, link: L) -> Joined<'a, (E, L::To)>
    where
        L::From: In<E, I>,
    {
        self.joined().add(link.into_link(), 0, JoinKind::Inner)
    }

    /// Adds the rows that a relation or link leads to, and keeps rows that it leads nowhere from, with `None`.
    #[must_use]
    pub fn left_join<L: IntoLink, I>(self, link: L) -> Joined<'a, (E, Option<L::To>)>
    where
        L::From: In<E, I>,
    {
        self.joined().add(link.into_link(), 0, JoinKind::Left)
    }

    /// Adds all rows of another entity to each row: as many rows as the product of both. Only this method makes such a
    /// product.
    #[must_use]
    pub fn cross_join<B: Source>(self) -> Joined<'a, (E, B)> {
        self.joined().cross::<B, _>()
    }

    fn joined(self) -> Joined<'a, (E,)> {
        Joined {
            target: self.target,
            spec: JoinSpec::new(self.spec),
            output: JoinOutput::Entities(<(E,)>::read),
            entities: PhantomData,
        }
    }
}

impl<'a, Q: Parts, R> Joined<'a, Q, R> {
    /// Adds the rows that a relation or link leads to from an entity of the query. Rows that it leads nowhere from are left
    /// out.
    #[must_use]
    pub fn join<L: IntoLink, I>(self, link: L) -> Joined<'a, <Q as And<L::To>>::Parts>
    where
        L::From: In<Q, I>,
        Q: And<L::To>,
    {
        self.add(link.into_link(), place_of::<L::From, Q, I>(), JoinKind::Inner)
    }

    /// Adds the rows that a relation or link leads to from an entity of the query, and keeps rows that it leads nowhere
    /// from, with `None`.
    #[must_use]
    pub fn left_join<L: IntoLink, I>(self, link: L) -> Joined<'a, <Q as And<Option<L::To>>>::Parts>
    where
        L::From: In<Q, I>,
        Q: And<Option<L::To>>,
    {
        self.add(link.into_link(), place_of::<L::From, Q, I>(), JoinKind::Left)
    }

    /// Adds all rows of another entity to each row; see [`Query::cross_join`].
    #[must_use]
    pub fn cross_join<B: Source>(self) -> Joined<'a, <Q as And<B>>::Parts>
    where
        Q: And<B>,
    {
        self.cross::<B, _>()
    }

    fn cross<B: Source, N: Parts>(mut self) -> Joined<'a, N> {
        let policy = self.spec.parts.first().and_then(|first| first.spec.policy);
        let (name, spec) = (B::name(), Spec { policy, ..Spec::new(B::Entity::table()) });
        self.spec.parts.push(JoinPart { name, kind: JoinKind::Cross, on: Vec::new(), via: Vec::new(), spec });
        self.retyped()
    }

    fn add<A, B: Source, N: Parts>(mut self, link: Link<A, B>, from: u8, kind: JoinKind) -> Joined<'a, N> {
        let mut spec = Spec::new(B::Entity::table());
        spec.filter = link.filter;
        spec.deleted = link.deleted;
        spec.hints.rows = self.spec.parts.first().and_then(|first| first.spec.hints.rows);
        let part = JoinPart { name: B::name(), kind, on: Vec::new(), via: link.via, spec };
        add_part(&mut self.spec, part, &link.on, from);
        self.retyped()
    }

    fn retyped<N: Parts>(self) -> Joined<'a, N> {
        Joined { target: self.target, spec: self.spec, output: JoinOutput::Entities(N::read), entities: PhantomData }
    }

    /// Keeps the rows for which the condition is true. Several filters have to hold together. After a left join a missing
    /// entity has NULL in each column, so that a comparison with one of them is unknown.
    #[must_use]
    pub fn filter<S, I>(mut self, condition: Condition<S>) -> Self
    where
        S: In<Q, I>,
    {
        let mut places = Vec::new();
        S::places(&mut places);
        self.spec.filter.extend(conjuncts(condition.into_node().placed(&places)));
        self
    }

    /// Orders the rows; the keys of the entities, first to last, break ties, in the direction of the last part. Replaces an
    /// earlier order. Without one, rows come in any order.
    #[must_use]
    pub fn order_by<I>(mut self, order: impl OrdersOf<Q, I>) -> Self {
        let mut parts = Vec::new();
        order.place(&mut parts);
        let part = |part: super::choose::PlacedOrder| {
            let mut at = (0, 0);
            part.node.for_each_place(&mut |place, column| at = (place, column));
            let (place, column) = at;
            let part = OrderPart { nulls: part.nulls, ..OrderPart::new(column, part.descending) };
            JoinOrder { place, part }
        };
        self.spec.order = distinct_join_parts(parts.into_iter().map(part));
        self
    }

    /// Gives at most this many rows. Reading ends when there are so many, see [`all`](Self::all).
    #[must_use]
    pub const fn limit(mut self, limit: u64) -> Self {
        self.spec.window.limit = Some(limit);
        self
    }

    /// Leaves out the first rows. They are still read.
    #[must_use]
    pub const fn offset(mut self, offset: u64) -> Self {
        self.spec.window.offset = offset;
        self
    }

    /// Gives each distinct row of a selection once. Rows of entities are distinct by themselves.
    #[must_use]
    pub const fn distinct(mut self) -> Self {
        self.spec.distinct = true;
        self
    }

    /// What the first way to the rows may visit before the other has its turn, for tests.
    #[doc(hidden)]
    #[must_use]
    pub const fn first_visits(mut self, visits: u64) -> Self {
        self.spec.first_visits = Some(visits);
        self
    }

    /// Sees softly deleted rows of all entities too. For one of them say it of the link.
    #[must_use]
    pub fn with_deleted(mut self) -> Self {
        self.spec.parts.iter_mut().for_each(|part| part.spec.deleted = SoftDeleted::Include);
        self
    }

    /// What happens if no index serves the query and a whole table would be read.
    #[must_use]
    pub fn scan_policy(mut self, policy: ScanPolicy) -> Self {
        self.spec.parts.iter_mut().for_each(|part| part.spec.policy = Some(policy));
        self
    }

    /// Gives one column, or a tuple of columns, in the place of the entities. A column of an entity that a left join added
    /// is an `Option`.
    #[must_use]
    pub fn select<C: Chosen<Q, I>, I>(self, columns: C) -> Joined<'a, Q, C::Row> {
        let mut placed = Vec::new();
        columns.place(&mut placed);
        let columns = placed.into_iter().map(|placed| placed.0).collect();
        Joined {
            target: self.target,
            spec: self.spec,
            output: JoinOutput::Columns(columns, C::read),
            entities: PhantomData,
        }
    }

    /// Groups the rows by a column or a tuple of columns; see [`GroupBy`].
    #[must_use]
    pub fn group_by<C: Chosen<Q, I>, I>(self, columns: C) -> GroupBy<'a, Q, C::Row> {
        GroupBy::of_join(self.target, self.spec, &columns)
    }
}

/// Adds an entity that is led to from the one at a place.
fn add_part(join: &mut JoinSpec, mut part: JoinPart, on: &[(u16, u16)], from: u8) {
    part.spec.policy = join.parts.first().and_then(|first| first.spec.policy);
    part.on = on.iter().map(|(local, own)| (from, *local, *own)).collect();
    for via in &mut part.via {
        for (place, ..) in &mut via.near {
            *place = from;
        }
    }
    join.parts.push(part);
}

fn place_of<S: In<Q, I>, Q, I>() -> u8 {
    let mut places = Vec::new();
    S::places(&mut places);
    places.first().copied().unwrap_or_default()
}

impl<Q: Parts, R> Clone for Joined<'_, Q, R> {
    fn clone(&self) -> Self {
        Self {
            target: self.target.clone(),
            spec: self.spec.clone(),
            output: self.output.clone(),
            entities: PhantomData,
        }
    }
}

impl<Q: Parts, R> fmt::Debug for Joined<'_, Q, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tables: Vec<&str> = self.spec.parts.iter().map(|part| part.name).collect();
        f.debug_tuple("Joined").field(&tables).finish()
    }
}
