//! Errors for types that are no columns and that people write for one, each with what to write instead.
//!
//! Every column type has all of these traits; derived code takes the one whose advice fits the type as it is spelled.

use super::Field;
use crate::value::{ColumnType, RowReader, RowWriter, ValueError};

macro_rules! advice {
    ($($(#[$doc:meta])* $name:ident: $note:tt;)*) => { $(
        $(#[$doc])*
        #[diagnostic::on_unimplemented(
            message = "`{Self}` cannot be stored in a column",
            label = "not a column type",
            note = $note
        )]
        pub trait $name: Sized {
            /// The type of the column.
            const TYPE: ColumnType;
            /// Whether the column can be NULL.
            const NULLABLE: bool;
            /// Whether each value reads back as it was written.
            const EXACT: bool;
            /// Puts the value into a row, and fails the row if it does not read back as the same value.
            fn write_exactly(&self, row: &mut RowWriter, equal: Option<fn(&Self, &Self) -> bool>);
            /// Gets the value from a row.
            ///
            /// # Errors
            /// Bytes that do not hold such a value.
            fn read(row: &mut RowReader<'_>) -> Result<Self, ValueError>;
        }

        #[diagnostic::do_not_recommend]
        impl<T: Field> $name for T {
            const TYPE: ColumnType = <T as Field>::TYPE;
            const NULLABLE: bool = <T as Field>::NULLABLE;
            const EXACT: bool = <T as Field>::EXACT;

            #[inline]
            fn write_exactly(&self, row: &mut RowWriter, equal: Option<fn(&Self, &Self) -> bool>) {
                Field::write_exactly(self, row, equal);
            }

            #[inline]
            fn read(row: &mut RowReader<'_>) -> Result<Self, ValueError> {
                <T as Field>::read(row)
            }
        }
    )* };
}

advice! {
    /// For `usize`.
    UnsignedColumn: "write `u64`: the size of `usize` is not the same on every machine";
    /// For `isize`.
    SignedColumn: "write `i64`: the size of `isize` is not the same on every machine";
    /// For `char`.
    CharacterColumn: "write `String`";
    /// For moments that are not in UTC.
    MomentColumn: "a moment is a `DateTime<Utc>` of `chrono` or a `Timestamp`, stored in microseconds; for a local time keep the name of its zone in a column of its own";
    /// For lengths of time.
    DurationColumn: "write an integer, such as `i64` for microseconds or seconds, and say the unit in the name of the field";
    /// For arrays.
    ArrayColumn: "write `Vec<u8>` for bytes, `Vec<_>` for a list of other values, or `#[rome(json)]` on the field";
    /// For tuples.
    TupleColumn: "write a field for each part, or a struct that derives `Embedded`, with `#[rome(embed)]` on the field";
    /// For maps.
    MapColumn: "write `#[rome(json)]` on the field to store it as JSON, or make an entity of its rows, with a key and a value, if it is searched";
    /// For sets and pointers.
    ContainerColumn: "write `Vec<_>` for several values and the bare type for one, or `#[rome(json)]` on the field";
    /// For decimal numbers.
    DecimalColumn: "write an integer that counts the smallest unit, such as `i64` for cents, or a `Newtype` around a `String` if it is never compared by size";
    /// For types with a text form.
    SpelledColumn: "write `String`, or a `Newtype` around one";
    /// For numbers that are never zero.
    NonZeroColumn: "write the integer itself";
}
