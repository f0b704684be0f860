//! Rows: each column comes back, can be skipped, and is refused when it does not fit.

use super::any_value::{column, types};
use proptest::prelude::*;
use rome_core::value::{
    ColumnType, ElementType, Label, RowReader, RowWriter, Value, ValueError, ValueErrorKind, ValueRef, read_column,
    skip_column, write_column,
};

fn row(columns: &[(ColumnType, bool, Value)]) -> Vec<u8> {
    let mut writer = RowWriter::new();
    for (ty, nullable, value) in columns {
        write_column(&mut writer, *ty, *nullable, value.as_ref()).unwrap();
    }
    writer.finish()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_500))]

    #[test]
    fn a_row_comes_back_and_skipping_ends_where_reading_does(columns in proptest::collection::vec(column(), 0..10)) {
        let bytes = row(&columns);
        let mut reader = RowReader::new(&bytes);
        for (ty, nullable, value) in &columns {
            let mut skipping = reader.clone();
            skip_column(&mut skipping, *ty, *nullable).unwrap();
            prop_assert_eq!(read_column(&mut reader, *ty, *nullable).unwrap(), value.as_ref());
            prop_assert_eq!(skipping.position(), reader.position());
        }
        prop_assert_eq!(reader.remaining(), 0);
    }

    #[test]
    fn an_encoded_list_is_the_list_of_its_values((ty, nullable, value) in column()) {
        let bytes = row(&[(ty, nullable, value.clone())]);
        if let (ValueRef::List(list), Value::List(items)) =
            (read_column(&mut RowReader::new(&bytes), ty, nullable).unwrap(), &value)
        {
            prop_assert_eq!(list.len(), items.len());
            prop_assert_eq!(list.is_empty(), items.is_empty());
            prop_assert_eq!(list.iter().map(ValueRef::to_value).collect::<Vec<_>>(), items.clone());
            // Copied from one row into another, as an update of another column does.
            prop_assert_eq!(row(&[(ty, nullable, ValueRef::List(list).to_value())]), bytes.clone());
        }
    }

    #[test]
    fn a_column_that_is_cut_off_is_an_error((ty, nullable, value) in column()) {
        let bytes = row(&[(ty, nullable, value)]);
        for end in 0..bytes.len() {
            prop_assert!(read_column(&mut RowReader::new(&bytes[..end]), ty, nullable).is_err());
            prop_assert!(skip_column(&mut RowReader::new(&bytes[..end]), ty, nullable).is_err());
        }
    }

    #[test]
    fn a_value_of_another_type_is_refused_and_nothing_is_written((ty, nullable, value) in column(), other in proptest::sample::select(types())) {
        let mut writer = RowWriter::new();
        let written = write_column(&mut writer, other, false, value.as_ref());
        prop_assert_eq!(written.is_ok(), other.check(&value).is_ok());
        prop_assert_eq!(written.is_ok(), !writer.is_empty());
        prop_assert!(ty.check(&value).is_ok() || (nullable && value.is_null()));
    }

    #[test]
    fn an_integer_column_reads_what_a_narrower_one_wrote(value: i16) {
        let narrow = ColumnType::Int { bits: 16, signed: true };
        let bytes = row(&[(narrow, false, Value::Int(value.into()))]);
        for bits in [32, 64, 128] {
            let wide = ColumnType::Int { bits, signed: true };
            let read = read_column(&mut RowReader::new(&bytes), wide, false).unwrap();
            prop_assert_eq!(read, ValueRef::Int(value.into()));
        }
    }

    #[test]
    fn the_two_writers_of_integers_agree(signed: i64, unsigned: u64) {
        let (mut wide, mut narrow) = (RowWriter::new(), RowWriter::new());
        wide.int(signed.into());
        wide.uint(unsigned.into());
        narrow.int64(signed);
        narrow.uint64(unsigned);
        let bytes = wide.finish();
        prop_assert_eq!(&bytes, &narrow.finish());
        let (mut wide, mut narrow) = (RowReader::new(&bytes), RowReader::new(&bytes));
        prop_assert_eq!(wide.int().unwrap(), i128::from(narrow.int64().unwrap()));
        prop_assert_eq!(wide.uint().unwrap(), u128::from(narrow.uint64().unwrap()));
    }
}

#[test]
fn a_list_of_any_length_has_its_length_before_it() {
    let list = ColumnType::List(&ElementType { ty: ColumnType::Bool, nullable: false });
    // Around the lengths where the length itself takes one more byte.
    for length in [0, 1, 127, 128, 129, 16_383, 16_384] {
        let value = Value::List((0..length).map(|index| Value::Bool(index % 3 == 0)).collect());
        let bytes = row(&[(ColumnType::Text, false, Value::Text("before".into())), (list, false, value.clone())]);
        let mut reader = RowReader::new(&bytes);
        assert_eq!(reader.text().unwrap(), "before");
        assert_eq!(read_column(&mut reader, list, false).unwrap(), value.as_ref());
        assert_eq!(reader.remaining(), 0);
    }
}

fn refused(ty: ColumnType, value: Value) -> ValueError {
    write_column(&mut RowWriter::new(), ty, false, value.as_ref()).unwrap_err()
}

#[test]
fn a_number_out_of_range_is_refused_by_name() {
    let byte = ColumnType::Int { bits: 8, signed: false };
    assert_eq!(refused(byte, Value::Int(300)).to_string(), "300 is out of range for u8");
    assert_eq!(refused(byte, Value::Int(-1)).to_string(), "-1 is out of range for u8");
    let signed = ColumnType::Int { bits: 8, signed: true };
    assert_eq!(refused(signed, Value::Int(128)).to_string(), "128 is out of range for i8");
    assert!(signed.check(&Value::Int(-128)).is_ok());
    let widest = ColumnType::Int { bits: 128, signed: true };
    assert!(matches!(refused(widest, Value::Uint(u128::MAX)).kind(), ValueErrorKind::OutOfRange { .. }));
    assert!(matches!(refused(ColumnType::F32, Value::Float(1e300)).kind(), ValueErrorKind::OutOfRange { .. }));
}

#[test]
fn what_does_not_fit_is_refused_with_its_reason() {
    let int = ColumnType::Int { bits: 32, signed: true };
    assert_eq!(refused(int, Value::Text("7".into())).to_string(), "expected i32, found text");
    assert_eq!(refused(int, Value::Null).to_string(), "expected i32, found null");
    let suit = ColumnType::Enum(&["Clubs", "Hearts"]);
    let error = refused(suit, Value::Text("Cups".into()));
    assert_eq!(error.to_string(), r#""Cups" is not a label of enum["Clubs","Hearts"]"#);
    let ordered = ColumnType::OrderedEnum(&["low", "high"]);
    assert!(ordered.check(&Value::Label(Label::at(1, &["low", "high", "urgent"]))).is_ok());
    for wrong in [Label::at(2, &["low", "high", "urgent"]), Label::at(0, &["high"]), Label::at(7, &[])] {
        assert!(matches!(refused(ordered, Value::Label(wrong)).kind(), ValueErrorKind::UnknownLabel { .. }), "{wrong}");
    }
    assert_eq!(refused(ordered, Value::Int(1)).to_string(), r#"expected ordered enum["low","high"], found integer"#);
    assert!(matches!(refused(ColumnType::Json, Value::Json("{".into())).kind(), ValueErrorKind::Unreadable { .. }));
    let list = ColumnType::List(&ElementType { ty: ColumnType::Text, nullable: false });
    assert_eq!(refused(list, Value::List(vec![Value::Null])).to_string(), "expected text, found null");
}

#[test]
fn an_integer_that_is_too_long_or_not_in_its_shortest_form_is_refused() {
    let number = |length: usize, last: u8| {
        let mut bytes = vec![0xFF; length - 1];
        bytes.push(last);
        bytes
    };
    assert_eq!(RowReader::new(&number(10, 1)).uint64(), Ok(u64::MAX));
    assert!(RowReader::new(&number(10, 2)).uint64().is_err());
    assert!(RowReader::new(&number(11, 1)).uint64().is_err());
    assert_eq!(RowReader::new(&number(19, 3)).uint(), Ok(u128::MAX));
    assert!(RowReader::new(&number(19, 4)).uint().is_err());
    assert!(RowReader::new(&number(20, 1)).uint().is_err());
    assert!(RowReader::new(&[0x85, 0]).uint64().is_err());
    assert!(RowReader::new(&[0x85, 0]).uint().is_err());
}

#[test]
fn a_null_takes_one_byte() {
    for ty in types() {
        assert_eq!(row(&[(ty, true, Value::Null)]), [0]);
    }
}

/// Stored rows outlive the program: these bytes may never change.
#[test]
fn the_bytes_are_as_documented() {
    let int = |signed| ColumnType::Int { bits: 64, signed };
    let list = ColumnType::List(&ElementType { ty: ColumnType::Text, nullable: true });
    let cases: [(ColumnType, bool, Value, &[u8]); 9] = [
        (ColumnType::Bool, true, Value::Bool(true), &[1, 1]),
        (int(true), false, Value::Int(-1), &[1]),
        (int(true), false, Value::Int(64), &[0x80, 1]),
        (int(false), false, Value::Int(300), &[0xAC, 2]),
        (ColumnType::F32, false, Value::Float(1.0), &[0, 0, 0x80, 0x3F]),
        (ColumnType::Text, false, Value::Text("Rex".into()), &[3, b'R', b'e', b'x']),
        (ColumnType::Date, false, Value::Date("1970-01-02".parse().unwrap()), &[1, 0, 0, 0]),
        (ColumnType::Timestamp, false, Value::Timestamp("1969-12-31T23:59:59.999999Z".parse().unwrap()), &[0xFF; 8]),
        (list, false, Value::List(vec![Value::Null, Value::Text("a".into())]), &[4, 0, 1, 1, b'a']),
    ];
    for (ty, nullable, value, bytes) in cases {
        assert_eq!(row(&[(ty, nullable, value)]), bytes, "{ty}");
    }
}

#[test]
fn a_row_with_a_value_that_failed_is_not_finished() {
    let mut writer = RowWriter::new();
    writer.fail(ValueError::malformed("a name", 1));
    writer.fail(ValueError::malformed("another", 2));
    assert_eq!(writer.clone().try_finish().unwrap_err(), ValueError::malformed("a name", 1));
    assert!(std::panic::catch_unwind(|| writer.finish()).is_err());
}
