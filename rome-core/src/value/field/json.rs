//! Columns of serde types, stored as JSON text.

use super::super::{ColumnType, RowReader, RowWriter, Value, ValueError};
use super::{Element, Field, mismatch};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::ops::{Deref, DerefMut};

/// Any serde type as a column: stored as JSON text, without an order.
///
/// ```
/// use rome_core::value::{Field, Json};
///
/// let tags = Json(vec!["good", "dog"]);
/// assert_eq!(tags.len(), 2);
/// assert_eq!(Json(tags.0.join(" ")).to_value().to_string(), r#""good dog""#);
/// ```
///
/// What JSON cannot hold, such as a NaN or a map whose keys are not strings, is an error when its row is finished with
/// [`RowWriter::try_finish`], and a NULL, which a column of JSON refuses, as a [`Value`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Json<T>(pub T);

impl<T> Json<T> {
    /// The value inside.
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T> Deref for Json<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> DerefMut for Json<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

impl<T> From<T> for Json<T> {
    fn from(value: T) -> Self {
        Self(value)
    }
}

impl<T: Serialize + DeserializeOwned> Element for Json<T> {}
impl<T: Serialize + DeserializeOwned> Field for Json<T> {
    const TYPE: ColumnType = ColumnType::Json;

    fn write(&self, w: &mut RowWriter) {
        match to_text(&self.0) {
            Ok(text) => w.json(&text),
            Err(error) => w.fail(error),
        }
    }

    fn read(r: &mut RowReader<'_>) -> Result<Self, ValueError> {
        from_text(r.json()?).map(Self)
    }

    fn to_value(&self) -> Value {
        to_text(&self.0).map_or(Value::Null, Value::Json)
    }

    fn from_value(value: Value) -> Result<Self, ValueError> {
        match value {
            Value::Json(text) => from_text(&text).map(Self),
            other => Err(mismatch::<Self>(&other)),
        }
    }
}

impl Element for serde_json::Value {}
impl Field for serde_json::Value {
    const TYPE: ColumnType = ColumnType::Json;

    fn write(&self, w: &mut RowWriter) {
        w.json(&self.to_string());
    }

    fn read(r: &mut RowReader<'_>) -> Result<Self, ValueError> {
        from_text(r.json()?)
    }

    fn to_value(&self) -> Value {
        Value::Json(self.to_string())
    }

    fn from_value(value: Value) -> Result<Self, ValueError> {
        match value {
            Value::Json(text) => from_text(&text),
            other => Err(mismatch::<Self>(&other)),
        }
    }
}

fn to_text<T: Serialize + DeserializeOwned>(value: &T) -> Result<String, ValueError> {
    let text = serde_json::to_string(value).map_err(|error| ValueError::json(&error))?;
    // JSON has no NaN and no infinity: serde_json writes a null, which no float reads. Such a row could be stored and
    // then never be loaded again, so look before it is.
    if text.contains("null") {
        from_text::<T>(&text)?;
    }
    Ok(text)
}

fn from_text<T: DeserializeOwned>(text: &str) -> Result<T, ValueError> {
    serde_json::from_str(text).map_err(|error| ValueError::json(&error))
}
