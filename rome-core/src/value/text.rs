//! Values and types as text: printed for people, read from requests and catalogs.

use super::{ColumnType, Date, ElementType, Label, Time, Timestamp, Value, ValueError, ValueRef};
use std::fmt;
use std::sync::Mutex;
use uuid::Uuid;

/// As SQL or a person would write it: `NULL`, `true`, `-5`, `1.5`, `'it''s'`, `X'00ff'`, `2024-02-29`,
/// `12:30:00`, `2024-02-29T12:30:00Z`, `[1, 2]`; a UUID in its usual form and JSON as it is.
impl fmt::Display for ValueRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Null => f.write_str("NULL"),
            Self::Bool(v) => write!(f, "{v}"),
            Self::Int(v) => write!(f, "{v}"),
            Self::Uint(v) => write!(f, "{v}"),
            // The debug form keeps the point: a whole float does not look like an integer.
            Self::Float(v) => write!(f, "{v:?}"),
            Self::Text(v) => write!(f, "'{}'", v.replace('\'', "''")),
            Self::Bytes(v) => {
                f.write_str("X'")?;
                v.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
                f.write_str("'")
            }
            Self::Uuid(v) => write!(f, "{v}"),
            Self::Date(v) => Date::nearest(v).fmt(f),
            Self::Time(v) => Time::nearest(v).fmt(f),
            Self::Timestamp(v) => Timestamp::nearest(v).fmt(f),
            Self::List(v) => {
                f.write_str("[")?;
                for (index, item) in v.iter().enumerate() {
                    write!(f, "{}{item}", if index == 0 { "" } else { ", " })?;
                }
                f.write_str("]")
            }
            Self::Json(v) => f.write_str(v),
            Self::Label(v) => write!(f, "'{}'", v.to_string().replace('\'', "''")),
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_ref().fmt(f)
    }
}

impl ColumnType {
    /// Reads a value of this type from the text of a request, as in a filter that is known only at run time.
    ///
    /// `true` and `false`; numbers in decimal; text and labels as they are, without quotes; bytes as hexadecimal
    /// digits; dates as `2024-02-29`, times as `12:30` or `12:30:00.5`, timestamps in RFC 3339; lists as JSON arrays
    /// whose strings, numbers and bools read in the same way. No text is NULL.
    ///
    /// # Errors
    /// [`Unreadable`](super::ValueErrorKind::Unreadable), and those of [`check`](Self::check).
    pub fn parse(&self, text: &str) -> Result<Value, ValueError> {
        let value = match self {
            Self::Bool => text.parse().ok().map(Value::Bool),
            Self::Int { .. } => self.parse_int(text)?,
            // Read in its own width: 0.1 is another number in 32 bits than in 64.
            Self::F32 => text.parse::<f32>().ok().map(|v| Value::Float(f64::from(v))),
            Self::F64 => text.parse().ok().map(Value::Float),
            Self::Text | Self::Enum(_) => Some(Value::Text(text.to_owned())),
            Self::OrderedEnum(labels) => {
                let label = Label::find(text, labels).ok_or_else(|| ValueError::unknown_label(text, self))?;
                Some(Value::Label(label))
            }
            Self::Bytes => parse_hex(text).map(Value::Bytes),
            Self::Uuid => Uuid::try_parse(text).ok().map(Value::Uuid),
            Self::Date => text.parse().ok().map(Value::Date),
            Self::Time => text.parse().ok().map(Value::Time),
            Self::Timestamp => text.parse().ok().map(Value::Timestamp),
            Self::Json => Some(Value::Json(text.to_owned())),
            Self::List(element) => Some(self.parse_list(element, text)?),
        };
        let value = value.ok_or_else(|| ValueError::unreadable(text, self))?.normalise();
        self.check(&value)?;
        Ok(value)
    }

    fn parse_int(&self, text: &str) -> Result<Option<Value>, ValueError> {
        let value = text.parse().map(Value::Int).or_else(|_| text.parse().map(Value::Uint)).ok();
        let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
        if value.is_none() && !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(ValueError::out_of_range(text, self));
        }
        Ok(value)
    }

    fn parse_list(&self, element: &ElementType, text: &str) -> Result<Value, ValueError> {
        use serde_json::Value as Json;
        let items: Vec<Json> = serde_json::from_str(text).map_err(|_| ValueError::unreadable(text, self))?;
        let read = |item: Json| match item {
            Json::Null if element.nullable => Ok(Value::Null),
            _ if element.ty == Self::Json => Ok(Value::Json(item.to_string())),
            Json::String(text) => element.ty.parse(&text),
            Json::Number(_) | Json::Bool(_) => element.ty.parse(&item.to_string()),
            other => Err(ValueError::unreadable(&other.to_string(), element.ty)),
        };
        items.into_iter().map(read).collect::<Result<_, _>>().map(Value::List)
    }

    /// The type of this [`name`](Self::name).
    ///
    /// The labels of enums and the element types of lists are kept for the life of the process, each once: a catalog
    /// has few, and a type stays a plain copyable value.
    ///
    /// # Errors
    /// [`Unreadable`](super::ValueErrorKind::Unreadable), also for a list of lists.
    pub fn from_name(name: &str) -> Result<Self, ValueError> {
        Self::read_name(name).ok_or_else(|| ValueError::unreadable(name, "a column type"))
    }

    fn read_name(name: &str) -> Option<Self> {
        const SCALARS: [ColumnType; 20] = {
            const fn int(bits: u8, signed: bool) -> ColumnType {
                ColumnType::Int { bits, signed }
            }
            [
                ColumnType::Bool,
                int(8, true),
                int(16, true),
                int(32, true),
                int(64, true),
                int(128, true),
                int(8, false),
                int(16, false),
                int(32, false),
                int(64, false),
                int(128, false),
                ColumnType::F32,
                ColumnType::F64,
                ColumnType::Text,
                ColumnType::Bytes,
                ColumnType::Uuid,
                ColumnType::Date,
                ColumnType::Time,
                ColumnType::Timestamp,
                ColumnType::Json,
            ]
        };
        if let Some(element) = name.strip_prefix("list of ") {
            let (element, nullable) = match element.strip_prefix("optional ") {
                Some(element) => (element, true),
                None => (element, false),
            };
            if element.starts_with("list of ") {
                return None;
            }
            return Some(Self::List(kept(ElementType { ty: Self::read_name(element)?, nullable })));
        }
        if let Some(labels) = name.strip_prefix("ordered enum") {
            let labels: Vec<String> = serde_json::from_str(labels).ok()?;
            return Some(Self::OrderedEnum(kept_labels(labels)));
        }
        if let Some(labels) = name.strip_prefix("enum") {
            let labels: Vec<String> = serde_json::from_str(labels).ok()?;
            return Some(Self::Enum(kept_labels(labels)));
        }
        SCALARS.into_iter().find(|ty| ty.name() == name)
    }
}

/// The one copy of this element type that lives as long as the process.
fn kept(element: ElementType) -> &'static ElementType {
    static KEPT: Mutex<Vec<&'static ElementType>> = Mutex::new(Vec::new());
    let mut kept = KEPT.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if let Some(found) = kept.iter().find(|found| ***found == element) {
        return found;
    }
    let element = Box::leak(Box::new(element));
    kept.push(element);
    element
}

/// The one copy of these labels that lives as long as the process.
fn kept_labels(labels: Vec<String>) -> &'static [&'static str] {
    static KEPT: Mutex<Vec<&'static [&'static str]>> = Mutex::new(Vec::new());
    let mut kept = KEPT.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if let Some(found) = kept.iter().find(|found| ***found == labels) {
        return found;
    }
    let labels: Vec<&'static str> = labels.into_iter().map(|label| &*Box::leak(label.into_boxed_str())).collect();
    let labels: &'static [&'static str] = Box::leak(labels.into_boxed_slice());
    kept.push(labels);
    labels
}

fn parse_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = text.chars().map(|c| c.to_digit(16).map(|d| d as u8)).collect::<Option<_>>()?;
    let (pairs, []) = digits.as_chunks::<2>() else { return None };
    Some(pairs.iter().map(|[high, low]| high << 4 | low).collect())
}
