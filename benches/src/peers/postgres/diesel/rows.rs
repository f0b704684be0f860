//! What `diesel print-schema` gives for this database, and the struct that diesel loads and inserts.

use chrono::{DateTime, Utc};
use diesel::{pg::Pg, prelude::*};
use uuid::Uuid;

use crate::model::Image;

diesel::table! {
    images (id) {
        id -> Uuid,
        name -> Text,
        status -> Text,
        owner -> Text,
        visibility -> Text,
        disk_format -> Text,
        size -> BigInt,
        checksum -> Nullable<Text>,
        min_ram -> Integer,
        protected -> Bool,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    counters (id) {
        id -> Integer,
        value -> BigInt,
    }
}

/// A row of `images`.
#[derive(Clone, Debug, Queryable, Selectable, Identifiable, Insertable)]
#[diesel(table_name = images, check_for_backend(Pg))]
pub struct ImageRow {
    pub id: Uuid,
    pub name: String,
    pub status: String,
    pub owner: String,
    pub visibility: String,
    pub disk_format: String,
    pub size: i64,
    pub checksum: Option<String>,
    pub min_ram: i32,
    pub protected: bool,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl From<Image> for ImageRow {
    fn from(image: Image) -> Self {
        Self {
            id: image.id,
            name: image.name,
            status: image.status,
            owner: image.owner,
            visibility: image.visibility,
            disk_format: image.disk_format,
            size: image.size,
            checksum: image.checksum,
            min_ram: image.min_ram as i32,
            protected: image.protected,
            created_at: image.created_at,
            updated_at: image.updated_at,
        }
    }
}

impl From<ImageRow> for Image {
    fn from(row: ImageRow) -> Self {
        Self {
            id: row.id,
            name: row.name,
            status: row.status,
            owner: row.owner,
            visibility: row.visibility,
            disk_format: row.disk_format,
            size: row.size,
            checksum: row.checksum,
            min_ram: row.min_ram as u32,
            protected: row.protected,
            created_at: row.created_at,
            updated_at: row.updated_at,
            properties: Default::default(),
        }
    }
}
