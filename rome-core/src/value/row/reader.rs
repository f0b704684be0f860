//! The columns of a row, read one after the other.

use super::super::{ValueError, moment};
use uuid::Uuid;

/// Reads the columns of one row, in order.
///
/// Each read gives [`Malformed`](crate::value::ValueErrorKind::Malformed), with the offset, for bytes that do not hold what is
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

    /// The bytes from where the reader stands.
    #[inline]
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.position..).unwrap_or_default()
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

    /// Gets a date, in days since 1970-01-01; it is one that there is.
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

    /// Gets a timestamp, in microseconds since the epoch; it is one that there is.
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

    /// Goes over this many bytes.
    #[inline]
    pub(super) fn advance(&mut self, length: usize) -> Result<(), ValueError> {
        self.take(length).map(|_| ())
    }
}
