//! The compact form of values: the body of a row, its columns one after the other in the order of the layout.
//!
//! Nothing in the bytes says what they are; the layout does. That makes a row small and quick to decode, and it is why
//! [`skip_column`] needs the type of what it skips. A nullable column begins with one presence byte, 1 or 0, and a 0
//! is all there is of a NULL.
//!
//! | type | form |
//! |---|---|
//! | bool | one byte, 0 or 1 |
//! | signed integer | zigzag varint, so that a wider column reads what a narrower one wrote |
//! | unsigned integer | varint |
//! | f32, f64 | 4 or 8 bytes, little-endian |
//! | text, bytes, JSON, an enum's label | varint length, then the bytes |
//! | uuid | 16 bytes |
//! | date | days since 1970-01-01, 4 bytes, little-endian |
//! | time | microseconds since midnight, varint |
//! | timestamp | microseconds since the epoch, 8 bytes, little-endian |
//! | list | varint length in bytes, then the elements as columns |
//!
//! The bytes of a row may come from a damaged store: a reader answers any bytes with a value or an error, and takes
//! memory only in proportion to bytes that are there.

mod column;
mod reader;
mod writer;

pub(crate) use column::read_place;
pub use column::{read_column, skip_column, write_column};
pub use reader::RowReader;
pub use writer::RowWriter;
