//! Columns whose type does not promise that a value reads back: it is read back before it is stored.

use super::super::{RowReader, RowWriter, ValueError};
use super::Field;

/// How values of a type are written to a column and read from it.
pub(super) struct Form<T> {
    pub write: fn(&T, &mut RowWriter),
    pub read: fn(&mut RowReader<'_>) -> Result<T, ValueError>,
    /// Compares what a value was written as with what it is written as after it was read back.
    pub compare_written: fn(&[u8], &[u8]) -> Result<(), ValueError>,
}

impl<T: Field> Form<T> {
    /// That of the type itself.
    pub fn own() -> Self {
        Self { write: T::write, read: T::read, compare_written: T::compare_written }
    }
}

/// Puts the value into a row, and fails the row if it does not read back as the same value.
pub(super) fn write<T>(value: &T, w: &mut RowWriter, equal: Option<fn(&T, &T) -> bool>, form: &Form<T>) {
    let start = w.len();
    (form.write)(value, w);
    if w.has_failed() {
        return;
    }
    if let Err(error) = read_back(value, w.written_from(start), equal, form) {
        w.fail_at(start, error);
    }
}

fn read_back<T>(
    value: &T,
    written: &[u8],
    equal: Option<fn(&T, &T) -> bool>,
    form: &Form<T>,
) -> Result<(), ValueError> {
    let mut reader = RowReader::new(written);
    let back = (form.read)(&mut reader)?;
    let is_whole = reader.remaining() == 0;
    match equal {
        // A value that is not equal to itself, as one with a NaN, cannot be compared this way.
        Some(equal) if equal(value, value) => {
            if is_whole && equal(value, &back) {
                Ok(())
            } else {
                Err(ValueError::not_the_same())
            }
        }
        _ => {
            let mut again = RowWriter::with_capacity(written.len());
            (form.write)(&back, &mut again);
            (form.compare_written)(written, &again.try_finish()?)
        }
    }
}
