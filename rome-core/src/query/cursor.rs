//! Cursors: where a page ended.
//!
//! A cursor holds the values by which the last row of a page is ordered, and a mark (SipHash-2-4 with a key of the
//! database) over them and the query, so that a changed cursor, or one of another query, is noticed. It needs nothing
//! in the store, survives the deletion of its row and a restart, and is not secret: it can be read, not made.

use std::fmt;
use std::hash::Hasher;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use siphasher::sip128::{Hasher128, SipHasher24};

use crate::error::{Kind, Result};
use crate::value::{Value, key};

/// Where a page ended, as text that is safe in a URL. The next page starts after it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Cursor(String);

const FORM: u8 = 1;

impl Cursor {
    pub(super) fn new(secret: &[u8; 16], fingerprint: &str, values: &[Value]) -> Self {
        let mut bytes = vec![FORM];
        values.iter().for_each(|value| key::encode(value.as_ref(), false, &mut bytes));
        let mark = mark(secret, fingerprint, &bytes);
        bytes.extend_from_slice(&mark);
        Self(URL_SAFE_NO_PAD.encode(bytes))
    }

    /// The values of a cursor of this query.
    pub(super) fn open(text: &str, secret: &[u8; 16], fingerprint: &str, columns: usize) -> Result<Vec<Value>> {
        let bad = |why| Kind::Cursor(why);
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| bad("it is not a cursor"))?;
        let (signed, found) = bytes.split_last_chunk::<16>().ok_or_else(|| bad("it is cut off"))?;
        if !are_equal(&mark(secret, fingerprint, signed), found) {
            return Err(bad("it was changed, or comes from another query or another database").into());
        }
        let Some((&FORM, mut rest)) = signed.split_first() else {
            return Err(bad("it has another form").into());
        };
        let mut values = Vec::with_capacity(columns);
        while !rest.is_empty() {
            let (value, used) = key::decode(rest, false).map_err(|_| bad("it is damaged"))?;
            values.push(value);
            rest = rest.get(used..).unwrap_or_default();
        }
        if values.len() == columns { Ok(values) } else { Err(bad("it has another order").into()) }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Compares marks in the same time wherever they differ, so that none can be found byte by byte.
fn are_equal(a: &[u8; 16], b: &[u8; 16]) -> bool {
    std::hint::black_box(a.iter().zip(b).fold(0, |differs, (a, b)| differs | (a ^ b))) == 0
}

fn mark(secret: &[u8; 16], fingerprint: &str, bytes: &[u8]) -> [u8; 16] {
    let mut hasher = SipHasher24::new_with_key(secret);
    hasher.write(&(fingerprint.len() as u64).to_le_bytes());
    hasher.write(fingerprint.as_bytes());
    hasher.write(bytes);
    hasher.finish128().as_bytes()
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl AsRef<str> for Cursor {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl From<Cursor> for String {
    fn from(cursor: Cursor) -> Self {
        cursor.0
    }
}
