//! Values as JSON and back, without loss: what a catalog keeps and what a dump holds.
//!
//! Numbers that JSON readers may round (above 64 bits, NaN, the infinities), bytes (in hexadecimal) and JSON texts, whose
//! spelling counts, are strings; so are dates and times.

use serde_json::{Number, Value as Json};

use super::{ColumnType, Date, Timestamp, Value, ValueError, ValueRef};

/// The years that the text forms of dates and moments have in common.
const PLAIN_YEARS: std::ops::RangeInclusive<i32> = 0..=9999;

impl ValueRef<'_> {
    /// The value as JSON; [`ColumnType::read_json`] reads it back.
    pub(crate) fn to_json(self) -> Json {
        match self {
            Self::Null => Json::Null,
            Self::Bool(v) => Json::Bool(v),
            Self::Int(v) => match (i64::try_from(v), u64::try_from(v)) {
                (Ok(v), _) => v.into(),
                (_, Ok(v)) => v.into(),
                _ => v.to_string().into(),
            },
            Self::Float(v) => Number::from_f64(v).map_or_else(|| v.to_string().into(), Json::Number),
            Self::Text(v) | Self::Json(v) => v.into(),
            Self::Label(v) => v.to_string().into(),
            Self::Bytes(v) => v.iter().map(|byte| format!("{byte:02x}")).collect::<String>().into(),
            Self::List(items) => Json::Array(items.iter().map(ValueRef::to_json).collect()),
            Self::Date(days) if !PLAIN_YEARS.contains(&Date::nearest(days).year()) => days.into(),
            Self::Timestamp(micros) if !PLAIN_YEARS.contains(&Timestamp::nearest(micros).date().year()) => {
                micros.into()
            }
            Self::Uint(_) | Self::Uuid(_) | Self::Date(_) | Self::Time(_) | Self::Timestamp(_) => {
                self.to_string().into()
            }
        }
    }
}

impl ColumnType {
    /// Reads a value of this type, or NULL, as [`ValueRef::to_json`] wrote it.
    pub(crate) fn read_json(self, json: &Json) -> Result<Value, ValueError> {
        let unreadable = || ValueError::unreadable(&json.to_string(), self);
        let value = match (self, json) {
            (_, Json::Null) => return Ok(Value::Null),
            (Self::Bool, Json::Bool(v)) => Value::Bool(*v),
            (Self::Int { .. } | Self::F32 | Self::F64, Json::Number(v)) => self.parse(&v.to_string())?,
            (Self::Date, Json::Number(days)) => {
                let days = days.as_i64().and_then(|days| i32::try_from(days).ok()).ok_or_else(unreadable)?;
                self.check_ref(ValueRef::Date(days))?;
                ValueRef::Date(days).to_value()
            }
            (Self::Timestamp, Json::Number(micros)) => {
                let micros = micros.as_i64().ok_or_else(unreadable)?;
                self.check_ref(ValueRef::Timestamp(micros))?;
                ValueRef::Timestamp(micros).to_value()
            }
            (Self::List(element), Json::Array(items)) => {
                let read = |item: &Json| match item {
                    Json::Null if !element.nullable => Err(unreadable()),
                    item => element.ty.read_json(item),
                };
                Value::List(items.iter().map(read).collect::<Result<_, _>>()?)
            }
            (Self::List(_) | Self::Bool, _) => return Err(unreadable()),
            (_, Json::String(text)) => self.parse(text)?,
            _ => return Err(unreadable()),
        };
        self.check(&value)?;
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::{ElementType, Label};

    #[test]
    fn json_and_back_is_the_same_value() {
        const BYTES: ElementType = ElementType { ty: ColumnType::Bytes, nullable: true };
        let int = |bits, signed| ColumnType::Int { bits, signed };
        let cases = [
            (int(64, true), Value::Int(i128::from(i64::MIN))),
            (int(64, false), Value::Int(i128::from(u64::MAX))),
            (int(128, true), Value::Int(i128::MIN)),
            (int(128, false), Value::from(u128::MAX)),
            (ColumnType::F64, Value::Float(f64::NAN)),
            (ColumnType::F64, Value::Float(f64::NEG_INFINITY)),
            (ColumnType::F64, Value::Float(0.1)),
            (ColumnType::F64, Value::Float(5e-324)),
            (ColumnType::F32, Value::Float(f64::from(0.1_f32))),
            (ColumnType::Text, Value::Text("a \"b\" \u{0} é".into())),
            (ColumnType::Json, Value::Json("{\"b\": 1,  \"a\":[]}".into())),
            (ColumnType::Uuid, Value::Uuid(uuid::Uuid::max())),
            (ColumnType::List(&BYTES), Value::List(vec![Value::Bytes(vec![0, 255]), Value::Null])),
            (ColumnType::OrderedEnum(&["low", "high"]), Value::Label(Label::at(1, &["low", "high"]))),
            (ColumnType::Bool, Value::Null),
            (ColumnType::Time, ValueRef::Time(86_399_999_999).to_value()),
            (ColumnType::Date, ValueRef::Date(19_782).to_value()),
            (ColumnType::Date, ValueRef::Date(-800_000).to_value()),
            (ColumnType::Date, ValueRef::Date(4_000_000).to_value()),
            (ColumnType::Timestamp, ValueRef::Timestamp(1).to_value()),
            (ColumnType::Timestamp, ValueRef::Timestamp(-70_000_000_000_000_001).to_value()),
            (ColumnType::Timestamp, ValueRef::Timestamp(400_000_000_000_000_000).to_value()),
        ];
        for (ty, value) in cases {
            let json = serde_json::to_string(&value.as_ref().to_json()).expect("JSON");
            let back = ty
                .read_json(&serde_json::from_str(&json).expect("JSON"))
                .unwrap_or_else(|e| panic!("{ty} {json}: {e}"));
            assert_eq!(back, value, "{ty} as {json}");
        }
    }

    #[test]
    fn json_of_another_type_is_refused() {
        let cases = [
            (ColumnType::Bool, "1"),
            (ColumnType::Int { bits: 8, signed: false }, "256"),
            (ColumnType::Int { bits: 8, signed: false }, "1.5"),
            (ColumnType::Text, "5"),
            (ColumnType::OrderedEnum(&["low"]), "0"),
            (ColumnType::OrderedEnum(&["low"]), "\"high\""),
            (ColumnType::Bytes, "\"0\""),
            (ColumnType::Uuid, "\"x\""),
            (ColumnType::Json, "\"{\""),
            (ColumnType::Date, "9999999999"),
        ];
        for (ty, json) in cases {
            assert!(ty.read_json(&serde_json::from_str(json).expect("JSON")).is_err(), "{ty} {json}");
        }
    }
}
