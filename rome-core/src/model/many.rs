//! The field of a relation that leads to several rows.

use std::fmt;
use std::hash::{Hash, Hasher};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Entity;
use super::one::not_loaded;
use crate::error::Result;
use crate::schema::RelationName;

/// The rows that a relation leads to, if they have been loaded. The field of a `has_many` or `many_to_many` relation.
///
/// It is no column: it is never stored, a row comes from the store without it, and what it holds is not written by an
/// insert or update of the row around it.
///
/// Two are equal if both are not loaded, or if both are and hold equal rows in the same order. In JSON it is an array, or
/// `null` where it is not loaded. `null` and a missing field are read as not loaded. To leave it out, write
/// `#[serde(skip_serializing_if = "Many::is_unloaded")]` on the field.
///
/// ```
/// use rome_orm::prelude::*;
///
/// #[derive(Entity, Clone, Debug, Default, PartialEq)]
/// struct Owner {
///     #[rome(key, auto)]
///     id: Id<Owner>,
///     #[rome(has_many(owner_id))]
///     dogs: Many<Dog>,
/// }
///
/// #[derive(Entity, Clone, Debug, Default, PartialEq)]
/// struct Dog {
///     #[rome(key, auto)]
///     id: Id<Dog>,
///     owner_id: Id<Owner>,
/// }
///
/// let mut ann = Owner::default();
/// assert!(ann.dogs.get().is_err_and(|error| error.is_not_loaded()));
/// ann.dogs = Many::loaded(vec![Dog::default()]);
/// assert_eq!(ann.dogs.get()?.len(), 1);
/// # Ok::<(), rome_orm::Error>(())
/// ```
pub struct Many<T>(State<T>);

enum State<T> {
    Unloaded(Option<&'static RelationName>),
    Loaded(Vec<T>),
}

impl<T> Many<T> {
    /// The relation as it comes from the store; it knows its name for the error.
    pub(super) const fn named(name: &'static RelationName) -> Self {
        Self(State::Unloaded(Some(name)))
    }

    /// The relation with its rows.
    #[must_use]
    pub const fn loaded(rows: Vec<T>) -> Self {
        Self(State::Loaded(rows))
    }

    /// Whether it is loaded, be there rows or not.
    #[must_use]
    pub const fn is_loaded(&self) -> bool {
        matches!(self.0, State::Loaded(_))
    }

    /// Whether it is not loaded.
    #[must_use]
    pub const fn is_unloaded(&self) -> bool {
        !self.is_loaded()
    }

    /// What is compared: not the name, which is only there for the error.
    const fn content(&self) -> Option<&Vec<T>> {
        match &self.0 {
            State::Unloaded(_) => None,
            State::Loaded(rows) => Some(rows),
        }
    }
}

impl<T: Entity> Many<T> {
    /// The rows. Costs nothing: it never reads from the store.
    ///
    /// # Errors
    /// [`is_not_loaded`](crate::Error::is_not_loaded) if they were not loaded with the row around them; the error says how
    /// to.
    pub fn get(&self) -> Result<&[T]> {
        match &self.0 {
            State::Loaded(rows) => Ok(rows),
            State::Unloaded(name) => Err(not_loaded::<T>(*name)),
        }
    }

    /// The rows, to change them in memory.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn get_mut(&mut self) -> Result<&mut Vec<T>> {
        match &mut self.0 {
            State::Loaded(rows) => Ok(rows),
            State::Unloaded(name) => Err(not_loaded::<T>(*name)),
        }
    }

    /// The rows, by move.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn into_inner(self) -> Result<Vec<T>> {
        match self.0 {
            State::Loaded(rows) => Ok(rows),
            State::Unloaded(name) => Err(not_loaded::<T>(name)),
        }
    }
}

impl<T> Default for Many<T> {
    /// Not loaded.
    fn default() -> Self {
        Self(State::Unloaded(None))
    }
}

impl<T: Clone> Clone for Many<T> {
    fn clone(&self) -> Self {
        Self(match &self.0 {
            State::Unloaded(name) => State::Unloaded(*name),
            State::Loaded(rows) => State::Loaded(rows.clone()),
        })
    }
}

impl<T: PartialEq> PartialEq for Many<T> {
    fn eq(&self, other: &Self) -> bool {
        self.content() == other.content()
    }
}

impl<T: Eq> Eq for Many<T> {}

impl<T: Hash> Hash for Many<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.content().hash(state);
    }
}

impl<T: fmt::Debug> fmt::Debug for Many<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            State::Unloaded(_) => f.write_str("not loaded"),
            State::Loaded(rows) => rows.fmt(f),
        }
    }
}

impl<T: Serialize> Serialize for Many<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.content().serialize(serializer)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Many<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let rows = Option::<Vec<T>>::deserialize(deserializer)?;
        Ok(rows.map_or_else(Self::default, Self::loaded))
    }
}
