//! What a column can be used for, as marker traits, so that a wrong use is a compile error in the words of columns.

use super::Field;
use crate::sealed::Sealed;

/// A type whose columns have an order: all scalars, and `Option` of them.
#[diagnostic::on_unimplemented(
    message = "a column of type `{Self}` has no order; it cannot be compared with <, <=, >, >= or used in order_by",
    label = "this column has no order",
    note = "numbers, bools, text, bytes, uuids, dates and times have one, and so have enums that derive `ColumnEnum`; lists and JSON do not"
)]
pub trait Ordered: Field {}

/// A type whose columns can be NULL: `Option`.
#[diagnostic::on_unimplemented(
    message = "a column of type `{Self}` is never null",
    label = "this column is not optional",
    note = "only a field of type `Option<_>` can be null, and only its column has is_null and is_not_null"
)]
pub trait Nullable {}

/// A type whose columns hold text: strings, and `Option` of them.
#[diagnostic::on_unimplemented(
    message = "a column of type `{Self}` is not text; it cannot be matched by prefix, suffix or pattern",
    label = "this column is not text"
)]
pub trait Textual: Field {
    #[doc(hidden)]
    const SEALED: Sealed;
}

/// A type whose columns hold numbers: integers, floats, and `Option` of them.
#[diagnostic::on_unimplemented(
    message = "a column of type `{Self}` is not a number; it cannot be added, summed or averaged",
    label = "this column is not a number"
)]
pub trait Numeric: Field {
    #[doc(hidden)]
    const SEALED: Sealed;
}
