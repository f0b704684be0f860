//! Rust types as columns: each of them takes the same way through rows, keys and values as its column type.

use bytes::Bytes;
use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use proptest::prelude::*;
use rome_core::value::{
    ColumnType, Element, Field, Json, Nullable, Numeric, Ordered, RowReader, RowWriter, Textual, Value, ValueErrorKind,
    key, write_column,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Arc;
use uuid::Uuid;

/// All that a field promises.
fn law<T: Field + PartialEq + Debug>(field: T) {
    let mut writer = RowWriter::new();
    field.write(&mut writer);
    let bytes = writer.finish();
    let mut reader = RowReader::new(&bytes);
    assert_eq!(T::read(&mut reader).as_ref(), Ok(&field), "a row gives it back");
    assert_eq!(reader.remaining(), 0);

    let value = field.to_value();
    let mut writer = RowWriter::new();
    write_column(&mut writer, T::TYPE, T::NULLABLE, value.as_ref()).unwrap();
    assert_eq!(writer.finish(), bytes, "a column of its type is written alike");
    for descending in [false, true] {
        let (mut direct, mut dynamic) = (Vec::new(), Vec::new());
        field.put_key(descending, &mut direct);
        key::encode(value.as_ref(), descending, &mut dynamic);
        assert_eq!(direct, dynamic, "a key of its value is the same");
    }
    assert_eq!(T::from_value(value), Ok(field), "its value gives it back");
}

proptest! {
    #[test]
    fn numbers(a: i8, b: i16, c: i32, d: i64, e: i128, f: u8, g: u16, h: u32, i: u64, j: u128, k: bool) {
        law(a);
        law(b);
        law(c);
        law(d);
        law(e);
        law(f);
        law(g);
        law(h);
        law(i);
        law(j);
        law(k);
    }

    #[test]
    fn floats(a: f32, b: f64) {
        law(a);
        law(b);
    }

    /// Found by fuzzing: by default serde_json may read a float as its neighbour.
    #[test]
    fn floats_in_json_come_back_to_the_last_bit(a: f64, b in 1_i64.., power in -300_i32..280) {
        law(Json(vec![a, b as f64 * 10_f64.powi(power)]));
    }

    #[test]
    fn strings_and_bytes(a: String, b: Vec<u8>, c: u128) {
        law(a.clone().into_boxed_str());
        law(Arc::<str>::from(a.as_str()));
        law(Json(a.clone()));
        law(serde_json::json!({ "text": a, "bytes": b }));
        law(a);
        law(Bytes::from(b.clone()));
        law(b);
        law(Uuid::from_u128(c));
    }

    #[test]
    fn lists_and_options(a: Option<u32>, b: Vec<String>, c: Vec<Option<i64>>, d: Option<Vec<bool>>, e: Vec<Vec<u8>>, f: Option<Vec<u8>>) {
        law(a);
        law(b);
        law(c);
        law(d);
        law(e);
        law(f);
    }

    #[test]
    fn a_narrower_type_refuses_what_it_cannot_hold(value: i128) {
        prop_assert_eq!(i8::from_value(Value::Int(value)).ok(), i8::try_from(value).ok());
        prop_assert_eq!(u64::from_value(Value::Int(value)).ok(), u64::try_from(value).ok());
        let mut writer = RowWriter::new();
        writer.int(value);
        let bytes = writer.finish();
        prop_assert_eq!(i64::read(&mut RowReader::new(&bytes)).ok(), i64::try_from(value).ok());
        prop_assert_eq!(i16::read(&mut RowReader::new(&bytes)).ok(), i16::try_from(value).ok());
    }
}

#[test]
fn edges() {
    law(i128::MIN);
    law(i128::MAX);
    law(u128::MAX);
    law(i64::MIN);
    law(u64::MAX);
    law(f64::NEG_INFINITY);
    law(String::new());
    law(Vec::<u8>::new());
    law(Vec::<String>::new());
    law(None::<Vec<String>>);
    law(NaiveDate::MIN);
    law(NaiveDate::MAX);
    law(NaiveTime::MIN);
    law(DateTime::<Utc>::MIN_UTC);
    law("2024-02-29T23:59:59.999999Z".parse::<DateTime<Utc>>().unwrap());
}

#[test]
fn a_vector_of_u8_is_bytes_and_each_other_vector_a_list() {
    assert_eq!(<Vec<u8> as Field>::TYPE, ColumnType::Bytes);
    assert_eq!(<Vec<i8> as Field>::TYPE.to_string(), "list of i8");
    assert_eq!(<Vec<Option<String>> as Field>::TYPE.to_string(), "list of optional text");
    assert_eq!(<Vec<Vec<u8>> as Field>::TYPE.to_string(), "list of bytes");
}

#[test]
fn moments_lose_what_is_finer_than_a_microsecond() {
    let fine = "1969-12-31T23:59:59.123456789Z".parse::<DateTime<Utc>>().unwrap();
    let cut = "1969-12-31T23:59:59.123456Z".parse::<DateTime<Utc>>().unwrap();
    assert_eq!(DateTime::from_value(Value::Timestamp(fine.into())), Ok(cut));
    assert_eq!(fine.to_value(), Value::Timestamp(cut.into()));
    let leap = "2016-12-31T23:59:60.5Z".parse::<DateTime<Utc>>().unwrap();
    let clamped = "2016-12-31T23:59:59.999999Z".parse::<DateTime<Utc>>().unwrap();
    assert_eq!(DateTime::from_value(leap.to_value()), Ok(clamped));
    assert_eq!(NaiveTime::from_value(leap.time().to_value()), Ok(clamped.time()));
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Address {
    street: String,
    lines: Vec<u32>,
}

#[test]
fn any_serde_type_is_a_column_of_json() {
    let address = Json(Address { street: "Rue 1".into(), lines: vec![1, 2] });
    assert_eq!(address.to_value(), Value::Json(r#"{"street":"Rue 1","lines":[1,2]}"#.into()));
    assert_eq!(address.street, "Rue 1");
    assert_eq!(serde_json::to_string(&address).unwrap(), r#"{"street":"Rue 1","lines":[1,2]}"#);
    law(address);
    let error = Json::<Address>::from_value(Value::Json("{}".into())).unwrap_err();
    assert!(matches!(error.kind(), ValueErrorKind::Json { .. }), "{error}");
}

#[test]
fn a_type_that_json_cannot_hold_is_an_error_of_the_row() {
    let mut writer = RowWriter::new();
    let unfit = Json(BTreeMap::from([(vec![1_u8], 2_u8)]));
    unfit.write(&mut writer);
    assert!(matches!(writer.try_finish().unwrap_err().kind(), ValueErrorKind::Json { .. }));
    assert!(unfit.to_value().is_null());
    assert!(ColumnType::Json.check(&unfit.to_value()).is_err());
}

/// JSON has no NaN; serde_json writes a null, and a row that holds it could never be read again.
#[test]
fn json_that_could_not_be_read_again_is_not_written() {
    let mut writer = RowWriter::new();
    Json(vec![1.0, f64::NAN]).write(&mut writer);
    assert!(matches!(writer.try_finish().unwrap_err().kind(), ValueErrorKind::Json { .. }));
    assert!(Json(f64::INFINITY).to_value().is_null());
    law(Json(vec![None, Some(1.0)]));
}

#[test]
fn a_value_of_another_kind_is_a_type_mismatch() {
    assert_eq!(u32::from_value(Value::Text("7".into())).unwrap_err().to_string(), "expected u32, found text");
    assert_eq!(u32::from_value(Value::Null).unwrap_err().to_string(), "expected u32, found null");
    assert_eq!(Option::<u32>::from_value(Value::Null), Ok(None));
    assert_eq!(Vec::<u8>::from_value(Value::List(vec![])).unwrap_err().to_string(), "expected bytes, found list");
    assert_eq!(u8::from_value(Value::Int(300)).unwrap_err().to_string(), "300 is out of range for u8");
    assert!(f32::from_value(Value::Float(1e300)).is_err());
}

/// Marker traits agree with what the column type says at run time.
#[test]
fn markers_say_what_the_column_type_says() {
    fn ordered<T: Ordered>() {
        assert!(T::TYPE.is_ordered());
    }
    fn numeric<T: Numeric>() {
        assert!(T::TYPE.is_numeric());
    }
    fn textual<T: Textual>() {
        assert_eq!(T::TYPE, ColumnType::Text);
    }
    fn nullable<T: Field + Nullable>() {
        assert!(T::NULLABLE);
    }
    fn element<T: Element>() {}
    ordered::<Option<DateTime<Utc>>>();
    ordered::<Vec<u8>>();
    ordered::<Bytes>();
    numeric::<Option<i128>>();
    numeric::<f32>();
    textual::<Option<String>>();
    nullable::<Option<Vec<String>>>();
    element::<Json<Address>>();
    assert!(!<Vec<i32> as Field>::TYPE.is_ordered());
    assert!(!<Json<Address> as Field>::TYPE.is_ordered());
}
