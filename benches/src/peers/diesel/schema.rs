//! What `diesel print-schema` gives for this database.

diesel::table! {
    images (id) {
        id -> Binary,
        name -> Text,
        status -> Text,
        owner -> Text,
        visibility -> Text,
        disk_format -> Text,
        size -> BigInt,
        checksum -> Nullable<Text>,
        min_ram -> Integer,
        protected -> Bool,
        created_at -> BigInt,
        updated_at -> BigInt,
    }
}

diesel::table! {
    properties (image_id, name) {
        image_id -> Binary,
        name -> Text,
        value -> Text,
    }
}

diesel::table! {
    counters (id) {
        id -> Integer,
        value -> BigInt,
    }
}

diesel::joinable!(properties -> images (image_id));
diesel::allow_tables_to_appear_in_same_query!(images, properties);
