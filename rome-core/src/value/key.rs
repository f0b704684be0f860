//! The ordered form of values: bytes that compare (`memcmp`) exactly as [`total_order`](super::total_order) does.
//!
//! A value is a type code and a payload. No encoded value is a prefix of another, so the concatenation of the columns
//! of an index compares column by column, and all entries that begin with the bytes of a value have that value. After
//! the tuple layer of FoundationDB, with one difference: strings end with `00 01`, not with `00`, because there
//! `"a"` would be a prefix of `"a\0"`.
//!
//! | code | value | payload |
//! |---|---|---|
//! | `04` | NULL | |
//! | `08` `09` | false, true | |
//! | `20`–`2F` | negative integer of 16 to 1 bytes | the magnitude, big-endian, complemented |
//! | `30` | 0 | |
//! | `31`–`40` | positive integer of 1 to 16 bytes | the magnitude, big-endian |
//! | `50` | float | 8 bytes; sign bit flipped, negative ones complemented |
//! | `58` `5A` `5C` | date, time, timestamp | 8 bytes big-endian, sign bit flipped |
//! | `60` | uuid | 16 bytes |
//! | `70` `74` `78` | text, bytes, JSON | `00` as `00 FF`, then the end `00 01` |
//! | `80` | list | its elements, then the end `00`, which is below every code |
//!
//! A value has one encoding: the decoder refuses any other. A descending column is the complement of all its bytes.
//! Codes never change; the gaps are for types to come.

use super::compare::canonical;
use super::moment;
use super::{Value, ValueError, ValueRef};
use uuid::Uuid;

const NULL: u8 = 0x04;
const FALSE: u8 = 0x08;
const TRUE: u8 = 0x09;
const INT_MIN: u8 = 0x20;
const INT_ZERO: u8 = 0x30;
const INT_MAX: u8 = 0x40;
const FLOAT: u8 = 0x50;
const DATE: u8 = 0x58;
const TIME: u8 = 0x5A;
const TIMESTAMP: u8 = 0x5C;
const UUID: u8 = 0x60;
const TEXT: u8 = 0x70;
const BYTES: u8 = 0x74;
const JSON: u8 = 0x78;
const LIST: u8 = 0x80;

const LIST_END: u8 = 0x00;
const STRING_END: u8 = 0x01;
const STRING_ZERO: u8 = 0xFF;
const SIGN: u64 = 1 << 63;

/// Lists in lists are decoded to this depth, so that no bytes can exhaust the stack.
const MAX_DEPTH: usize = 16;

/// How many bytes mark the end of a text: without them, the form of a text begins the form of every text that it is a
/// prefix of.
pub(crate) const TEXT_END: usize = 2;

/// The longest key or index entry that is allowed, in bytes.
pub const MAX_ENTRY: usize = 1024;

/// Appends the ordered form of `value` to `out`.
pub fn encode(value: ValueRef<'_>, descending: bool, out: &mut Vec<u8>) {
    let start = out.len();
    append(value, out);
    if descending {
        for byte in &mut out[start..] {
            *byte = !*byte;
        }
    }
}

fn append(value: ValueRef<'_>, out: &mut Vec<u8>) {
    match value {
        ValueRef::Null => out.push(NULL),
        ValueRef::Bool(false) => out.push(FALSE),
        ValueRef::Bool(true) => out.push(TRUE),
        ValueRef::Int(v) => integer(v < 0, v.unsigned_abs(), out),
        ValueRef::Uint(v) => integer(false, v, out),
        // Decoded as the integer that it is: which labels there are is not in the bytes.
        ValueRef::Label(v) => integer(false, u128::from(v.place()), out),
        ValueRef::Float(v) => {
            let bits = canonical(v).to_bits();
            fixed(FLOAT, if bits & SIGN == 0 { bits ^ SIGN } else { !bits }, out);
        }
        ValueRef::Date(v) => fixed(DATE, i64::from(v) as u64 ^ SIGN, out),
        ValueRef::Time(v) => fixed(TIME, v as u64 ^ SIGN, out),
        ValueRef::Timestamp(v) => fixed(TIMESTAMP, v as u64 ^ SIGN, out),
        ValueRef::Uuid(v) => {
            out.push(UUID);
            out.extend_from_slice(v.as_bytes());
        }
        ValueRef::Text(v) => string(TEXT, v.as_bytes(), out),
        ValueRef::Bytes(v) => string(BYTES, v, out),
        ValueRef::Json(v) => string(JSON, v.as_bytes(), out),
        ValueRef::List(items) => {
            out.push(LIST);
            for item in items {
                append(item, out);
            }
            out.push(LIST_END);
        }
    }
}

fn integer(negative: bool, magnitude: u128, out: &mut Vec<u8>) {
    let length = (u128::BITS - magnitude.leading_zeros()).div_ceil(8) as u8;
    let bytes = if negative { !magnitude } else { magnitude }.to_be_bytes();
    out.push(if negative { INT_ZERO - length } else { INT_ZERO + length });
    out.extend_from_slice(&bytes[16 - usize::from(length)..]);
}

fn fixed(code: u8, bits: u64, out: &mut Vec<u8>) {
    let mut bytes = [code; 9];
    bytes[1..].copy_from_slice(&bits.to_be_bytes());
    out.extend_from_slice(&bytes);
}

fn string(code: u8, bytes: &[u8], out: &mut Vec<u8>) {
    out.reserve(bytes.len() + 3);
    out.push(code);
    let mut pieces = bytes.split(|byte| *byte == 0);
    if let Some(first) = pieces.next() {
        out.extend_from_slice(first);
    }
    for piece in pieces {
        out.extend_from_slice(&[0, STRING_ZERO]);
        out.extend_from_slice(piece);
    }
    out.extend_from_slice(&[0, STRING_END]);
}

/// Decodes the first value of `bytes`, and says how many bytes it took.
///
/// # Errors
/// Malformed bytes: cut off, an unknown code, or not the encoding that [`encode`] gives.
pub fn decode(bytes: &[u8], descending: bool) -> Result<(Value, usize), ValueError> {
    let mut cursor = Cursor::new(bytes, descending);
    let value = cursor.value(0)?;
    Ok((value, cursor.position))
}

/// How many bytes the first value of `bytes` takes; decodes nothing and allocates nothing.
///
/// # Errors
/// Malformed bytes: cut off, an unknown code, or a string or list without its end. What [`decode`] accepts this
/// accepts with the same length; it looks less closely, and accepts more.
pub fn skip(bytes: &[u8], descending: bool) -> Result<usize, ValueError> {
    let mut cursor = Cursor::new(bytes, descending);
    cursor.skip(0)?;
    Ok(cursor.position)
}

/// Reads bytes that are complemented or not.
struct Cursor<'a> {
    bytes: &'a [u8],
    position: usize,
    /// `FF` for a descending column, else 0.
    mask: u8,
}

impl<'a> Cursor<'a> {
    fn new(bytes: &'a [u8], descending: bool) -> Self {
        Self { bytes, position: 0, mask: if descending { 0xFF } else { 0 } }
    }

    fn malformed(&self, what: &'static str) -> ValueError {
        ValueError::malformed(what, self.position)
    }

    fn peek(&self) -> Result<u8, ValueError> {
        self.bytes.get(self.position).map(|byte| byte ^ self.mask).ok_or_else(|| self.malformed("the key is cut off"))
    }

    fn byte(&mut self) -> Result<u8, ValueError> {
        let byte = self.peek()?;
        self.position += 1;
        Ok(byte)
    }

    /// The next bytes as they are stored.
    fn take(&mut self, length: usize) -> Result<&'a [u8], ValueError> {
        let rest = self.bytes.get(self.position..).unwrap_or_default();
        let taken = rest.get(..length).ok_or_else(|| self.malformed("the key is cut off"))?;
        self.position += length;
        Ok(taken)
    }

    /// The next bytes, the last ones of a big-endian number.
    fn number<const N: usize>(&mut self, length: usize) -> Result<[u8; N], ValueError> {
        let mask = self.mask;
        let mut number = [0; N];
        for (to, from) in number[N - length..].iter_mut().zip(self.take(length)?) {
            *to = from ^ mask;
        }
        Ok(number)
    }

    fn fixed(&mut self) -> Result<u64, ValueError> {
        Ok(u64::from_be_bytes(self.number::<8>(8)?))
    }

    fn value(&mut self, depth: usize) -> Result<Value, ValueError> {
        let at = self.position;
        let refused = |what| ValueError::malformed(what, at);
        Ok(match self.byte()? {
            NULL => Value::Null,
            FALSE => Value::Bool(false),
            TRUE => Value::Bool(true),
            code @ INT_MIN..=INT_MAX => self.integer(code)?,
            FLOAT => {
                let bits = self.fixed()?;
                let bits = if bits & SIGN == 0 { !bits } else { bits ^ SIGN };
                let float = f64::from_bits(bits);
                if canonical(float).to_bits() != bits {
                    return Err(refused("a NaN or -0.0 that is not canonical"));
                }
                Value::Float(float)
            }
            DATE => i32::try_from((self.fixed()? ^ SIGN) as i64)
                .ok()
                .filter(|days| moment::DAYS.contains(days))
                .map(|days| Value::Date(moment::Date::nearest(days)))
                .ok_or_else(|| refused("a date out of range"))?,
            TIME => Some((self.fixed()? ^ SIGN) as i64)
                .filter(|micros| moment::MICROS_OF_DAY.contains(micros))
                .map(|micros| Value::Time(moment::Time::nearest(micros)))
                .ok_or_else(|| refused("a time out of range"))?,
            TIMESTAMP => Some((self.fixed()? ^ SIGN) as i64)
                .filter(|micros| moment::MICROS.contains(micros))
                .map(|micros| Value::Timestamp(moment::Timestamp::nearest(micros)))
                .ok_or_else(|| refused("a timestamp out of range"))?,
            UUID => Value::Uuid(Uuid::from_bytes(self.number::<16>(16)?)),
            TEXT => Value::Text(String::from_utf8(self.string()?).map_err(|_| refused("text that is not UTF-8"))?),
            BYTES => Value::Bytes(self.string()?),
            JSON => Value::Json(String::from_utf8(self.string()?).map_err(|_| refused("JSON that is not UTF-8"))?),
            LIST if depth < MAX_DEPTH => {
                let mut items = Vec::new();
                while self.peek()? != LIST_END {
                    items.push(self.value(depth + 1)?);
                }
                self.position += 1;
                Value::List(items)
            }
            LIST => return Err(refused("lists nested too deep")),
            _ => return Err(refused("an unknown type code")),
        })
    }

    fn integer(&mut self, code: u8) -> Result<Value, ValueError> {
        let negative = code < INT_ZERO;
        let length = usize::from(code.abs_diff(INT_ZERO));
        let mut bytes = self.number::<16>(length)?;
        if negative {
            for byte in &mut bytes[16 - length..] {
                *byte = !*byte;
            }
        }
        let magnitude = u128::from_be_bytes(bytes);
        if length > 0 && bytes[16 - length] == 0 {
            return Err(self.malformed("an integer with leading zeros"));
        }
        if !negative {
            return Ok(Value::from(magnitude));
        }
        if magnitude > i128::MIN.unsigned_abs() {
            return Err(self.malformed("an integer below the least one"));
        }
        Ok(Value::Int((magnitude as i128).wrapping_neg()))
    }

    /// The length of the string from here to its end, both as stored, without the two bytes of the end.
    fn string_length(&self) -> Result<usize, ValueError> {
        let rest = self.bytes.get(self.position..).unwrap_or_default();
        let mut from = 0;
        while let Some(zero) = rest[from..].iter().position(|byte| byte ^ self.mask == 0) {
            let zero = from + zero;
            match rest.get(zero + 1).map(|byte| byte ^ self.mask) {
                Some(STRING_END) => return Ok(zero),
                Some(STRING_ZERO) => from = zero + 2,
                Some(_) => return Err(ValueError::malformed("a lone zero in a string", self.position + zero)),
                None => break,
            }
        }
        Err(self.malformed("a string without its end"))
    }

    fn string(&mut self) -> Result<Vec<u8>, ValueError> {
        let length = self.string_length()?;
        let mut string = Vec::with_capacity(length);
        let mut stored = self.take(length + 2)?[..length].iter().map(|byte| byte ^ self.mask);
        while let Some(byte) = stored.next() {
            string.push(byte);
            if byte == 0 {
                stored.next();
            }
        }
        Ok(string)
    }

    fn skip(&mut self, depth: usize) -> Result<(), ValueError> {
        let at = self.position;
        match self.byte()? {
            NULL | FALSE | TRUE => {}
            code @ INT_MIN..=INT_MAX => {
                self.take(usize::from(code.abs_diff(INT_ZERO)))?;
            }
            FLOAT | DATE | TIME | TIMESTAMP => {
                self.take(8)?;
            }
            UUID => {
                self.take(16)?;
            }
            TEXT | BYTES | JSON => self.position += self.string_length()? + 2,
            LIST if depth < MAX_DEPTH => {
                while self.peek()? != LIST_END {
                    self.skip(depth + 1)?;
                }
                self.position += 1;
            }
            LIST => return Err(ValueError::malformed("lists nested too deep", at)),
            _ => return Err(ValueError::malformed("an unknown type code", at)),
        }
        Ok(())
    }
}
