//! Keys: bytes in the order of the values, each its own end.

use super::any_value::{KINDS, of_kind, pair, value};
use proptest::prelude::*;
use rome_core::value::{Date, Value, ValueErrorKind, key, total_order};
use std::cmp::Ordering;

fn encoded(value: &Value, descending: bool) -> Vec<u8> {
    let mut bytes = Vec::new();
    key::encode(value.as_ref(), descending, &mut bytes);
    bytes
}

fn directed(order: Ordering, descending: bool) -> Ordering {
    if descending { order.reverse() } else { order }
}

type Columns = Vec<(Value, Value, bool)>;

/// Two tuples of the same columns; equal values are frequent, so that later columns decide.
fn tuples() -> impl Strategy<Value = Columns> {
    let column = (0..KINDS).prop_flat_map(|kind| {
        let other = prop_oneof![of_kind(kind).prop_map(Some), Just(None)];
        (of_kind(kind), other, any::<bool>()).prop_map(|(a, b, descending)| (a.clone(), b.unwrap_or(a), descending))
    });
    proptest::collection::vec(column, 1..5)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn bytes_are_in_the_order_of_the_values((a, b) in pair(), descending: bool) {
        let order = directed(total_order(a.as_ref(), b.as_ref()), descending);
        prop_assert_eq!(encoded(&a, descending).cmp(&encoded(&b, descending)), order);
    }

    #[test]
    fn tuples_are_in_the_order_of_their_columns(columns in tuples()) {
        let (mut left, mut right, mut order) = (Vec::new(), Vec::new(), Ordering::Equal);
        for (a, b, descending) in &columns {
            key::encode(a.as_ref(), *descending, &mut left);
            key::encode(b.as_ref(), *descending, &mut right);
            order = order.then(directed(total_order(a.as_ref(), b.as_ref()), *descending));
        }
        prop_assert_eq!(left.cmp(&right), order);
    }

    #[test]
    fn no_encoding_is_a_prefix_of_another((a, b) in pair(), descending: bool) {
        let (a, b) = (encoded(&a, descending), encoded(&b, descending));
        prop_assert!(a == b || !b.starts_with(&a));
    }

    #[test]
    fn a_value_comes_back_and_skipping_takes_as_many_bytes(a in value(), b in value(), descending: bool) {
        let mut bytes = encoded(&a, descending);
        let end = bytes.len();
        bytes.extend(encoded(&b, !descending));
        let (decoded, length) = key::decode(&bytes, descending).unwrap();
        prop_assert_eq!(&decoded, &a);
        prop_assert_eq!(length, end);
        prop_assert_eq!(key::skip(&bytes, descending).unwrap(), end);
        prop_assert_eq!(key::decode(&bytes[end..], !descending).unwrap().0, b);
        // The one form: what is decoded needs no normalising.
        prop_assert_eq!(format!("{decoded:?}"), format!("{:?}", a.normalise()));
    }

    #[test]
    fn a_key_that_is_cut_off_is_an_error(a in value(), descending: bool) {
        let bytes = encoded(&a, descending);
        for end in 0..bytes.len() {
            prop_assert!(key::decode(&bytes[..end], descending).is_err());
            prop_assert!(key::skip(&bytes[..end], descending).is_err());
        }
    }
}

#[test]
fn integers_of_all_widths_encode_alike() {
    use rome_core::value::Field;
    let (mut narrow, mut wide, mut unsigned) = (Vec::new(), Vec::new(), Vec::new());
    5_i8.put_key(false, &mut narrow);
    5_i128.put_key(false, &mut wide);
    5_u128.put_key(false, &mut unsigned);
    assert_eq!(narrow, wide);
    assert_eq!(narrow, unsigned);
    assert_eq!(encoded(&Value::Uint(5), false), narrow);
}

/// Stored keys outlive the program: these bytes may never change.
#[test]
fn the_bytes_are_as_documented() {
    let cases: [(Value, &[u8]); 13] = [
        (Value::Null, &[0x04]),
        (Value::Bool(true), &[0x09]),
        (Value::Int(0), &[0x30]),
        (Value::Int(5), &[0x31, 5]),
        (Value::Int(-1), &[0x2F, 0xFE]),
        (Value::Int(-256), &[0x2E, 0xFE, 0xFF]),
        (Value::Int(65_536), &[0x33, 1, 0, 0]),
        (Value::Float(1.0), &[0x50, 0xBF, 0xF0, 0, 0, 0, 0, 0, 0]),
        (Value::Float(-0.0), &[0x50, 0x80, 0, 0, 0, 0, 0, 0, 0]),
        (Value::Date("1969-12-31".parse().unwrap()), &[0x58, 0x7F, 255, 255, 255, 255, 255, 255, 255]),
        (Value::Text("a\0".into()), &[0x70, b'a', 0, 0xFF, 0, 1]),
        (Value::Bytes(vec![]), &[0x74, 0, 1]),
        (Value::List(vec![Value::Null, Value::Int(0)]), &[0x80, 0x04, 0x30, 0]),
    ];
    for (value, bytes) in cases {
        assert_eq!(encoded(&value, false), bytes, "{value}");
        assert_eq!(encoded(&value, true), bytes.iter().map(|byte| !byte).collect::<Vec<_>>(), "{value} descending");
    }
}

#[test]
fn null_is_first_ascending_and_last_descending() {
    let least = [
        Value::Bool(false),
        Value::Int(i128::MIN),
        Value::Float(f64::NEG_INFINITY),
        Value::Text(String::new()),
        Value::Date(Date::MIN),
        Value::List(vec![]),
    ];
    for value in least {
        assert!(encoded(&Value::Null, false) < encoded(&value, false), "{value}");
        assert!(encoded(&Value::Null, true) > encoded(&value, true), "{value}");
    }
}

#[test]
fn other_encodings_of_a_value_are_refused() {
    let cases: [&[u8]; 9] = [
        &[0x31, 0],                                       // 0 in one byte
        &[0x32, 0, 5],                                    // 5 in two bytes
        &[0x2E, 0xFF, 0xFE],                              // -1 in two bytes
        &[0x20; 17],                                      // below the least i128
        &[0x50, 0x7F, 255, 255, 255, 255, 255, 255, 255], // -0.0
        &[0x50, 255, 255, 255, 255, 255, 255, 255, 255],  // another NaN
        &[0x5A, 0x80, 0, 1, 0, 0, 0, 0, 0],               // a time after midnight
        &[0x70, 0xFF, 0, 1],                              // not UTF-8
        &[0x70, 0, 2],                                    // a lone zero
    ];
    for bytes in cases {
        let error = key::decode(bytes, false).unwrap_err();
        assert!(matches!(error.kind(), ValueErrorKind::Malformed { .. }), "{bytes:02x?} gave {error}");
    }
}

#[test]
fn lists_in_lists_without_end_do_not_exhaust_the_stack() {
    let bytes = vec![0x80; 1 << 20];
    assert!(key::decode(&bytes, false).is_err());
    assert!(key::skip(&bytes, false).is_err());
}
