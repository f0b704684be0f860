//! Strategies for values and column types, weighted towards the edges where encodings go wrong.

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use proptest::prelude::*;
use rome_core::value::{ColumnType, ElementType, Label, Value};
use uuid::Uuid;

/// The kinds of [`of_kind`].
pub const KINDS: usize = 12;

/// A value of one kind: most pairs of any two values differ in kind, which says little.
pub fn of_kind(kind: usize) -> BoxedStrategy<Value> {
    match kind {
        0 => any::<bool>().prop_map(Value::Bool).boxed(),
        1 => int().boxed(),
        2 => float().prop_map(Value::Float).boxed(),
        3 => text().prop_map(Value::Text).boxed(),
        4 => bytes().prop_map(Value::Bytes).boxed(),
        5 => any::<u128>().prop_map(|v| Value::Uuid(Uuid::from_u128(v))).boxed(),
        6 => date().prop_map(|date| Value::Date(date.into())).boxed(),
        7 => time().prop_map(|time| Value::Time(time.into())).boxed(),
        8 => timestamp().prop_map(|moment| Value::Timestamp(moment.into())).boxed(),
        9 => text().prop_map(|v| Value::Json(serde_json::json!(v).to_string())).boxed(),
        10 => list().boxed(),
        _ => Just(Value::Null).boxed(),
    }
}

/// A value of any kind.
pub fn value() -> impl Strategy<Value = Value> {
    (0..KINDS).prop_flat_map(of_kind)
}

/// Two values, mostly of one kind.
pub fn pair() -> impl Strategy<Value = (Value, Value)> {
    prop_oneof![6 => (0..KINDS).prop_flat_map(|kind| (of_kind(kind), of_kind(kind))), 1 => (value(), value())]
}

fn int() -> impl Strategy<Value = Value> {
    // Around each power of two, where lengths change.
    let edge = (0_u32..128, -2_i128..=2, any::<bool>()).prop_map(|(power, near, negative)| {
        let edge = Value::from((1_u128 << power).saturating_add_signed(near));
        match edge {
            Value::Int(v) if negative => Value::Int(-v),
            other => other,
        }
    });
    prop_oneof![
        (-3_i128..=3).prop_map(Value::Int),
        edge,
        any::<i64>().prop_map(|v| Value::Int(i128::from(v))),
        any::<i128>().prop_map(Value::Int),
        Just(Value::Int(i128::MIN)),
        (i128::MAX as u128 + 1..=u128::MAX).prop_map(Value::Uint),
    ]
}

fn float() -> impl Strategy<Value = f64> {
    let edges = [0.0, -0.0, f64::NAN, -f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MIN, f64::MAX, 5e-324, -5e-324];
    prop_oneof![
        any::<f64>(),
        any::<u64>().prop_map(f64::from_bits),
        proptest::sample::select(edges.to_vec()),
        (-8_i32..8).prop_map(|v| f64::from(v) / 2.0)
    ]
}

/// Short strings of few characters, so that one is often the beginning of another, and zeros are frequent.
fn text() -> impl Strategy<Value = String> {
    let few = proptest::collection::vec(proptest::sample::select(vec!['\0', '\u{1}', 'a', 'b', 'é', '\u{ff}']), 0..5);
    prop_oneof![3 => few.prop_map(|v| v.into_iter().collect()), 1 => any::<String>()]
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let few = proptest::collection::vec(proptest::sample::select(vec![0, 1, 2, 0x61, 0xFE, 0xFF]), 0..5);
    prop_oneof![3 => few, 1 => proptest::collection::vec(any::<u8>(), 0..300)]
}

fn date() -> impl Strategy<Value = NaiveDate> {
    let days = NaiveDate::MIN.to_epoch_days()..=NaiveDate::MAX.to_epoch_days();
    prop_oneof![-2..=2, days].prop_map(|days| NaiveDate::from_epoch_days(days).unwrap())
}

fn time() -> impl Strategy<Value = NaiveTime> {
    // Whole microseconds; what is finer does not come back.
    let time = |micros: u64| {
        let nanos = (micros % 1_000_000 * 1_000) as u32;
        NaiveTime::from_num_seconds_from_midnight_opt((micros / 1_000_000) as u32, nanos).unwrap()
    };
    prop_oneof![Just(0), Just(86_399_999_999), 0_u64..86_400_000_000].prop_map(time)
}

fn timestamp() -> impl Strategy<Value = DateTime<Utc>> {
    let ends = DateTime::<Utc>::MIN_UTC.timestamp_micros()..=DateTime::<Utc>::MAX_UTC.timestamp_micros();
    prop_oneof![-2_i64..=2, Just(*ends.start()), Just(*ends.end()), ends]
        .prop_map(|micros| DateTime::from_timestamp_micros(micros).unwrap())
}

fn list() -> impl Strategy<Value = Value> {
    let element = (0..KINDS - 2).prop_flat_map(|kind| {
        let element = prop_oneof![4 => of_kind(kind), 1 => Just(Value::Null)];
        proptest::collection::vec(element, 0..4)
    });
    prop_oneof![
        4 => element.clone().prop_map(Value::List),
        1 => proptest::collection::vec(element.prop_map(Value::List), 0..3).prop_map(Value::List)
    ]
}

const LABELS: &[&str] = &["Clubs", "Hearts", "", "with \"quotes\", and commas"];

/// Each type but lists.
pub fn scalar_types() -> Vec<ColumnType> {
    let ints = [8, 16, 32, 64, 128].into_iter();
    let ints = ints.flat_map(|bits| [true, false].map(|signed| ColumnType::Int { bits, signed }));
    let mut types = vec![
        ColumnType::Bool,
        ColumnType::F32,
        ColumnType::F64,
        ColumnType::Text,
        ColumnType::Bytes,
        ColumnType::Uuid,
        ColumnType::Date,
        ColumnType::Time,
        ColumnType::Timestamp,
        ColumnType::Json,
        ColumnType::Enum(LABELS),
        ColumnType::OrderedEnum(LABELS),
    ];
    types.extend(ints);
    types
}

/// Each type, also lists of each other type.
pub fn types() -> Vec<ColumnType> {
    let mut types = scalar_types();
    for ty in scalar_types() {
        for nullable in [false, true] {
            types.push(ColumnType::List(Box::leak(Box::new(ElementType { ty, nullable }))));
        }
    }
    types
}

/// A value that a column of the type can hold.
pub fn of_type(ty: ColumnType) -> BoxedStrategy<Value> {
    match ty {
        ColumnType::Bool => of_kind(0),
        ColumnType::Int { bits: 128, signed: false } => {
            prop_oneof![any::<u128>(), Just(u128::MAX), 0..300_u128].prop_map(Value::from).boxed()
        }
        ColumnType::Int { bits, signed } => {
            let (low, high) = match signed {
                true => (i128::MIN >> (128 - bits), i128::MAX >> (128 - bits)),
                false => (0, (1 << bits) - 1),
            };
            let small = low.max(-150)..=high.min(300);
            prop_oneof![low..=high, Just(low), Just(high), small].prop_map(Value::Int).boxed()
        }
        ColumnType::F32 => float().prop_map(|v| Value::Float(f64::from(v as f32))).boxed(),
        ColumnType::F64 => of_kind(2),
        ColumnType::Text => of_kind(3),
        ColumnType::Bytes => of_kind(4),
        ColumnType::Uuid => of_kind(5),
        ColumnType::Date => of_kind(6),
        ColumnType::Time => of_kind(7),
        ColumnType::Timestamp => of_kind(8),
        ColumnType::Json => of_kind(9),
        ColumnType::Enum(labels) => {
            proptest::sample::select(labels).prop_map(|label| Value::Text(label.into())).boxed()
        }
        ColumnType::OrderedEnum(labels) => {
            (0..labels.len()).prop_map(move |at| Value::Label(Label::at(at as u16, labels))).boxed()
        }
        ColumnType::List(element) => {
            proptest::collection::vec(of_column(element.ty, element.nullable), 0..6).prop_map(Value::List).boxed()
        }
        other => panic!("values of {other} are not drawn yet"),
    }
}

/// A value that the column can hold, also NULL if it is nullable.
pub fn of_column(ty: ColumnType, nullable: bool) -> BoxedStrategy<Value> {
    match nullable {
        true => prop_oneof![4 => of_type(ty), 1 => Just(Value::Null)].boxed(),
        false => of_type(ty),
    }
}

/// A column, and a value for it.
pub fn column() -> impl Strategy<Value = (ColumnType, bool, Value)> {
    (proptest::sample::select(types()), any::<bool>())
        .prop_flat_map(|(ty, nullable)| (Just(ty), Just(nullable), of_column(ty, nullable)))
}
