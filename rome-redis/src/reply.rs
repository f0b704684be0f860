//! The forms of replies: text, numbers, lists; and the errors for a reply that has another form.

use redis::Value;
use rome_store::{StoreError, StoreErrorKind, StoreResult};

use crate::error::refused;

/// A reply as text, for questions about the server itself.
pub(crate) fn text(value: &Value) -> StoreResult<String> {
    match value {
        Value::BulkString(bytes) => Ok(String::from_utf8_lossy(bytes).into_owned()),
        Value::SimpleString(text) | Value::VerbatimString { text, .. } => Ok(text.clone()),
        Value::Int(n) => Ok(n.to_string()),
        Value::ServerError(refusal) => Err(refused(refusal)),
        other => Err(strange(other)),
    }
}

/// A list.
pub(crate) fn array(reply: Option<Value>) -> StoreResult<Vec<Value>> {
    match reply {
        Some(Value::Array(values)) => Ok(values),
        other => Err(unexpected(&other.unwrap_or_default())),
    }
}

/// Strings in a list.
pub(crate) fn strings(values: Vec<Value>) -> StoreResult<Vec<Vec<u8>>> {
    let string = |value| match value {
        Value::BulkString(bytes) => Ok(bytes),
        other => Err(unexpected(&other)),
    };
    values.into_iter().map(string).collect()
}

/// The next one of several replies.
pub(crate) fn next(replies: &mut impl Iterator<Item = Value>) -> StoreResult<Value> {
    replies.next().ok_or_else(|| unexpected(&Value::Nil))
}

/// A number in decimal digits.
pub(crate) fn decimal(digits: &[u8]) -> Option<u64> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// A reply of the wrong form to a question about the server itself: it is perhaps no Redis.
pub(crate) fn strange(reply: &Value) -> StoreError {
    StoreError::new(StoreErrorKind::Other, format!("the Redis server gave a reply of the wrong form: {}", form(reply)))
}

/// A reply of the wrong form: what is stored is not what ROME puts there.
pub(crate) fn unexpected(reply: &Value) -> StoreError {
    if let Value::ServerError(error) = reply {
        return refused(error);
    }
    let message = format!("the Redis server gave a reply of the wrong form: {}", form(reply));
    StoreError::new(StoreErrorKind::Corrupt, message)
}

/// What kind of thing a reply is, and how long; nothing of what is in it.
fn form(reply: &Value) -> String {
    match reply {
        Value::Nil => "nothing".to_owned(),
        Value::Int(_) => "a number".to_owned(),
        Value::BulkString(bytes) => format!("a string of {} bytes", bytes.len()),
        Value::SimpleString(text) | Value::VerbatimString { text, .. } => format!("a text of {} bytes", text.len()),
        Value::Okay => "a text of 2 bytes".to_owned(),
        Value::Array(parts) | Value::Set(parts) => format!("a list of {}", parts.len()),
        Value::Map(parts) => format!("a map of {}", parts.len()),
        _ => "another kind".to_owned(),
    }
}
