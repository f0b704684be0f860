//! What the sum of a column's values is.

use super::{Field, Numeric};
use crate::sealed::Sealed;

/// A type whose columns can be summed: numbers, and `Option` of them.
#[diagnostic::on_unimplemented(
    message = "a column of type `{Self}` is not a number; it cannot be summed",
    label = "this column is not a number"
)]
pub trait Summable: Numeric {
    #[doc(hidden)]
    const SEALED: Sealed;

    /// The type of the sum: `i64` for integers with a sign, `u64` for those without, 128 bits for those of 128, `f64` for
    /// floats.
    type Sum: Field;
}

macro_rules! sums {
    ($($sum:ty: $($ty:ty)+;)*) => { $($(
        impl Summable for $ty {
            const SEALED: Sealed = Sealed;

            type Sum = $sum;
        }
    )+)* };
}

sums! {
    i64: i8 i16 i32 i64;
    u64: u8 u16 u32 u64;
    i128: i128;
    u128: u128;
    f64: f32 f64;
}

impl<T: Summable> Summable for Option<T> {
    const SEALED: Sealed = Sealed;

    type Sum = T::Sum;
}
