//! Columns whose type is known only at run time: read, write, skip.

use super::super::{ColumnType, Label, ListRef, ValueError, ValueRef};
use super::{RowReader, RowWriter};

/// Reads the column that begins where `reader` stands; text, bytes and lists are borrowed from the row.
///
/// The label of an enum is not looked up, nor its place: what was stored was checked when it was written, perhaps by a later version
/// of the enum.
///
/// # Errors
/// Bytes that do not hold such a column.
#[inline]
pub fn read_column<'a>(reader: &mut RowReader<'a>, ty: ColumnType, nullable: bool) -> Result<ValueRef<'a>, ValueError> {
    if nullable && !reader.presence()? {
        return Ok(ValueRef::Null);
    }
    Ok(match ty {
        ColumnType::Bool => ValueRef::Bool(reader.bool()?),
        ColumnType::Int { bits, signed } => {
            let start = reader.position();
            let value = match (signed, bits) {
                (true, 0..=64) => ValueRef::Int(i128::from(reader.int64()?)),
                (true, _) => ValueRef::Int(reader.int()?),
                (false, 0..=64) => ValueRef::Int(i128::from(reader.uint64()?)),
                (false, _) => ValueRef::from(reader.uint()?),
            };
            if bits < 64 && !ty.holds_int(value) {
                return Err(ValueError::malformed("an integer too large for its column", start));
            }
            value
        }
        ColumnType::F32 => ValueRef::Float(f64::from(reader.f32()?)),
        ColumnType::F64 => ValueRef::Float(reader.f64()?),
        ColumnType::Text | ColumnType::Enum(_) => ValueRef::Text(reader.text()?),
        ColumnType::Bytes => ValueRef::Bytes(reader.bytes()?),
        ColumnType::Uuid => ValueRef::Uuid(reader.uuid()?),
        ColumnType::Date => ValueRef::Date(reader.date()?),
        ColumnType::Time => ValueRef::Time(reader.time()?),
        ColumnType::Timestamp => ValueRef::Timestamp(reader.timestamp()?),
        ColumnType::Json => ValueRef::Json(reader.json()?),
        ColumnType::OrderedEnum(labels) => ValueRef::Label(Label::at(read_place(reader)?, labels)),
        ColumnType::List(element) => {
            let bytes = reader.bytes()?;
            let start = reader.position() - bytes.len();
            ValueRef::List(ListRef::encoded(bytes, *element).map_err(|error| error.shifted(start))?)
        }
    })
}

/// Reads the place of an ordered enum's label.
///
/// # Errors
/// Bytes that do not hold one.
pub(crate) fn read_place(reader: &mut RowReader<'_>) -> Result<u16, ValueError> {
    let start = reader.position();
    u16::try_from(reader.uint64()?).map_err(|_| ValueError::malformed("a place too large for an enum", start))
}

/// Goes over the column that begins where `reader` stands. Looks only for its end: of text, bytes and lists only the
/// length is read.
///
/// # Errors
/// Bytes that are cut off, or a presence byte or integer that is none.
#[inline]
pub fn skip_column(reader: &mut RowReader<'_>, ty: ColumnType, nullable: bool) -> Result<(), ValueError> {
    if nullable && !reader.presence()? {
        return Ok(());
    }
    match ty {
        ColumnType::Bool => reader.advance(1),
        ColumnType::Int { bits: 0..=64, .. } | ColumnType::Time | ColumnType::OrderedEnum(_) => {
            reader.uint64().map(|_| ())
        }
        ColumnType::Int { .. } => reader.uint().map(|_| ()),
        ColumnType::F32 | ColumnType::Date => reader.advance(4),
        ColumnType::F64 | ColumnType::Timestamp => reader.advance(8),
        ColumnType::Uuid => reader.advance(16),
        ColumnType::Text | ColumnType::Enum(_) | ColumnType::Bytes | ColumnType::Json | ColumnType::List(_) => {
            reader.bytes().map(|_| ())
        }
    }
}

/// Writes `value` as a column of the type `ty`.
///
/// # Errors
/// As of [`ColumnType::check_ref`], and a NULL for a column that is not nullable; then nothing is written.
pub fn write_column(
    writer: &mut RowWriter,
    ty: ColumnType,
    nullable: bool,
    value: ValueRef<'_>,
) -> Result<(), ValueError> {
    if nullable && value.is_null() {
        writer.presence(false);
        return Ok(());
    }
    ty.check_ref(value)?;
    if nullable {
        writer.presence(true);
    }
    put(writer, ty, value);
    Ok(())
}

/// Puts a value that was checked.
fn put(writer: &mut RowWriter, ty: ColumnType, value: ValueRef<'_>) {
    match (ty, value) {
        (_, ValueRef::Bool(v)) => writer.bool(v),
        (ColumnType::Int { signed: true, .. }, ValueRef::Int(v)) => writer.int(v),
        (_, ValueRef::Int(v)) => writer.uint(v as u128),
        (_, ValueRef::Uint(v)) => writer.uint(v),
        (ColumnType::F32, ValueRef::Float(v)) => writer.f32(v as f32),
        (_, ValueRef::Float(v)) => writer.f64(v),
        (_, ValueRef::Text(v)) => writer.text(v),
        (_, ValueRef::Bytes(v)) => writer.bytes(v),
        (_, ValueRef::Uuid(v)) => writer.uuid(v),
        (_, ValueRef::Date(v)) => writer.date(v),
        (_, ValueRef::Time(v)) => writer.time(v),
        (_, ValueRef::Timestamp(v)) => writer.timestamp(v),
        (_, ValueRef::Json(v)) => writer.json(v),
        (_, ValueRef::Label(v)) => writer.uint64(u64::from(v.place())),
        (ColumnType::List(element), ValueRef::List(items)) => writer.list(|writer| {
            for item in items {
                if element.nullable {
                    writer.presence(!item.is_null());
                }
                put(writer, element.ty, item);
            }
        }),
        // Only an element can be null here, and its presence byte says so.
        (_, ValueRef::Null | ValueRef::List(_)) => {}
    }
}
