//! Index entries by hand: the value in an order-preserving form, then the key.

use chrono::{DateTime, Utc};
use uuid::Uuid;

/// A text, a zero to end it, and the key. No text of this table has a zero in it.
pub fn text_key(text: &str, id: Uuid) -> Vec<u8> {
    let mut key = Vec::with_capacity(text.len() + 17);
    key.extend_from_slice(text.as_bytes());
    key.push(0);
    key.extend_from_slice(id.as_bytes());
    key
}

/// The entries of a text: from the first bound, to below the second.
pub fn text_span(text: &str) -> (Vec<u8>, Vec<u8>) {
    let mut from = text.as_bytes().to_vec();
    let mut to = from.clone();
    from.push(0);
    to.push(1);
    (from, to)
}

/// A number that is not negative, most significant byte first, and the key.
fn number_key(number: i64, id: Uuid) -> [u8; 24] {
    let mut key = [0; 24];
    key[..8].copy_from_slice(&number.to_be_bytes());
    key[8..].copy_from_slice(id.as_bytes());
    key
}

/// The entry of a size.
pub fn size_key(size: i64, id: Uuid) -> [u8; 24] {
    number_key(size, id)
}

/// The entry of a time.
pub fn time_key(time: DateTime<Utc>, id: Uuid) -> [u8; 24] {
    number_key(time.timestamp_micros(), id)
}
