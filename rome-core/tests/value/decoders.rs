//! What must hold for any bytes at all. The bodies of the fuzz targets in `/fuzz`; `arbitrary_bytes` runs them for a
//! moment in each test run.

use rome_core::value::{
    ColumnType, ElementType, Field, RowReader, RowWriter, ValueRef, key, read_column, skip_column, write_column,
};

/// Keys: decoding and skipping agree, a decoded value encodes to the same bytes, and two keys are in the order of
/// their values.
pub fn keys(data: &[u8]) {
    let Some((&flags, data)) = data.split_first() else { return };
    let descending = flags & 1 == 1;
    let skipped = key::skip(data, descending);
    let Ok((value, length)) = key::decode(data, descending) else { return };
    assert_eq!(skipped, Ok(length), "skipping takes as many bytes as decoding");
    let mut again = Vec::new();
    key::encode(value.as_ref(), descending, &mut again);
    assert_eq!(again, data[..length], "a value has one encoding");
    let (first, rest) = data.split_at(length);
    if let Ok((next, length)) = key::decode(rest, descending) {
        let order = if descending { next.cmp(&value) } else { value.cmp(&next) };
        assert_eq!(first.cmp(&rest[..length]), order, "keys are in the order of their values");
    }
}

/// Rows: a layout is made of the first bytes, and the rest is read, skipped, and written again.
pub fn rows(data: &[u8]) {
    let Some((&columns, data)) = data.split_first() else { return };
    let Some((layout, row)) = data.split_at_checked(usize::from(columns % 16)) else { return };
    let mut reader = RowReader::new(row);
    for byte in layout {
        let (ty, nullable) = column(*byte);
        let (start, mut skipping) = (reader.position(), reader.clone());
        let skipped = skip_column(&mut skipping, ty, nullable);
        let Ok(value) = read_column(&mut reader, ty, nullable) else { return };
        assert!(skipped.is_ok() && skipping.position() == reader.position(), "skipping ends where reading does");
        if let ValueRef::List(list) = value {
            assert_eq!(list.iter().count(), list.len());
        }
        // Not written again: a label or JSON that was never checked.
        let mut writer = RowWriter::new();
        if write_column(&mut writer, ty, nullable, value).is_ok() {
            let again = writer.finish();
            let stored = &row[start..reader.position()];
            assert_eq!(again.len(), stored.len());
            assert_eq!(read_column(&mut RowReader::new(&again), ty, nullable), Ok(value));
        }
        assert_eq!(value.to_value().as_ref(), value);
    }
}

/// Fields: each Rust type reads what a column of its type reads, and writes it back.
pub fn fields(data: &[u8]) {
    fn check<T: Field>(data: &[u8]) {
        let (mut typed, mut dynamic) = (RowReader::new(data), RowReader::new(data));
        let read = read_column(&mut dynamic, T::TYPE, T::NULLABLE);
        // Only JSON is looked at more closely by a field than by a column.
        let Ok(field) = T::read(&mut typed) else {
            return assert!(read.is_err() || T::TYPE == ColumnType::Json);
        };
        assert_eq!(typed.position(), dynamic.position());
        if T::TYPE != ColumnType::Json {
            assert_eq!(Ok(field.to_value().as_ref()), read);
        }
        let mut writer = RowWriter::new();
        field.write(&mut writer);
        let again = writer.finish();
        let returned = T::read(&mut RowReader::new(&again)).map(|again| again.to_value());
        assert_eq!(returned, Ok(field.to_value()));
    }
    check::<Option<bool>>(data);
    check::<i8>(data);
    check::<i64>(data);
    check::<i128>(data);
    check::<u16>(data);
    check::<u128>(data);
    check::<f32>(data);
    check::<String>(data);
    check::<Vec<u8>>(data);
    check::<Vec<u16>>(data);
    check::<Vec<Option<String>>>(data);
    check::<Vec<Vec<u8>>>(data);
    check::<uuid::Uuid>(data);
    check::<chrono::NaiveDate>(data);
    check::<Option<chrono::NaiveTime>>(data);
    check::<chrono::DateTime<chrono::Utc>>(data);
    check::<serde_json::Value>(data);
}

/// Text of requests and catalogs: what reads as a value fits its type, and the name of a type reads as the type.
pub fn text(data: &[u8]) {
    let Some((&byte, data)) = data.split_first() else { return };
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (ty, _) = column(byte);
    if let Ok(value) = ty.parse(text) {
        assert_eq!(ty.check(&value), Ok(()));
    }
    if let Ok(named) = ColumnType::from_name(text) {
        assert_eq!(ColumnType::from_name(&named.name()), Ok(named));
    }
}

const SCALARS: &[ColumnType] = &[
    ColumnType::Bool,
    ColumnType::Int { bits: 8, signed: true },
    ColumnType::Int { bits: 64, signed: true },
    ColumnType::Int { bits: 128, signed: true },
    ColumnType::Int { bits: 16, signed: false },
    ColumnType::Int { bits: 64, signed: false },
    ColumnType::Int { bits: 128, signed: false },
    ColumnType::F32,
    ColumnType::F64,
    ColumnType::Text,
    ColumnType::Bytes,
    ColumnType::Uuid,
    ColumnType::Date,
    ColumnType::Time,
    ColumnType::Timestamp,
    ColumnType::Json,
    ColumnType::Enum(&["a", "b"]),
    ColumnType::OrderedEnum(&["a", "b"]),
];
const LISTS: &[ColumnType] = &[
    ColumnType::List(&ElementType { ty: ColumnType::Bool, nullable: true }),
    ColumnType::List(&ElementType { ty: ColumnType::Text, nullable: false }),
    ColumnType::List(&ElementType { ty: ColumnType::Int { bits: 32, signed: true }, nullable: true }),
    ColumnType::List(&ElementType { ty: ColumnType::Date, nullable: false }),
];

fn column(byte: u8) -> (ColumnType, bool) {
    let index = usize::from(byte >> 1) % (SCALARS.len() + LISTS.len());
    let ty = SCALARS.get(index).unwrap_or_else(|| &LISTS[index - SCALARS.len()]);
    (*ty, byte & 1 == 1)
}
