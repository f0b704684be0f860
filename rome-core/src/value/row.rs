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

pub use super::column::{read_column, skip_column, write_column};

use super::{ValueError, moment};
use uuid::Uuid;

/// Writes the columns of one row, in order.
#[derive(Clone, Debug, Default)]
pub struct RowWriter {
    bytes: Vec<u8>,
    failure: Option<ValueError>,
}

impl RowWriter {
    /// A row without columns.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A row without columns, and room for this many bytes.
    #[must_use]
    pub fn with_capacity(bytes: usize) -> Self {
        Self { bytes: Vec::with_capacity(bytes), failure: None }
    }

    /// A row that is written behind what `bytes` already holds, such as an envelope.
    #[must_use]
    pub fn append_to(bytes: Vec<u8>) -> Self {
        Self { bytes, failure: None }
    }

    /// How many bytes there are so far.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether nothing is written yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Begins a nullable column; if the value is present, it is put next.
    #[inline]
    pub fn presence(&mut self, present: bool) {
        self.bytes.push(u8::from(present));
    }

    /// Puts a bool.
    #[inline]
    pub fn bool(&mut self, value: bool) {
        self.bytes.push(u8::from(value));
    }

    /// Puts a signed integer of any width.
    #[inline]
    pub fn int(&mut self, value: i128) {
        match i64::try_from(value) {
            Ok(value) => self.int64(value),
            Err(_) => self.varint(((value << 1) ^ (value >> 127)) as u128),
        }
    }

    /// Puts a signed integer of at most 64 bits; the same bytes as [`int`](Self::int), sooner.
    #[inline]
    pub fn int64(&mut self, value: i64) {
        self.uint64(((value << 1) ^ (value >> 63)) as u64);
    }

    /// Puts an unsigned integer of any width.
    #[inline]
    pub fn uint(&mut self, value: u128) {
        match u64::try_from(value) {
            Ok(value) => self.uint64(value),
            Err(_) => self.varint(value),
        }
    }

    /// Puts an unsigned integer of at most 64 bits; the same bytes as [`uint`](Self::uint), sooner.
    #[inline]
    pub fn uint64(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.bytes.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.bytes.push(value as u8);
    }

    fn varint(&mut self, mut value: u128) {
        while value >= 0x80 {
            self.bytes.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.bytes.push(value as u8);
    }

    /// Puts an `f32`.
    #[inline]
    pub fn f32(&mut self, value: f32) {
        self.bytes.extend_from_slice(&value.to_le_bytes());
    }

    /// Puts an `f64`.
    #[inline]
    pub fn f64(&mut self, value: f64) {
        self.bytes.extend_from_slice(&value.to_le_bytes());
    }

    /// Puts text, or the label of an enum.
    #[inline]
    pub fn text(&mut self, value: &str) {
        self.bytes(value.as_bytes());
    }

    /// Puts bytes.
    #[inline]
    pub fn bytes(&mut self, value: &[u8]) {
        self.uint64(value.len() as u64);
        self.bytes.extend_from_slice(value);
    }

    /// Puts a UUID.
    #[inline]
    pub fn uuid(&mut self, value: Uuid) {
        self.bytes.extend_from_slice(value.as_bytes());
    }

    /// Puts a date, in days since 1970-01-01.
    #[inline]
    pub fn date(&mut self, days: i32) {
        self.bytes.extend_from_slice(&days.to_le_bytes());
    }

    /// Puts a time of day, in microseconds since midnight.
    #[inline]
    pub fn time(&mut self, micros: i64) {
        self.uint64(micros as u64);
    }

    /// Puts a timestamp, in microseconds since the epoch.
    #[inline]
    pub fn timestamp(&mut self, micros: i64) {
        self.bytes.extend_from_slice(&micros.to_le_bytes());
    }

    /// Puts a JSON text.
    #[inline]
    pub fn json(&mut self, value: &str) {
        self.bytes(value.as_bytes());
    }

    /// Puts a list: `elements` puts each of them, as if they were columns.
    pub fn list(&mut self, elements: impl FnOnce(&mut Self)) {
        // Most lists are shorter than 128 bytes: leave one byte for the length, and make room if it takes more.
        let place = self.bytes.len();
        self.bytes.push(0);
        elements(self);
        let end = self.bytes.len();
        let length = end - place - 1;
        if length < 0x80 {
            self.bytes[place] = length as u8;
            return;
        }
        self.uint64(length as u64);
        let length_bytes = self.bytes.len() - end;
        self.bytes[place..].rotate_right(length_bytes);
        // The byte that was left is now behind the length.
        self.bytes.remove(place + length_bytes);
    }

    /// Records that a value could not be written, so that the row is refused in the end; the first failure stays.
    ///
    /// It lets [`Field::write`](super::Field::write) go without a result: scalars cannot fail, only serde types can.
    #[cold]
    pub fn fail(&mut self, error: ValueError) {
        self.failure.get_or_insert(error);
    }

    /// The bytes of the row.
    ///
    /// # Panics
    /// If a value [failed](Self::fail) to be written: a broken row must not be stored. Where columns may hold serde
    /// types, use [`try_finish`](Self::try_finish).
    #[must_use]
    pub fn finish(self) -> Vec<u8> {
        assert!(self.failure.is_none(), "a row with a value that was not written is finished: {:?}", self.failure);
        self.bytes
    }

    /// The bytes of the row, or the first value that could not be written.
    ///
    /// # Errors
    /// What [`fail`](Self::fail) recorded.
    pub fn try_finish(self) -> Result<Vec<u8>, ValueError> {
        match self.failure {
            None => Ok(self.bytes),
            Some(error) => Err(error),
        }
    }
}

/// Reads the columns of one row, in order.
///
/// Each read gives [`Malformed`](super::ValueErrorKind::Malformed), with the offset, for bytes that do not hold what is
/// asked for; where the reader stands after an error is not told.
#[derive(Clone, Debug)]
pub struct RowReader<'a> {
    bytes: &'a [u8],
    position: usize,
}

const CUT_OFF: &str = "the row is cut off";

impl<'a> RowReader<'a> {
    /// Reads from the beginning of `bytes`.
    #[must_use]
    #[inline]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, position: 0 }
    }

    /// Where the reader stands, in bytes from the beginning.
    #[must_use]
    #[inline]
    pub fn position(&self) -> usize {
        self.position
    }

    /// Goes to a position that [`position`](Self::position) gave; beyond the end means to the end.
    #[inline]
    pub fn seek(&mut self, position: usize) {
        self.position = position.min(self.bytes.len());
    }

    /// How many bytes are left.
    #[must_use]
    #[inline]
    pub fn remaining(&self) -> usize {
        self.bytes.len() - self.position
    }

    #[cold]
    fn malformed<T>(&self, what: &'static str) -> Result<T, ValueError> {
        Err(ValueError::malformed(what, self.position))
    }

    #[inline]
    fn take(&mut self, length: usize) -> Result<&'a [u8], ValueError> {
        match self.bytes[self.position..].get(..length) {
            Some(taken) => {
                self.position += length;
                Ok(taken)
            }
            None => self.malformed(CUT_OFF),
        }
    }

    #[inline]
    fn array<const N: usize>(&mut self) -> Result<[u8; N], ValueError> {
        match self.bytes[self.position..].first_chunk::<N>() {
            Some(taken) => {
                self.position += N;
                Ok(*taken)
            }
            None => self.malformed(CUT_OFF),
        }
    }

    #[inline]
    fn flag(&mut self, what: &'static str) -> Result<bool, ValueError> {
        match self.bytes.get(self.position) {
            Some(byte @ (0 | 1)) => {
                self.position += 1;
                Ok(*byte == 1)
            }
            Some(_) => self.malformed(what),
            None => self.malformed(CUT_OFF),
        }
    }

    /// Whether the nullable column that begins here has a value.
    #[inline]
    pub fn presence(&mut self) -> Result<bool, ValueError> {
        self.flag("a presence byte that is neither 0 nor 1")
    }

    /// Gets a bool.
    #[inline]
    pub fn bool(&mut self) -> Result<bool, ValueError> {
        self.flag("a bool that is neither 0 nor 1")
    }

    /// Gets a signed integer of any width.
    #[inline]
    pub fn int(&mut self) -> Result<i128, ValueError> {
        let zigzag = self.uint()?;
        Ok((zigzag >> 1) as i128 ^ -((zigzag & 1) as i128))
    }

    /// Gets a signed integer of at most 64 bits.
    #[inline]
    pub fn int64(&mut self) -> Result<i64, ValueError> {
        let zigzag = self.uint64()?;
        Ok((zigzag >> 1) as i64 ^ -((zigzag & 1) as i64))
    }

    /// Gets an unsigned integer of any width.
    #[inline]
    pub fn uint(&mut self) -> Result<u128, ValueError> {
        match self.bytes.get(self.position) {
            Some(byte) if *byte < 0x80 => {
                self.position += 1;
                Ok(u128::from(*byte))
            }
            _ => self.long_uint(),
        }
    }

    /// Gets an unsigned integer of at most 64 bits.
    #[inline]
    pub fn uint64(&mut self) -> Result<u64, ValueError> {
        match self.bytes.get(self.position) {
            Some(byte) if *byte < 0x80 => {
                self.position += 1;
                Ok(u64::from(*byte))
            }
            _ => self.long_uint64(),
        }
    }

    fn long_uint64(&mut self) -> Result<u64, ValueError> {
        let mut value = 0;
        for (index, byte) in self.bytes[self.position..].iter().take(10).enumerate() {
            value |= u64::from(byte & 0x7F) << (7 * index);
            if *byte < 0x80 {
                if (index == 9 && *byte > 1) || (index > 0 && *byte == 0) {
                    break;
                }
                self.position += index + 1;
                return Ok(value);
            }
        }
        self.bad_integer()
    }

    fn long_uint(&mut self) -> Result<u128, ValueError> {
        let mut value = 0;
        for (index, byte) in self.bytes[self.position..].iter().take(19).enumerate() {
            value |= u128::from(byte & 0x7F) << (7 * index);
            if *byte < 0x80 {
                if (index == 18 && *byte > 3) || (index > 0 && *byte == 0) {
                    break;
                }
                self.position += index + 1;
                return Ok(value);
            }
        }
        self.bad_integer()
    }

    #[cold]
    fn bad_integer<T>(&self) -> Result<T, ValueError> {
        self.malformed("an integer that is cut off, too long or not in its shortest form")
    }

    /// Gets an `f32`.
    #[inline]
    pub fn f32(&mut self) -> Result<f32, ValueError> {
        self.array().map(f32::from_le_bytes)
    }

    /// Gets an `f64`.
    #[inline]
    pub fn f64(&mut self) -> Result<f64, ValueError> {
        self.array().map(f64::from_le_bytes)
    }

    /// Gets text, or the label of an enum, borrowed from the row.
    #[inline]
    pub fn text(&mut self) -> Result<&'a str, ValueError> {
        match std::str::from_utf8(self.bytes()?) {
            Ok(text) => Ok(text),
            Err(_) => self.malformed("text that is not UTF-8"),
        }
    }

    /// Gets bytes, borrowed from the row.
    #[inline]
    pub fn bytes(&mut self) -> Result<&'a [u8], ValueError> {
        // A length that does not fit a `usize` is as wrong as any that is longer than the row.
        let length = usize::try_from(self.uint64()?).unwrap_or(usize::MAX);
        self.take(length)
    }

    /// Gets a UUID.
    #[inline]
    pub fn uuid(&mut self) -> Result<Uuid, ValueError> {
        self.array().map(Uuid::from_bytes)
    }

    /// Gets a date, in days since 1970-01-01; it is one that `chrono` can hold.
    #[inline]
    pub fn date(&mut self) -> Result<i32, ValueError> {
        let days = self.array().map(i32::from_le_bytes)?;
        if moment::DAYS.contains(&days) { Ok(days) } else { self.malformed("a date out of range") }
    }

    /// Gets a time of day, in microseconds since midnight; it is less than a day.
    #[inline]
    pub fn time(&mut self) -> Result<i64, ValueError> {
        let micros = self.uint64()? as i64;
        if moment::MICROS_OF_DAY.contains(&micros) { Ok(micros) } else { self.malformed("a time out of range") }
    }

    /// Gets a timestamp, in microseconds since the epoch; it is one that `chrono` can hold.
    #[inline]
    pub fn timestamp(&mut self) -> Result<i64, ValueError> {
        let micros = self.array().map(i64::from_le_bytes)?;
        if moment::MICROS.contains(&micros) { Ok(micros) } else { self.malformed("a timestamp out of range") }
    }

    /// Gets a JSON text, borrowed from the row. It is UTF-8; that it is JSON is not looked at.
    #[inline]
    pub fn json(&mut self) -> Result<&'a str, ValueError> {
        self.text()
    }

    /// Gets a list: a reader of its elements, which end where it has nothing [remaining](Self::remaining).
    #[inline]
    pub fn list(&mut self) -> Result<RowReader<'a>, ValueError> {
        self.bytes().map(RowReader::new)
    }

    /// The bytes of the next column if it is this many bytes long; for columns of fixed width.
    #[inline]
    pub(super) fn advance(&mut self, length: usize) -> Result<(), ValueError> {
        self.take(length).map(|_| ())
    }
}
