//! Typed keys.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::KeyField;
use crate::value::{ColumnType, Element, Field, Ordered, RowReader, RowWriter, Value, ValueError};

/// The key of an `E`, so that the key of another entity is not taken for it. Stored as its `R`.
///
/// The default, 0 or the nil UUID, asks for a generated key on insert where the key is declared `auto`.
pub struct Id<E, R = u64>(R, PhantomData<fn() -> E>);

impl<E, R> Id<E, R> {
    /// The key with this value.
    pub const fn new(value: R) -> Self {
        Self(value, PhantomData)
    }

    /// Its value.
    pub const fn value(&self) -> &R {
        &self.0
    }

    /// Its value, by move.
    pub fn into_value(self) -> R {
        self.0
    }
}

impl<E, R> From<R> for Id<E, R> {
    fn from(value: R) -> Self {
        Self::new(value)
    }
}

impl<E, R: Clone> Clone for Id<E, R> {
    fn clone(&self) -> Self {
        Self::new(self.0.clone())
    }
}

impl<E, R: Copy> Copy for Id<E, R> {}

impl<E, R: Default> Default for Id<E, R> {
    fn default() -> Self {
        Self::new(R::default())
    }
}

impl<E, R: PartialEq> PartialEq for Id<E, R> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl<E, R: Eq> Eq for Id<E, R> {}

impl<E, R: PartialOrd> PartialOrd for Id<E, R> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        self.0.partial_cmp(&other.0)
    }
}

impl<E, R: Ord> Ord for Id<E, R> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.cmp(&other.0)
    }
}

impl<E, R: Hash> Hash for Id<E, R> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl<E, R: fmt::Debug> fmt::Debug for Id<E, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<E, R: fmt::Display> fmt::Display for Id<E, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<E, R: Serialize> Serialize for Id<E, R> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de, E, R: Deserialize<'de>> Deserialize<'de> for Id<E, R> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        R::deserialize(deserializer).map(Self::new)
    }
}

impl<E, R: Field> Field for Id<E, R> {
    const TYPE: ColumnType = R::TYPE;
    const NULLABLE: bool = R::NULLABLE;
    const EXACT: bool = R::EXACT;

    fn write(&self, row: &mut RowWriter) {
        self.0.write(row);
    }

    fn read(row: &mut RowReader<'_>) -> Result<Self, ValueError> {
        R::read(row).map(Self::new)
    }

    fn to_value(&self) -> Value {
        self.0.to_value()
    }

    fn from_value(value: Value) -> Result<Self, ValueError> {
        R::from_value(value).map(Self::new)
    }

    fn put_key(&self, descending: bool, out: &mut Vec<u8>) {
        self.0.put_key(descending, out);
    }
}

impl<E, R: Ordered> Ordered for Id<E, R> {}

impl<E, R: Element> Element for Id<E, R> {}

impl<E: 'static, R: KeyField> KeyField for Id<E, R> {}
