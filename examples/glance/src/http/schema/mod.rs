//! The JSON schemas: what is published under `/v2/schemas`, and what requests are checked against. One document is both.

mod image;
mod member;
mod validate;

use std::sync::LazyLock;

use bytes::Bytes;
use serde_json::{Value, json};

use super::error::{ApiError, ApiResult};

/// Attributes that no request sets after an image was made.
pub const READ_ONLY: &[&str] = &[
    "created_at",
    "updated_at",
    "status",
    "checksum",
    "size",
    "virtual_size",
    "direct_url",
    "self",
    "file",
    "schema",
    "stores",
    "id",
    "os_hash_algo",
    "os_hash_value",
];
/// Attributes that no request sets when it makes an image.
pub const NOT_CREATED: &[&str] = &["direct_url", "self", "file", "schema", "stores"];

static IMAGE: LazyLock<Value> = LazyLock::new(image::schema);

/// The published documents by name.
///
/// # Errors
/// 404 for any other name.
pub fn document(name: &str) -> ApiResult<Bytes> {
    static DOCUMENTS: LazyLock<[(&str, Bytes); 4]> = LazyLock::new(|| {
        let text = |value: &Value| Bytes::from(value.to_string());
        [
            ("image", text(&IMAGE)),
            ("images", text(&collection("images", &IMAGE))),
            ("member", text(&member::schema())),
            ("members", text(&collection("members", &member::schema()))),
        ]
    });
    let found = DOCUMENTS.iter().find(|(own, _)| *own == name).map(|(_, document)| document.clone());
    found.ok_or_else(|| ApiError::not_found(format!("There is no schema {name}.")))
}

fn collection(name: &str, item: &Value) -> Value {
    json!({
        "name": name,
        "properties": {
            name: {"type": "array", "items": item},
            "first": {"type": "string"},
            "next": {"type": "string"},
            "schema": {"type": "string"},
        },
        "links": [
            {"rel": "first", "href": "{first}"},
            {"rel": "next", "href": "{next}"},
            {"rel": "describedby", "href": "{schema}"},
        ],
    })
}

/// Checks a whole or partial image against the schema.
///
/// # Errors
/// 400, saying what is wrong with which value.
pub fn check_image(image: &Value) -> ApiResult<()> {
    validate::check(&IMAGE, image)
        .map_err(|wrong| ApiError::bad_request(format!("Provided object does not match schema 'image': {wrong}")))
}

/// Checks that an attribute may be set by a request.
///
/// # Errors
/// 403 if it is one of the read-only ones, or reserved.
pub fn check_writable(name: &str, read_only: &[&str]) -> ApiResult<()> {
    if read_only.contains(&name) {
        return Err(ApiError::forbidden(format!("Attribute '{name}' is read-only.")));
    }
    if matches!(name, "location" | "deleted" | "deleted_at") || name.starts_with("os_glance") {
        return Err(ApiError::forbidden(format!("Attribute '{name}' is reserved.")));
    }
    if name.chars().count() > 255 {
        return Err(ApiError::bad_request("Custom property should not be greater than 255 characters."));
    }
    Ok(())
}
