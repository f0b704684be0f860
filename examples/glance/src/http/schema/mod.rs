//! The JSON schemas: what is published under `/v2/schemas`, and what requests are checked against. One document is both.

mod image;
mod member;
mod metadefs;
mod task;
mod validate;

use std::collections::HashMap;
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
static TASK: LazyLock<Value> = LazyLock::new(task::schema);

/// The published documents by name.
///
/// # Errors
/// 404 for any other name.
pub fn document(name: &str) -> ApiResult<Bytes> {
    static DOCUMENTS: LazyLock<HashMap<String, Bytes>> = LazyLock::new(|| {
        let mut documents = HashMap::new();
        let mut publish = |folder: &str, one: &str, all: &str, schema: &Value| {
            documents.insert(format!("{folder}{one}"), Bytes::from(schema.to_string()));
            documents.insert(format!("{folder}{all}"), Bytes::from(collection(all, schema).to_string()));
        };
        publish("", "image", "images", &IMAGE);
        publish("", "member", "members", &member::schema());
        publish("", "task", "tasks", &TASK);
        for (one, all, schema) in metadefs::schemas() {
            publish("metadefs/", one, all, &schema);
        }
        documents
    });
    let found = DOCUMENTS.get(name).cloned();
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

/// Checks a new task against the schema.
///
/// # Errors
/// 400, saying what is wrong with which value.
pub fn check_task(task: &Value) -> ApiResult<()> {
    validate::check(&TASK, task)
        .map_err(|wrong| ApiError::bad_request(format!("Provided object does not match schema 'task': {wrong}")))
}

/// Checks a metadata definition against the schema of its kind.
///
/// # Errors
/// 400, saying what is wrong with which value.
pub fn check_metadef(kind: &str, value: &Value) -> ApiResult<()> {
    static SCHEMAS: LazyLock<HashMap<&str, Value>> = LazyLock::new(|| {
        let each = metadefs::schemas().into_iter().map(|(one, _, schema)| (one, schema));
        each.chain([("tags", metadefs::tags())]).collect()
    });
    let checked = SCHEMAS.get(kind).map_or(Ok(()), |schema| validate::check(schema, value));
    checked.map_err(|wrong| ApiError::bad_request(format!("Provided object does not match schema '{kind}': {wrong}")))
}

/// What begins so is of the service itself.
const RESERVED: &str = "os_glance";

/// Checks that a text that stands in URLs, lists and logs has no control characters.
///
/// # Errors
/// 400.
pub fn check_printable(what: &str, text: &str) -> ApiResult<()> {
    if text.chars().any(char::is_control) {
        return Err(ApiError::bad_request(format!("{what} must not have control characters: {text}")));
    }
    Ok(())
}

/// Checks that an attribute may be set by a request.
///
/// # Errors
/// 403 if it is one of the read-only ones, or reserved; 400 for a name that no property can have.
pub fn check_writable(name: &str, read_only: &[&str]) -> ApiResult<()> {
    if read_only.contains(&name) {
        return Err(ApiError::forbidden(format!("Attribute '{name}' is read-only.")));
    }
    let begins = name.get(..RESERVED.len()).unwrap_or_default();
    if matches!(name, "location" | "deleted" | "deleted_at") || begins.eq_ignore_ascii_case(RESERVED) {
        return Err(ApiError::forbidden(format!("Attribute '{name}' is reserved.")));
    }
    if name.is_empty() {
        return Err(ApiError::bad_request("A custom property has a name of at least one character."));
    }
    check_printable("The name of a custom property", name)?;
    if name.chars().count() > 255 {
        return Err(ApiError::bad_request("Custom property should not be greater than 255 characters."));
    }
    Ok(())
}
