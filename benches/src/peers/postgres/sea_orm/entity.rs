//! The entities, as `sea-orm-cli generate entity` writes them.

pub mod images {
    use chrono::{DateTime, Utc};
    use sea_orm::entity::prelude::*;

    use crate::model::Image;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "images")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        #[sea_orm(column_type = "Text")]
        pub name: String,
        #[sea_orm(column_type = "Text")]
        pub status: String,
        #[sea_orm(column_type = "Text")]
        pub owner: String,
        #[sea_orm(column_type = "Text")]
        pub visibility: String,
        #[sea_orm(column_type = "Text")]
        pub disk_format: String,
        pub size: i64,
        #[sea_orm(column_type = "Text", nullable)]
        pub checksum: Option<String>,
        pub min_ram: i32,
        pub protected: bool,
        pub created_at: DateTime<Utc>,
        pub updated_at: DateTime<Utc>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}

    impl From<Image> for Model {
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

    impl From<Model> for Image {
        fn from(row: Model) -> Self {
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
}

pub mod counters {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "counters")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: i32,
        pub value: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}
