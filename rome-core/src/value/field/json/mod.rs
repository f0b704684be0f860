//! Columns of serde types, stored as JSON text.

mod faithful;

use super::super::{ColumnType, RowReader, RowWriter, Value, ValueError};
use super::exact::{self, Form};
use super::{Element, Field, mismatch};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::ops::{Deref, DerefMut};

/// Any serde type as a column: stored as JSON text, without an order.
///
/// ```
/// use rome_orm::value::{Field, Json};
///
/// let tags = Json(vec!["good", "dog"]);
/// assert_eq!(tags.len(), 2);
/// assert_eq!(Json(tags.0.join(" ")).to_value().to_string(), r#""good dog""#);
/// ```
///
/// What JSON cannot hold is refused before anything is stored: a NaN or an infinity at any depth, a map whose keys are not
/// text, more than 127 arrays and objects inside of each other, and each value that its own `Deserialize` does not read
/// back from the text, or reads as another one (compared by `PartialEq` where the type has that). The row's writer says so in
/// [`RowWriter::try_finish`], a single value in [`Field::try_to_value`]; [`Field::to_value`] gives a NULL for it.
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
        write_json(&self.0, w);
    }

    fn read(r: &mut RowReader<'_>) -> Result<Self, ValueError> {
        from_text(r.json()?).map(Self)
    }

    fn to_value(&self) -> Value {
        self.try_to_value().unwrap_or(Value::Null)
    }

    fn try_to_value(&self) -> Result<Value, ValueError> {
        let text = to_text(&self.0)?;
        compare_as_json(&text, &to_text(&from_text::<T>(&text)?)?)?;
        Ok(Value::Json(text))
    }

    fn from_value(value: Value) -> Result<Self, ValueError> {
        match value {
            Value::Json(text) => from_text(&text).map(Self),
            other => Err(mismatch::<Self>(&other)),
        }
    }

    fn compare_written(written: &[u8], again: &[u8]) -> Result<(), ValueError> {
        compare_as_json(RowReader::new(written).json()?, RowReader::new(again).json()?)
    }
}

impl Element for serde_json::Value {}
impl Field for serde_json::Value {
    const TYPE: ColumnType = ColumnType::Json;

    fn write(&self, w: &mut RowWriter) {
        write_json(self, w);
    }

    fn read(r: &mut RowReader<'_>) -> Result<Self, ValueError> {
        from_text(r.json()?)
    }

    fn to_value(&self) -> Value {
        self.try_to_value().unwrap_or(Value::Null)
    }

    fn try_to_value(&self) -> Result<Value, ValueError> {
        to_text(self).map(Value::Json)
    }

    fn from_value(value: Value) -> Result<Self, ValueError> {
        match value {
            Value::Json(text) => from_text(&text),
            other => Err(mismatch::<Self>(&other)),
        }
    }
}

/// Writes any serde type as a column of JSON; that it reads back is not looked at here.
fn write_json<T: Serialize>(value: &T, w: &mut RowWriter) {
    match to_text(value) {
        Ok(text) => w.json(&text),
        Err(error) => w.fail(error),
    }
}

/// Writes any serde type as a column of JSON, and fails the row if it does not read back as the same value.
pub(crate) fn write_json_exactly<T: Serialize + DeserializeOwned>(
    value: &T,
    w: &mut RowWriter,
    equal: Option<fn(&T, &T) -> bool>,
) {
    let read = |r: &mut RowReader<'_>| from_text(r.json()?);
    let form = Form { write: write_json, read, compare_written: <Json<T> as Field>::compare_written };
    exact::write(value, w, equal, &form);
}

fn to_text<T: Serialize>(value: &T) -> Result<String, ValueError> {
    faithful::check(value).map_err(|error| ValueError::json(&error))?;
    serde_json::to_string(value).map_err(|error| ValueError::json(&error))
}

fn from_text<T: DeserializeOwned>(text: &str) -> Result<T, ValueError> {
    serde_json::from_str(text).map_err(|error| ValueError::json(&error))
}

/// Whether two texts are the same JSON, for values that cannot be compared themselves. Objects have no order, and arrays
/// are compared without theirs, since a set may be written in any.
fn compare_as_json(text: &str, again: &str) -> Result<(), ValueError> {
    if text == again {
        return Ok(());
    }
    if in_one_order(from_text(text)?) == in_one_order(from_text(again)?) {
        return Ok(());
    }
    Err(ValueError::not_the_same())
}

/// The value with the elements of all arrays sorted by their text. The text was read, so its depth is bounded.
fn in_one_order(value: serde_json::Value) -> serde_json::Value {
    match value {
        serde_json::Value::Array(items) => {
            let mut items: Vec<serde_json::Value> = items.into_iter().map(in_one_order).collect();
            items.sort_by_cached_key(serde_json::Value::to_string);
            serde_json::Value::Array(items)
        }
        serde_json::Value::Object(fields) => {
            serde_json::Value::Object(fields.into_iter().map(|(name, value)| (name, in_one_order(value))).collect())
        }
        scalar => scalar,
    }
}
