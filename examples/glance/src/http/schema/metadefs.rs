//! The schemas of metadata definitions.

use serde_json::{Map, Value, json};

fn text(most: u32) -> Value {
    json!({"type": "string", "maxLength": most})
}

fn optional(most: u32) -> Value {
    json!({"type": ["null", "string"], "maxLength": most})
}

fn read_only() -> Value {
    json!({"type": "string", "readOnly": true})
}

/// The schema of each kind by its name.
pub(super) fn schemas() -> [(&'static str, &'static str, Value); 5] {
    [
        ("namespace", "namespaces", namespace()),
        ("object", "objects", object()),
        ("property", "properties", property()),
        ("tag", "tags", tag()),
        ("resource_type", "resource_types", resource_type()),
    ]
}

/// The tags that are given together.
pub(super) fn tags() -> Value {
    json!({
        "type": "object",
        "required": ["tags"],
        "properties": {"tags": {"type": "array", "items": tag()}},
    })
}

fn namespace() -> Value {
    json!({
        "name": "namespace",
        "type": "object",
        "additionalProperties": false,
        "required": ["namespace"],
        "properties": {
            "namespace": text(80),
            "display_name": optional(80),
            "description": optional(500),
            "visibility": {"type": "string", "enum": ["public", "private"]},
            "protected": {"type": "boolean"},
            "owner": text(255),
            "self": read_only(),
            "schema": read_only(),
            "created_at": read_only(),
            "updated_at": read_only(),
            "objects": {"type": "array", "items": object()},
            "properties": {"type": "object"},
            "tags": {"type": "array", "items": tag()},
            "resource_type_associations": {"type": "array", "items": resource_type()},
        },
    })
}

fn object() -> Value {
    json!({
        "name": "object",
        "type": "object",
        "additionalProperties": false,
        "required": ["name"],
        "properties": {
            "name": text(80),
            "description": {"type": ["null", "string"]},
            "required": {"type": "array", "items": {"type": "string"}},
            "properties": {"type": "object", "additionalProperties": definition(Map::new(), &["title", "type"])},
            "self": read_only(),
            "schema": read_only(),
            "created_at": read_only(),
            "updated_at": read_only(),
        },
    })
}

fn property() -> Value {
    let name = Map::from_iter([("name".to_owned(), text(80))]);
    let mut schema = definition(name, &["name", "title", "type"]);
    schema["name"] = "property".into();
    schema
}

/// The schema of a property: a part of JSON Schema.
fn definition(more: Map<String, Value>, required: &[&str]) -> Value {
    let types = ["array", "boolean", "integer", "number", "object", "string", "null"];
    let mut properties = json!({
        "title": {"type": "string"},
        "description": {"type": "string"},
        "operators": {"type": "array", "items": {"type": "string"}},
        "type": {"type": "string", "enum": types},
        "required": {"type": "array", "items": {"type": "string"}},
        "minimum": {},
        "maximum": {},
        "maxLength": {"type": "integer"},
        "minLength": {"type": "integer"},
        "pattern": {"type": "string"},
        "enum": {"type": "array"},
        "readonly": {"type": "boolean"},
        "default": {},
        "items": {"type": "object"},
        "maxItems": {"type": "integer"},
        "minItems": {"type": "integer"},
        "uniqueItems": {"type": "boolean"},
        "additionalItems": {"type": "boolean"},
    });
    properties.as_object_mut().into_iter().for_each(|own| own.extend(more.clone()));
    json!({"type": "object", "additionalProperties": false, "required": required, "properties": properties})
}

fn tag() -> Value {
    json!({
        "name": "tag",
        "type": "object",
        "additionalProperties": false,
        "required": ["name"],
        "properties": {"name": text(80), "created_at": read_only(), "updated_at": read_only()},
    })
}

fn resource_type() -> Value {
    json!({
        "name": "resource_type_association",
        "type": "object",
        "additionalProperties": false,
        "required": ["name"],
        "properties": {
            "name": text(80),
            "prefix": optional(80),
            "properties_target": optional(80),
            "created_at": read_only(),
            "updated_at": read_only(),
        },
    })
}
