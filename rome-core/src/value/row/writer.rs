//! The columns of a row, written one after the other.

use super::super::ValueError;
use uuid::Uuid;

/// Writes the columns of one row, in order.
#[derive(Clone, Debug, Default)]
pub struct RowWriter {
    bytes: Vec<u8>,
    /// The first value that could not be written, and where it should have begun.
    failure: Option<(usize, ValueError)>,
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

    /// Puts columns that are encoded already.
    #[inline]
    pub fn encoded(&mut self, columns: &[u8]) {
        self.bytes.extend_from_slice(columns);
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
    /// It lets [`Field::write`](crate::value::Field::write) go without a result: scalars cannot fail, only serde types can.
    #[cold]
    pub fn fail(&mut self, error: ValueError) {
        self.fail_at(self.bytes.len(), error);
    }

    /// The same of a value that begins at `start`.
    #[cold]
    pub(crate) fn fail_at(&mut self, start: usize, error: ValueError) {
        self.failure.get_or_insert((start, error));
    }

    /// Whether a value failed to be written.
    pub(crate) const fn has_failed(&self) -> bool {
        self.failure.is_some()
    }

    /// What was written from this position on.
    pub(crate) fn written_from(&self, start: usize) -> &[u8] {
        self.bytes.get(start..).unwrap_or_default()
    }

    /// The bytes of the row, or the first value that could not be written and the bytes before it.
    pub(crate) fn finish_or_fail(mut self) -> Result<Vec<u8>, (Vec<u8>, ValueError)> {
        match self.failure {
            None => Ok(self.bytes),
            Some((start, error)) => {
                self.bytes.truncate(start);
                Err((self.bytes, error))
            }
        }
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
            Some((_, error)) => Err(error),
        }
    }
}
