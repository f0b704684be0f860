//! The field of a relation that leads to one row.

use std::fmt;
use std::hash::{Hash, Hasher};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Entity;
use crate::error::{Error, Kind, Result};
use crate::schema::RelationName;

/// The row that a relation leads to, if it has been loaded. The field of a `belongs_to` or `has_one` relation.
///
/// It is no column: it is never stored, a row comes from the store without it, and what it holds is not written by an
/// insert or update of the row around it.
///
/// Two are equal if both are not loaded, or if both are and hold equal rows. In JSON it is the row; `null` where it is not
/// loaded, and where there is none. `null` and a missing field are read as not loaded. To leave it out, write
/// `#[serde(skip_serializing_if = "One::is_unloaded")]` on the field.
///
/// ```
/// use rome_orm::prelude::*;
///
/// #[derive(Entity, Clone, Debug, Default, PartialEq)]
/// struct Owner {
///     #[rome(key, auto)]
///     id: Id<Owner>,
///     name: String,
/// }
///
/// #[derive(Entity, Clone, Debug, Default, PartialEq)]
/// struct Dog {
///     #[rome(key, auto)]
///     id: Id<Dog>,
///     owner_id: Id<Owner>,
///     #[rome(belongs_to(owner_id))]
///     owner: One<Owner>,
/// }
///
/// let mut rex = Dog::default();
/// assert!(rex.owner.get().is_err_and(|error| error.is_not_loaded()));
/// rex.owner = One::loaded(Owner { name: "Ann".into(), ..Default::default() });
/// assert_eq!(rex.owner.get()?.map(|owner| &*owner.name), Some("Ann"));
/// # Ok::<(), rome_orm::Error>(())
/// ```
pub struct One<T>(State<T>);

/// In a box, since the row may have a relation to the type that this is in.
enum State<T> {
    Unloaded(Option<&'static RelationName>),
    Loaded(Option<Box<T>>),
}

impl<T> One<T> {
    /// The relation as it comes from the store; it knows its name for the error.
    pub(super) const fn named(name: &'static RelationName) -> Self {
        Self(State::Unloaded(Some(name)))
    }

    /// The relation with its row, or with the knowledge that there is none.
    #[must_use]
    pub fn loaded(row: impl Into<Option<T>>) -> Self {
        Self(State::Loaded(row.into().map(Box::new)))
    }

    /// Whether it is loaded, be there a row or not.
    #[must_use]
    pub const fn is_loaded(&self) -> bool {
        matches!(self.0, State::Loaded(_))
    }

    /// Whether it is not loaded.
    #[must_use]
    pub const fn is_unloaded(&self) -> bool {
        !self.is_loaded()
    }
}

impl<T: Entity> One<T> {
    /// The row; none if there is none. Costs nothing: it never reads from the store.
    ///
    /// # Errors
    /// [`is_not_loaded`](Error::is_not_loaded) if it was not loaded with the row around it; the error says how to.
    pub fn get(&self) -> Result<Option<&T>> {
        match &self.0 {
            State::Loaded(row) => Ok(row.as_deref()),
            State::Unloaded(name) => Err(not_loaded::<T>(*name)),
        }
    }

    /// The row, to change it in memory.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn get_mut(&mut self) -> Result<Option<&mut T>> {
        match &mut self.0 {
            State::Loaded(row) => Ok(row.as_deref_mut()),
            State::Unloaded(name) => Err(not_loaded::<T>(*name)),
        }
    }

    /// The row, by move.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn into_inner(self) -> Result<Option<T>> {
        match self.0 {
            State::Loaded(row) => Ok(row.map(|row| *row)),
            State::Unloaded(name) => Err(not_loaded::<T>(name)),
        }
    }
}

/// The error for a relation to `T` that is not loaded.
#[cold]
pub(super) fn not_loaded<T: Entity>(name: Option<&'static RelationName>) -> Error {
    Kind::NotLoaded { name, target: T::table().entity }.into()
}

impl<T> Default for One<T> {
    /// Not loaded.
    fn default() -> Self {
        Self(State::Unloaded(None))
    }
}

impl<T: Clone> Clone for One<T> {
    fn clone(&self) -> Self {
        Self(match &self.0 {
            State::Unloaded(name) => State::Unloaded(*name),
            State::Loaded(row) => State::Loaded(row.clone()),
        })
    }
}

impl<T> One<T> {
    /// What is compared: not the name, which is only there for the error.
    const fn content(&self) -> Option<&Option<Box<T>>> {
        match &self.0 {
            State::Unloaded(_) => None,
            State::Loaded(row) => Some(row),
        }
    }
}

impl<T: PartialEq> PartialEq for One<T> {
    fn eq(&self, other: &Self) -> bool {
        self.content() == other.content()
    }
}

impl<T: Eq> Eq for One<T> {}

impl<T: Hash> Hash for One<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.content().hash(state);
    }
}

impl<T: fmt::Debug> fmt::Debug for One<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            State::Unloaded(_) => f.write_str("not loaded"),
            State::Loaded(row) => row.fmt(f),
        }
    }
}

impl<T: Serialize> Serialize for One<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.content().and_then(Option::as_ref).serialize(serializer)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for One<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let row = Option::<T>::deserialize(deserializer)?;
        Ok(row.map_or_else(Self::default, |row| Self::loaded(row)))
    }
}
