//! Keys that are generated.

use uuid::Uuid;

use super::{Id, Newtype};
use crate::schema::KeySource;
use crate::sealed::Sealed;

/// A key type of which ROME can generate values, and how it does so unless it is told otherwise.
#[diagnostic::on_unimplemented(
    message = "keys of type `{Self}` cannot be generated",
    label = "`auto` needs an integer or a `Uuid`",
    note = "integers are counted and `Uuid`s are drawn, also inside an `Id` or a newtype; for another type, remove `auto` and give each key"
)]
pub trait AutoKey {
    #[doc(hidden)]
    const SEALED: Sealed;

    /// Where its values come from.
    const SOURCE: KeySource;
}

/// A key type whose values can be counted.
#[diagnostic::on_unimplemented(
    message = "keys of type `{Self}` cannot be counted",
    label = "`auto = counter` needs an integer",
    note = "for a `Uuid` write `auto = uuid_v7` or `auto = uuid_v4`; for another type, remove `auto` and give each key"
)]
pub trait AutoCounter: AutoKey {
    #[doc(hidden)]
    const SEALED: Sealed;
}

/// A key type whose values are UUIDs.
#[diagnostic::on_unimplemented(
    message = "keys of type `{Self}` are not UUIDs",
    label = "`auto = uuid_v4` and `auto = uuid_v7` need a `Uuid`",
    note = "for an integer write `auto = counter`; for another type, remove `auto` and give each key"
)]
pub trait AutoUuid: AutoKey {
    #[doc(hidden)]
    const SEALED: Sealed;
}

macro_rules! counted {
    ($($ty:ty),*) => { $(
        impl AutoKey for $ty {
            const SEALED: Sealed = Sealed;

            const SOURCE: KeySource = KeySource::Counter;
        }
        impl AutoCounter for $ty {
            const SEALED: Sealed = Sealed;
        }
    )* };
}

counted!(i8, i16, i32, i64, i128, u8, u16, u32, u64, u128);

impl AutoKey for Uuid {
    const SEALED: Sealed = Sealed;

    const SOURCE: KeySource = KeySource::UuidV7;
}
impl AutoUuid for Uuid {
    const SEALED: Sealed = Sealed;
}

impl<E, R: AutoKey> AutoKey for Id<E, R> {
    const SEALED: Sealed = Sealed;

    const SOURCE: KeySource = R::SOURCE;
}
#[diagnostic::do_not_recommend]
impl<E, R: AutoCounter> AutoCounter for Id<E, R> {
    const SEALED: Sealed = Sealed;
}
#[diagnostic::do_not_recommend]
impl<E, R: AutoUuid> AutoUuid for Id<E, R> {
    const SEALED: Sealed = Sealed;
}

#[diagnostic::do_not_recommend]
impl<N: Newtype<Inner: AutoKey>> AutoKey for N {
    const SEALED: Sealed = Sealed;

    const SOURCE: KeySource = N::Inner::SOURCE;
}
#[diagnostic::do_not_recommend]
impl<N: Newtype<Inner: AutoCounter>> AutoCounter for N {
    const SEALED: Sealed = Sealed;
}
#[diagnostic::do_not_recommend]
impl<N: Newtype<Inner: AutoUuid>> AutoUuid for N {
    const SEALED: Sealed = Sealed;
}

/// The source of `auto = counter`.
#[must_use]
pub const fn counter<T: AutoCounter>() -> KeySource {
    KeySource::Counter
}

/// The source of `auto = uuid_v4`.
#[must_use]
pub const fn uuid_v4<T: AutoUuid>() -> KeySource {
    KeySource::UuidV4
}

/// The source of `auto = uuid_v7`.
#[must_use]
pub const fn uuid_v7<T: AutoUuid>() -> KeySource {
    KeySource::UuidV7
}
