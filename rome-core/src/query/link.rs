//! Links: how a join or a subquery gets from one entity to another.

use std::fmt;
use std::marker::PhantomData;

use crate::ask::{SoftDeleted, Via, conjuncts};
use crate::expr::node::Node;
use crate::expr::{Column, Condition, Expr, Order, Source};
use crate::model::{Entity, Related, Relation};
use crate::schema::RelationDef;
use crate::sealed::Sealed;
use crate::value::Field;

/// A way from rows of `A`, which is in the query, to rows of `B`: by a relation, or by columns that are equal. What
/// [`join`](super::Query::join) takes, and what subqueries are made of.
///
/// ```
/// # use rome_orm::prelude::*;
/// # #[derive(Entity, Clone, Debug, Default, PartialEq)]
/// # struct Owner { #[rome(key)] id: u32, city: String }
/// # #[derive(Entity, Clone, Debug, Default, PartialEq)]
/// # struct Shelter { #[rome(key)] id: u32, city: String, open: bool }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> rome_orm::Result<()> {
/// # let db = Database::builder().entity::<Shelter>().entity::<Owner>().open("memory:").await?;
/// db.insert(Owner { id: 1, city: "Lyon".into() }).await?;
/// db.insert_many([
///     Shelter { id: 1, city: "Lyon".into(), open: true },
///     Shelter { id: 2, city: "Lyon".into(), open: false },
/// ])
/// .await?;
/// let in_city = Owner::CITY.on(Shelter::CITY);
/// assert_eq!(db.query::<Owner>().join(in_city.clone()).all().await?.len(), 2);
/// let open = in_city.filter(Shelter::OPEN.eq(true));
/// assert_eq!(db.query::<Owner>().left_join(open.clone()).all().await?.len(), 1);
/// assert_eq!(db.query::<Owner>().filter(!open.exists()).count().await?, 0);
/// # Ok(())
/// # }
/// ```
pub struct Link<A, B> {
    /// Columns of `A` and of `B` that are equal.
    pub(super) on: Vec<(u16, u16)>,
    /// Tables in between.
    pub(super) via: Vec<Via>,
    /// Conditions on `B`.
    pub(super) filter: Vec<Node>,
    pub(super) deleted: SoftDeleted,
    marker: PhantomData<fn() -> (A, B)>,
}

impl<A, B> Clone for Link<A, B> {
    fn clone(&self) -> Self {
        Self {
            on: self.on.clone(),
            via: self.via.clone(),
            filter: self.filter.clone(),
            deleted: self.deleted,
            marker: PhantomData,
        }
    }
}

impl<A, B> fmt::Debug for Link<A, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link").field("on", &self.on).field("via", &self.via).field("filter", &self.filter).finish()
    }
}

impl<A, B> Link<A, B> {
    fn of_columns(on: Vec<(u16, u16)>) -> Self {
        Self { on, via: Vec::new(), filter: Vec::new(), deleted: SoftDeleted::Exclude, marker: PhantomData }
    }

    fn of_relation(def: &RelationDef) -> Self {
        let (on, via) = steps_of(def);
        Self { via, ..Self::of_columns(on) }
    }

    /// Leads to the rows to which both links lead: all columns have to be equal. It leads to softly deleted ones if one of the two
    /// does.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.on.extend(other.on);
        self.via.extend(other.via);
        self.filter.extend(other.filter);
        if other.deleted == SoftDeleted::Include {
            self.deleted = SoftDeleted::Include;
        }
        self
    }

    /// Leads to those rows of `B` only for which the condition is true. In a left join this is part of the join: a row
    /// without such a partner is kept, where a filter of the query would leave it out.
    #[must_use]
    pub fn filter(mut self, condition: Condition<B>) -> Self {
        self.filter.extend(conjuncts(condition.into_node()));
        self
    }

    /// Leads to softly deleted rows of `B` too.
    #[must_use]
    pub const fn with_deleted(mut self) -> Self {
        self.deleted = SoftDeleted::Include;
        self
    }

    /// The same link to rows that have a second name in the query.
    #[must_use]
    pub fn aliased<C: Source>(self) -> Link<A, C>
    where
        B: Source<Entity = C::Entity>,
    {
        Link { on: self.on, via: self.via, filter: self.filter, deleted: self.deleted, marker: PhantomData }
    }

    fn led_from<C>(self) -> Link<C, B> {
        Link { on: self.on, via: self.via, filter: self.filter, deleted: self.deleted, marker: PhantomData }
    }
}

/// The columns that are equal, and the tables in between, of a relation.
fn steps_of(def: &RelationDef) -> (Vec<(u16, u16)>, Vec<Via>) {
    let pairs = |a: &[u16], b: &[u16]| a.iter().copied().zip(b.iter().copied()).collect::<Vec<_>>();
    let Some(through) = &def.through else {
        return (pairs(&def.local_columns, &def.remote_columns), Vec::new());
    };
    let near = pairs(&def.local_columns, &through.near);
    let via = Via {
        entity: through.table,
        table: (through.table)(),
        near: near.iter().map(|(local, near)| (0, *local, *near)).collect(),
        far: pairs(&through.far, &def.remote_columns),
    };
    (Vec::new(), vec![via])
}

/// Column types that are equal, or equal where neither is NULL: `u32` and `Option<u32>`.
#[diagnostic::on_unimplemented(
    message = "a column of type `{Self}` cannot be joined with one of type `{T}`",
    label = "the columns of a join have one type, apart from `Option`"
)]
pub trait SameAs<T> {
    #[doc(hidden)]
    const SEALED: Sealed;
}

#[diagnostic::do_not_recommend]
impl<T: Field> SameAs<T> for T {
    const SEALED: Sealed = Sealed;
}
#[diagnostic::do_not_recommend]
impl<T: Field> SameAs<Option<T>> for T {
    const SEALED: Sealed = Sealed;
}
#[diagnostic::do_not_recommend]
impl<T: Field> SameAs<T> for Option<T> {
    const SEALED: Sealed = Sealed;
}

impl<A, T: Field> Column<A, T> {
    /// The link from rows with this column to rows where another column is equal; none from NULL.
    #[must_use]
    pub fn on<B: Source, U: Field>(self, other: Column<B, U>) -> Link<A, B>
    where
        T: SameAs<U>,
    {
        Link::of_columns(vec![(self.position(), other.position())])
    }
}

impl<E: Entity, F: Related> Relation<E, F> {
    /// The relation as a link, to add conditions to it.
    #[must_use]
    pub fn link(self) -> Link<E, F::Target> {
        Link::of_relation(self.def())
    }

    /// The relation as a link to rows that have a second name in the query, which [`alias!`](crate::alias) makes. A join of
    /// an entity with itself needs one.
    #[must_use]
    pub fn aliased<B: Source<Entity = F::Target>>(self) -> Link<E, B> {
        Link::of_relation(self.def())
    }
}

/// A relation or a link: what leads from an entity of the query to another one.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not lead to another entity",
    note = "join over a relation, `join(Dog::OWNER)`, or over columns, `join(Dog::OWNER_ID.on(Owner::ID))`"
)]
pub trait IntoLink {
    #[doc(hidden)]
    const SEALED: Sealed;

    /// The entity that it leads from.
    type From;
    /// The entity that it leads to.
    type To: Source;

    /// The link.
    fn into_link(self) -> Link<Self::From, Self::To>;
}

impl<A, B: Source> IntoLink for Link<A, B> {
    const SEALED: Sealed = Sealed;

    type From = A;
    type To = B;

    fn into_link(self) -> Self {
        self
    }
}

impl<E: Entity, F: Related> IntoLink for Relation<E, F> {
    const SEALED: Sealed = Sealed;

    type From = E;
    type To = F::Target;

    fn into_link(self) -> Link<E, F::Target> {
        self.link()
    }
}

/// What can be said of an entity `E` and so of its second name `A`.
pub trait Renamed<E, A> {
    #[doc(hidden)]
    const SEALED: Sealed;

    /// The same of `A`.
    type Out;

    /// The same of `A`.
    fn renamed(self) -> Self::Out;
}

impl<E, A, T> Renamed<E, A> for Column<E, T> {
    const SEALED: Sealed = Sealed;

    type Out = Column<A, T>;

    fn renamed(self) -> Column<A, T> {
        Column::at(self.position())
    }
}

impl<E, A, T> Renamed<E, A> for Expr<E, T> {
    const SEALED: Sealed = Sealed;

    type Out = Expr<A, T>;

    fn renamed(self) -> Expr<A, T> {
        self.of_scope()
    }
}

impl<E, A> Renamed<E, A> for Condition<E> {
    const SEALED: Sealed = Sealed;

    type Out = Condition<A>;

    fn renamed(self) -> Condition<A> {
        self.of_scope()
    }
}

impl<E, A, T> Renamed<E, A> for Order<E, T> {
    const SEALED: Sealed = Sealed;

    type Out = Order<A, T>;

    fn renamed(self) -> Order<A, T> {
        Order::of_part(self.part)
    }
}

impl<E: Entity, A, F: Related> Renamed<E, A> for Relation<E, F> {
    const SEALED: Sealed = Sealed;

    type Out = Link<A, F::Target>;

    fn renamed(self) -> Link<A, F::Target> {
        self.link().led_from()
    }
}

impl<E, A, B> Renamed<E, A> for Link<E, B> {
    const SEALED: Sealed = Sealed;

    type Out = Link<A, B>;

    fn renamed(self) -> Link<A, B> {
        self.led_from()
    }
}

/// Gives an entity a second name, for a query that has it twice.
///
/// `Boss::of` says of the second name what can be said of the entity: columns, conditions, orders and relations.
///
/// ```
/// use rome_orm::prelude::*;
///
/// #[derive(Entity, Clone, Debug, Default, PartialEq)]
/// struct Dog {
///     #[rome(key)]
///     id: u32,
///     name: String,
///     boss_id: Option<u32>,
///     #[rome(belongs_to(boss_id))]
///     boss: One<Dog>,
/// }
///
/// rome_orm::alias!(Boss = Dog);
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> rome_orm::Result<()> {
/// # let db = Database::builder().entity::<Dog>().open("memory:").await?;
/// let ida = Dog { id: 1, name: "Ida".into(), ..Default::default() };
/// let rex = Dog { id: 2, name: "Rex".into(), boss_id: Some(1), ..Default::default() };
/// db.insert_many([ida, rex]).await?;
/// let led = db.query::<Dog>().join(Dog::BOSS.aliased::<Boss>()).filter(Boss::of(Dog::NAME).eq("Ida"));
/// let pairs: Vec<(Dog, Dog)> = led.clone().all().await?;
/// assert_eq!(pairs[0].1.name, "Ida");
/// let names = led.select((Dog::NAME, Boss::of(Dog::NAME))).all().await?;
/// assert_eq!(names, [("Rex".to_owned(), "Ida".to_owned())]);
/// # Ok(())
/// # }
/// ```
#[macro_export]
macro_rules! alias {
    ($(#[$meta:meta])* $vis:vis $name:ident = $entity:ty) => {
        $(#[$meta])*
        #[doc = concat!("A second name for `", stringify!($entity), "` in a query.")]
        #[derive(Debug, Clone, Copy)]
        $vis struct $name;

        impl $crate::expr::Source for $name {
            type Entity = $entity;

            fn name() -> &'static str {
                stringify!($name)
            }
        }

        #[allow(dead_code, reason = "not every alias needs its columns")]
        impl $name {
            /// What can be said of the entity, said of this name of it.
            #[must_use]
            $vis fn of<T: $crate::query::Renamed<$entity, Self>>(what: T) -> T::Out {
                what.renamed()
            }
        }
    };
}
