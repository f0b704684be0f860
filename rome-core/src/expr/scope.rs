//! Which entities an expression may speak of.

use std::marker::PhantomData;

use crate::model::{Entity, OrNull};
use crate::sealed::Sealed;
use crate::value::Field;

/// Expressions over `Self` may be used in a query over `Q`. The index `I` is inferred; it says where in the query the
/// entity stands.
#[diagnostic::on_unimplemented(
    message = "this expression is about `{Self}`, which is not in the query",
    label = "the query is over `{Q}`",
    note = "join the entity first; an aggregate, which is about `Groups<_>`, belongs into `having`, `select` or `aggregate`"
)]
pub trait In<Q, I> {
    #[doc(hidden)]
    const SEALED: Sealed;

    /// Whether the entity may be missing there, as after a left join.
    type Presence;

    /// The places in the query of the entities that the expression is about.
    #[doc(hidden)]
    fn places(out: &mut Vec<u8>);
}

/// The only entity of a query.
#[derive(Debug, Clone, Copy)]
pub struct Here;

/// The entity at this place of a query.
#[derive(Debug, Clone, Copy)]
pub struct At<const PLACE: usize>;

/// The same, where a left join put it.
#[derive(Debug, Clone, Copy)]
pub struct MaybeAt<const PLACE: usize>;

/// An entity that is there in each row of the query.
#[derive(Debug, Clone, Copy)]
pub struct Always;

/// An entity that may be missing: its columns may be NULL.
#[derive(Debug, Clone, Copy)]
pub struct Maybe;

/// An entity, or a second name for one that [`alias!`](crate::alias) makes.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is neither an entity nor an alias of one",
    note = "derive `Entity` on it, or make an alias with `rome_orm::alias!(Boss = Dog)`"
)]
pub trait Source: Send + Sync + 'static {
    /// The entity.
    type Entity: Entity;

    /// What it is called in plans.
    #[doc(hidden)]
    fn name() -> &'static str {
        Self::Entity::table().name
    }
}

#[diagnostic::do_not_recommend]
impl<E: Entity> Source for E {
    type Entity = E;
}

impl<E: Entity> In<E, Here> for E {
    const SEALED: Sealed = Sealed;

    type Presence = Always;

    fn places(out: &mut Vec<u8>) {
        out.push(0);
    }
}

/// An expression about two entities, each of which is somewhere in the query.
#[diagnostic::do_not_recommend]
impl<Q, A: In<Q, I>, B: In<Q, J>, I, J> In<Q, (I, J)> for (A, B) {
    const SEALED: Sealed = Sealed;

    // It is no column, whose type would depend on it.
    type Presence = Always;

    fn places(out: &mut Vec<u8>) {
        A::places(out);
        B::places(out);
    }
}

macro_rules! places {
    ($($place:literal: [$($before:ident)*] [$($after:ident)*];)*) => { $(
        #[diagnostic::do_not_recommend]
        impl<Only: Source, $($before,)* $($after,)*> In<($($before,)* Only, $($after,)*), At<$place>> for Only {
            const SEALED: Sealed = Sealed;

            type Presence = Always;

            fn places(out: &mut Vec<u8>) {
                out.push($place);
            }
        }

        #[diagnostic::do_not_recommend]
        impl<Only: Source, $($before,)* $($after,)*> In<($($before,)* Option<Only>, $($after,)*), MaybeAt<$place>>
            for Only
        {
            const SEALED: Sealed = Sealed;

            type Presence = Maybe;

            fn places(out: &mut Vec<u8>) {
                out.push($place);
            }
        }
    )* };
}

places! {
    0: [] [B];
    1: [A] [];
    0: [] [B C];
    1: [A] [C];
    2: [A B] [];
    0: [] [B C D];
    1: [A] [C D];
    2: [A B] [D];
    3: [A B C] [];
    0: [] [B C D E];
    1: [A] [C D E];
    2: [A B] [D E];
    3: [A B C] [E];
    4: [A B C D] [];
    0: [] [B C D E F];
    1: [A] [C D E F];
    2: [A B] [D E F];
    3: [A B C] [E F];
    4: [A B C D] [F];
    5: [A B C D E] [];
}

/// Expressions over `Groups<S>` speak of groups of rows of `S`: aggregates such as `sum(Dog::AGE)` are over `Groups<Dog>`.
#[derive(Debug, Clone, Copy)]
pub struct Groups<S>(PhantomData<fn() -> S>);

/// Expressions over `Self` may be used of the groups of a query over `Q`: aggregates, and columns that it groups by.
#[diagnostic::on_unimplemented(
    message = "this expression is about `{Self}`, which is not in the query",
    label = "the query is over `{Q}`"
)]
pub trait InGroups<Q, I> {
    #[doc(hidden)]
    const SEALED: Sealed;

    /// The places in the query of the entities that the expression is about.
    #[doc(hidden)]
    fn places(out: &mut Vec<u8>);
}

/// An expression about columns that the query groups by.
#[derive(Debug, Clone, Copy)]
pub struct ByColumn<I>(PhantomData<fn() -> I>);

/// An expression about an aggregate.
#[derive(Debug, Clone, Copy)]
pub struct ByGroup<I>(PhantomData<fn() -> I>);

/// An expression about the number of rows.
#[derive(Debug, Clone, Copy)]
pub struct ByCount;

#[diagnostic::do_not_recommend]
impl<Q, S: In<Q, I>, I> InGroups<Q, ByColumn<I>> for S {
    const SEALED: Sealed = Sealed;

    fn places(out: &mut Vec<u8>) {
        S::places(out);
    }
}

#[diagnostic::do_not_recommend]
impl<Q, S: In<Q, I>, I> InGroups<Q, ByGroup<I>> for Groups<S> {
    const SEALED: Sealed = Sealed;

    fn places(out: &mut Vec<u8>) {
        S::places(out);
    }
}

/// An expression about the number of rows alone, which every query has.
#[diagnostic::do_not_recommend]
impl<Q> InGroups<Q, ByCount> for Groups<()> {
    const SEALED: Sealed = Sealed;

    fn places(out: &mut Vec<u8>) {
        out.push(0);
    }
}

/// An expression about two of them.
#[diagnostic::do_not_recommend]
impl<Q, A, B, I, J> InGroups<Q, ByGroup<(I, J)>> for (Groups<A>, Groups<B>)
where
    Groups<A>: InGroups<Q, I>,
    Groups<B>: InGroups<Q, J>,
{
    const SEALED: Sealed = Sealed;

    fn places(out: &mut Vec<u8>) {
        Groups::<A>::places(out);
        Groups::<B>::places(out);
    }
}

/// What a column of type `Self` gives where its entity is there always or only maybe.
pub trait Found<P> {
    #[doc(hidden)]
    const SEALED: Sealed;

    /// The type of its values there.
    type Type: Field;
}

impl<T: Field> Found<Always> for T {
    const SEALED: Sealed = Sealed;

    type Type = T;
}

impl<T: OrNull> Found<Maybe> for T {
    const SEALED: Sealed = Sealed;

    type Type = T::OrNull;
}
