//! The structs that diesel loads and inserts. Times are integers, which is faster than the text that diesel's own time
//! types become in SQLite.

use anyhow::{Context, Error, Result};
use chrono::DateTime;
use diesel::{
    backend::Backend,
    deserialize::{self, FromSql, FromSqlRow},
    expression::AsExpression,
    prelude::*,
    serialize::{self, Output, ToSql},
    sql_types::Binary,
    sqlite::Sqlite,
};
use uuid::Uuid;

use super::schema::{images, properties};
use crate::model::{Image, Property};

/// A UUID as the 16 bytes that it is; diesel has UUIDs of its own for PostgreSQL only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, AsExpression, FromSqlRow)]
#[diesel(sql_type = Binary)]
pub struct Key(pub Uuid);

impl FromSql<Binary, Sqlite> for Key {
    fn from_sql(mut value: <Sqlite as Backend>::RawValue<'_>) -> deserialize::Result<Self> {
        Ok(Self(Uuid::from_slice(value.read_blob())?))
    }
}

impl ToSql<Binary, Sqlite> for Key {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        <[u8] as ToSql<Binary, Sqlite>>::to_sql(self.0.as_bytes(), out)
    }
}

/// A row of `images`.
#[derive(Clone, Debug, Queryable, Selectable, Identifiable, Insertable)]
#[diesel(table_name = images, check_for_backend(Sqlite))]
pub struct ImageRow {
    pub id: Key,
    pub name: String,
    pub status: String,
    pub owner: String,
    pub visibility: String,
    pub disk_format: String,
    pub size: i64,
    pub checksum: Option<String>,
    pub min_ram: i32,
    pub protected: bool,
    pub created_at: i64,
    pub updated_at: i64,
}

/// A row of `properties`.
#[derive(Clone, Debug, Queryable, Selectable, Identifiable, Insertable, Associations)]
#[diesel(table_name = properties, primary_key(image_id, name), check_for_backend(Sqlite))]
#[diesel(belongs_to(ImageRow, foreign_key = image_id))]
pub struct PropertyRow {
    pub image_id: Key,
    pub name: String,
    pub value: String,
}

impl From<Image> for ImageRow {
    fn from(image: Image) -> Self {
        Self {
            id: Key(image.id),
            name: image.name,
            status: image.status,
            owner: image.owner,
            visibility: image.visibility,
            disk_format: image.disk_format,
            size: image.size,
            checksum: image.checksum,
            min_ram: image.min_ram as i32,
            protected: image.protected,
            created_at: image.created_at.timestamp_micros(),
            updated_at: image.updated_at.timestamp_micros(),
        }
    }
}

impl TryFrom<ImageRow> for Image {
    type Error = Error;

    fn try_from(row: ImageRow) -> Result<Self> {
        Ok(Self {
            id: row.id.0,
            name: row.name,
            status: row.status,
            owner: row.owner,
            visibility: row.visibility,
            disk_format: row.disk_format,
            size: row.size,
            checksum: row.checksum,
            min_ram: row.min_ram as u32,
            protected: row.protected,
            created_at: DateTime::from_timestamp_micros(row.created_at).context("created_at is not a time")?,
            updated_at: DateTime::from_timestamp_micros(row.updated_at).context("updated_at is not a time")?,
            properties: Default::default(),
        })
    }
}

impl From<Property> for PropertyRow {
    fn from(property: Property) -> Self {
        Self { image_id: Key(property.image_id), name: property.name, value: property.value }
    }
}

impl From<PropertyRow> for Property {
    fn from(row: PropertyRow) -> Self {
        Self { image_id: row.image_id.0, name: row.name, value: row.value }
    }
}
