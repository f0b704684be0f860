//! Values and types as text.

use super::any_value::{scalar_types, types};
use rome_core::value::{ColumnType, Value, ValueErrorKind};

fn int(bits: u8, signed: bool) -> ColumnType {
    ColumnType::Int { bits, signed }
}

#[test]
fn values_print_as_a_person_writes_them() {
    let cases = [
        (Value::Null, "NULL"),
        (Value::Bool(true), "true"),
        (Value::Int(-5), "-5"),
        (Value::Uint(u128::MAX), "340282366920938463463374607431768211455"),
        (Value::Float(1.0), "1.0"),
        (Value::Text("it's".into()), "'it''s'"),
        (Value::Bytes(vec![0, 255]), "X'00ff'"),
        (Value::Date("2024-02-29".parse().unwrap()), "2024-02-29"),
        (Value::Time("12:30:00".parse().unwrap()), "12:30:00"),
        (Value::Timestamp("2024-02-29T12:30:00Z".parse().unwrap()), "2024-02-29T12:30:00Z"),
        (Value::Timestamp("2024-02-29T12:30:00.5Z".parse().unwrap()), "2024-02-29T12:30:00.500Z"),
        (Value::List(vec![Value::Int(1), Value::Null]), "[1, NULL]"),
        (Value::Json("{\"a\":1}".into()), "{\"a\":1}"),
    ];
    for (value, text) in cases {
        assert_eq!(value.to_string(), text);
    }
}

#[test]
fn the_name_of_a_type_reads_as_the_type() {
    for ty in types() {
        let named = ColumnType::from_name(&ty.name()).unwrap();
        assert_eq!(named, ty);
        assert_eq!(named.name(), ty.name());
    }
    assert_eq!(int(32, false).name(), "u32");
    assert_eq!(ColumnType::from_name("list of optional text").unwrap().to_string(), "list of optional text");
}

#[test]
fn a_name_that_is_none_is_refused() {
    for name in [
        "",
        "i7",
        "int",
        "Text",
        "list of",
        "list of list of text",
        "enum",
        "enum[1]",
        "ordered enum",
        "ordered text",
        "text ",
    ] {
        let error = ColumnType::from_name(name).unwrap_err();
        assert!(matches!(error.kind(), ValueErrorKind::Unreadable { .. }), "{name}");
    }
}

/// Types with labels are interned: reading a catalog again and again takes no more memory.
#[test]
fn the_same_name_gives_the_same_labels() {
    let read = || match ColumnType::from_name(r#"enum["x","y"]"#).unwrap() {
        ColumnType::Enum(labels) => labels,
        other => panic!("{other} is no enum"),
    };
    assert!(std::ptr::eq(read(), read()));
}

#[test]
fn the_text_of_a_request_reads_as_a_value_of_the_column() {
    let texts = ColumnType::from_name("list of optional text").unwrap();
    let cases = [
        (ColumnType::Bool, "true", Value::Bool(true)),
        (int(8, false), "255", Value::Int(255)),
        (int(128, false), "340282366920938463463374607431768211455", Value::Uint(u128::MAX)),
        (ColumnType::F32, "0.1", Value::Float(f64::from(0.1_f32))),
        (ColumnType::F64, "0.1", Value::Float(0.1)),
        (ColumnType::Text, "it's", Value::Text("it's".into())),
        (ColumnType::Bytes, "00fF", Value::Bytes(vec![0, 255])),
        (ColumnType::Date, "2024-02-29", Value::Date("2024-02-29".parse().unwrap())),
        (ColumnType::Time, "12:30", Value::Time("12:30:00".parse().unwrap())),
        (ColumnType::Timestamp, "2024-02-29T13:30:00+01:00", Value::Timestamp("2024-02-29T12:30:00Z".parse().unwrap())),
        (ColumnType::Json, "{\"a\": 1}", Value::Json("{\"a\": 1}".into())),
        (ColumnType::Enum(&["Clubs"]), "Clubs", Value::Text("Clubs".into())),
        (texts, r#"["a", null]"#, Value::List(vec![Value::Text("a".into()), Value::Null])),
    ];
    for (ty, text, value) in cases {
        assert_eq!(ty.parse(text), Ok(value), "{text} as {ty}");
    }
}

#[test]
fn text_that_does_not_read_as_the_type_is_refused() {
    for ty in scalar_types().into_iter().filter(|ty| *ty != ColumnType::Text) {
        assert!(ty.parse("no such thing").is_err(), "{ty}");
    }
    let message = |ty: ColumnType, text: &str| ty.parse(text).unwrap_err().to_string();
    assert_eq!(message(int(8, false), "300"), "300 is out of range for u8");
    assert_eq!(message(int(8, false), "-1"), "-1 is out of range for u8");
    assert_eq!(message(int(64, true), &"9".repeat(60)), format!("{} is out of range for i64", "9".repeat(60)));
    assert_eq!(message(int(64, true), "seven"), "\"seven\" does not read as i64");
    assert_eq!(message(ColumnType::Date, "2024-02-30"), "\"2024-02-30\" does not read as date");
    assert_eq!(message(ColumnType::Bytes, "abc"), "\"abc\" does not read as bytes");
    let long = message(ColumnType::Date, &"é".repeat(1_000));
    assert!(long.len() < 200, "a message shows only the beginning: {long}");
}
