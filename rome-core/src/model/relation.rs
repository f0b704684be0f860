//! Relations as values: what `Dog::OWNER` is.

use std::fmt;

use super::references::{Columns, References};
use super::{Entity, Many, One};
use crate::schema::{RelationDef, RelationKind, RelationName, Through};
use crate::sealed::Sealed;

/// The field of a relation: [`One`] or [`Many`].
#[diagnostic::on_unimplemented(
    message = "a relation is a field of type `One<...>` or `Many<...>`, not `{Self}`",
    label = "not the field of a relation"
)]
pub trait Related: Unloaded + Send + Sync + 'static {
    #[doc(hidden)]
    const SEALED: Sealed;

    /// The entity that it leads to.
    type Target: Entity;

    /// The field with these rows loaded, of which a field for one row keeps the first.
    #[doc(hidden)]
    fn of_rows(rows: Vec<Self::Target>) -> Self;
}

impl<T: Entity> Related for One<T> {
    const SEALED: Sealed = Sealed;

    type Target = T;

    fn of_rows(mut rows: Vec<T>) -> Self {
        Self::loaded(if rows.is_empty() { None } else { Some(rows.swap_remove(0)) })
    }
}

impl<T: Entity> Related for Many<T> {
    const SEALED: Sealed = Sealed;

    type Target = T;

    fn of_rows(rows: Vec<T>) -> Self {
        Self::loaded(rows)
    }
}

/// A field that can wait to be loaded: [`One`] or [`Many`], of an entity or not, since that is said where the relation is.
#[diagnostic::on_unimplemented(
    message = "a relation is a field of type `One<...>` or `Many<...>`, not `{Self}`",
    label = "not the field of a relation"
)]
pub trait Unloaded: Default {
    #[doc(hidden)]
    const SEALED: Sealed;

    /// Not loaded.
    #[doc(hidden)]
    #[must_use]
    fn unloaded(name: &'static RelationName) -> Self;
}

impl<T> Unloaded for One<T> {
    const SEALED: Sealed = Sealed;

    fn unloaded(name: &'static RelationName) -> Self {
        Self::named(name)
    }
}

impl<T> Unloaded for Many<T> {
    const SEALED: Sealed = Sealed;

    fn unloaded(name: &'static RelationName) -> Self {
        Self::named(name)
    }
}

/// The field of a relation that leads to one row.
#[diagnostic::on_unimplemented(
    message = "`belongs_to` and `has_one` lead to one row, which `{Self}` does not hold",
    label = "expected `One<...>`"
)]
pub trait ToOne: Related {
    #[doc(hidden)]
    const SEALED: Sealed;
}

impl<T: Entity> ToOne for One<T> {
    const SEALED: Sealed = Sealed;
}

/// The field of a relation that leads to several rows.
#[diagnostic::on_unimplemented(
    message = "`has_many` and `many_to_many` lead to several rows, which `{Self}` does not hold",
    label = "expected `Many<...>`"
)]
pub trait ToMany: Related {
    #[doc(hidden)]
    const SEALED: Sealed;
}

impl<T: Entity> ToMany for Many<T> {
    const SEALED: Sealed = Sealed;
}

/// A relation of an entity `E` in a field of type `F`, such as `One<Owner>`. Derived as an associated constant, such as
/// `Dog::OWNER`.
///
/// ```
/// use rome_orm::prelude::*;
/// use rome_orm::schema::RelationKind;
///
/// #[derive(Entity)]
/// struct Owner {
///     #[rome(key, auto)]
///     id: Id<Owner>,
///     #[rome(has_many(owner_id))]
///     dogs: Many<Dog>,
/// }
///
/// #[derive(Entity)]
/// struct Dog {
///     #[rome(key, auto)]
///     id: Id<Dog>,
///     owner_id: Id<Owner>,
///     #[rome(belongs_to(owner_id))]
///     owner: One<Owner>,
/// }
///
/// let owner: Relation<Dog, One<Owner>> = Dog::OWNER;
/// assert_eq!(owner.to_string(), "Dog::OWNER");
/// assert_eq!(owner.def().kind, RelationKind::BelongsTo);
/// assert_eq!(owner.def().local_columns, [Dog::OWNER_ID.position()]);
/// assert_eq!(Owner::DOGS.def().remote_columns, [Dog::OWNER_ID.position()]);
/// ```
pub struct Relation<E, F> {
    name: &'static RelationName,
    def: fn() -> &'static RelationDef,
    field: fn(&mut E) -> &mut F,
}

impl<E, F> Clone for Relation<E, F> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<E, F> Copy for Relation<E, F> {}

impl<E, F> Relation<E, F> {
    /// The relation in a field; used by derived code.
    #[doc(hidden)]
    #[must_use]
    pub const fn new(
        name: &'static RelationName,
        def: fn() -> &'static RelationDef,
        field: fn(&mut E) -> &mut F,
    ) -> Self {
        Self { name, def, field }
    }

    /// What it is called.
    #[must_use]
    pub const fn name(self) -> &'static RelationName {
        self.name
    }

    /// The tables and columns that it is made of.
    #[must_use]
    pub fn def(self) -> &'static RelationDef {
        (self.def)()
    }

    /// The field in a row, to put what was loaded there.
    #[must_use]
    pub fn field(self, row: &mut E) -> &mut F {
        (self.field)(row)
    }
}

impl<E, F> fmt::Display for Relation<E, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}::{}", self.name.entity, self.name.constant)
    }
}

impl<E, F> fmt::Debug for Relation<E, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The relation of an `E` whose columns hold the key of the other entity.
pub fn belongs_to<E: Entity, F: ToOne, C: Columns<E>>(columns: C) -> RelationDef
where
    C::Types: References<<F::Target as Entity>::Key>,
{
    RelationDef {
        kind: RelationKind::BelongsTo,
        local: E::table,
        local_columns: columns.positions(),
        remote: F::Target::table,
        remote_columns: F::Target::table().key.clone(),
        through: None,
    }
}

/// The relation of an `E` to one entity with columns that hold the key of the `E`.
pub fn has_one<E: Entity, F: ToOne, C: Columns<F::Target>>(columns: C) -> RelationDef
where
    C::Types: References<E::Key>,
{
    has::<E, F, C>(RelationKind::HasOne, columns)
}

/// The relation of an `E` to several entities with columns that hold the key of the `E`.
pub fn has_many<E: Entity, F: ToMany, C: Columns<F::Target>>(columns: C) -> RelationDef
where
    C::Types: References<E::Key>,
{
    has::<E, F, C>(RelationKind::HasMany, columns)
}

fn has<E: Entity, F: Related, C: Columns<F::Target>>(kind: RelationKind, columns: C) -> RelationDef {
    RelationDef {
        kind,
        local: E::table,
        local_columns: E::table().key.clone(),
        remote: F::Target::table,
        remote_columns: columns.positions(),
        through: None,
    }
}

/// The relation of an `E` to several entities by way of a `J`, which has columns for the keys of both.
pub fn many_to_many<E: Entity, F: ToMany, J: Entity, N: Columns<J>, R: Columns<J>>(near: N, far: R) -> RelationDef
where
    N::Types: References<E::Key>,
    R::Types: References<<F::Target as Entity>::Key>,
{
    RelationDef {
        kind: RelationKind::ManyToMany,
        local: E::table,
        local_columns: E::table().key.clone(),
        remote: F::Target::table,
        remote_columns: F::Target::table().key.clone(),
        through: Some(Through { table: J::table, near: near.positions(), far: far.positions() }),
    }
}
