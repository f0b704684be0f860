//! Keys: one column, or several as a tuple.

use crate::sealed::Sealed;
use crate::value::{self, Field, ValueError};

/// A type that may be a key column: ordered and never NULL.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a key",
    note = "a key is an integer, a `String`, a `Uuid`, a date, a time, bytes, a bool, an `Id`, or an enum or newtype that is `Clone`; it is never optional"
)]
pub trait KeyField: Field + Clone + Send + Sync + 'static {}

macro_rules! key_fields {
    ($($ty:ty),* $(,)?) => { $(impl KeyField for $ty {})* };
}

key_fields!(
    bool,
    i8,
    i16,
    i32,
    i64,
    i128,
    u8,
    u16,
    u32,
    u64,
    u128,
    String,
    Vec<u8>,
    uuid::Uuid,
    value::Date,
    value::Time,
    value::Timestamp,
);

#[cfg(feature = "chrono")]
key_fields!(chrono::NaiveDate, chrono::NaiveTime, chrono::DateTime<chrono::Utc>);

/// The key of an entity.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a key",
    note = "a key is an integer, a `String`, a `Uuid`, a date, a time, bytes, a bool, an `Id`, or an enum or newtype that is `Clone`; it is never optional"
)]
pub trait Key: IntoKey<Self> + Clone + Send + Sync + 'static {
    /// How many columns it has.
    const COLUMNS: usize;

    /// Appends the ordered encoding.
    fn encode(&self, out: &mut Vec<u8>);

    /// Reads it back from its ordered encoding.
    ///
    /// # Errors
    /// When the bytes are not the encoding of such a key.
    fn decode(bytes: &[u8]) -> Result<Self, ValueError>;
}

fn decode_part<T: KeyField>(bytes: &mut &[u8]) -> Result<T, ValueError> {
    let (value, used) = value::key::decode(bytes, false)?;
    *bytes = bytes.get(used..).unwrap_or_default();
    T::from_value(value)
}

#[diagnostic::do_not_recommend]
impl<T: KeyField> Key for T {
    const COLUMNS: usize = 1;

    fn encode(&self, out: &mut Vec<u8>) {
        self.put_key(false, out);
    }

    fn decode(mut bytes: &[u8]) -> Result<Self, ValueError> {
        decode_part(&mut bytes)
    }
}

macro_rules! tuple_keys {
    ($($count:literal: $($name:ident)+;)*) => { $(
        #[diagnostic::do_not_recommend]
        impl<$($name: KeyField),+> Key for ($($name,)+) {
            const COLUMNS: usize = $count;

            #[allow(non_snake_case, reason = "the type parameters name the parts")]
            fn encode(&self, out: &mut Vec<u8>) {
                let ($($name,)+) = self;
                $($name.put_key(false, out);)+
            }

            fn decode(mut bytes: &[u8]) -> Result<Self, ValueError> {
                Ok(($(decode_part::<$name>(&mut bytes)?,)+))
            }
        }
    )* };
}

tuple_keys! {
    2: A B;
    3: A B C;
    4: A B C D;
    5: A B C D E;
}

/// What a key of type `K` can be given as: the key, a reference to it, a `&str` for text, the bare value of an [`Id`](super::Id), or
/// a tuple of such parts for a key of several columns.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a key of this entity, whose key is a `{K}`",
    label = "expected a `{K}`"
)]
pub trait IntoKey<K> {
    #[doc(hidden)]
    const SEALED: Sealed;

    /// The key.
    fn into_key(self) -> K;
}

impl<K: KeyField> IntoKey<K> for K {
    const SEALED: Sealed = Sealed;

    fn into_key(self) -> K {
        self
    }
}

impl<K: Key> IntoKey<K> for &K {
    const SEALED: Sealed = Sealed;

    fn into_key(self) -> K {
        self.clone()
    }
}

macro_rules! tuples_into_keys {
    ($(($($key:ident $part:ident $given:ident),+))*) => { $(
        impl<$($key,)+ $($part: IntoKey<$key>),+> IntoKey<($($key,)+)> for ($($part,)+) {
            const SEALED: Sealed = Sealed;

            fn into_key(self) -> ($($key,)+) {
                let ($($given,)+) = self;
                ($($given.into_key(),)+)
            }
        }
    )* };
}

tuples_into_keys! {
    (A P a, B Q b)
    (A P a, B Q b, C R c)
    (A P a, B Q b, C R c, D S d)
    (A P a, B Q b, C R c, D S d, E T e)
}

impl IntoKey<String> for &str {
    const SEALED: Sealed = Sealed;

    fn into_key(self) -> String {
        self.to_owned()
    }
}

impl<E, R> IntoKey<super::Id<E, R>> for R {
    const SEALED: Sealed = Sealed;

    fn into_key(self) -> super::Id<E, R> {
        super::Id::new(self)
    }
}
