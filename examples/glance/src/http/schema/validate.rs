//! The part of JSON Schema that our documents use: types, enums, lengths, one pattern, items, properties.

use serde_json::Value;

/// The one pattern: a UUID.
pub(super) const UUID: &str = "^([0-9a-fA-F]){8}-([0-9a-fA-F]){4}-([0-9a-fA-F]){4}-([0-9a-fA-F]){4}-([0-9a-fA-F]){12}$";

/// Checks a value against a schema; the error says what is wrong.
pub(super) fn check(schema: &Value, value: &Value) -> Result<(), String> {
    if let Some(types) = schema.get("type") {
        let names = types.as_array().map_or(std::slice::from_ref(types), Vec::as_slice);
        if !names.iter().filter_map(Value::as_str).any(|name| is_a(name, value)) {
            return Err(format!("{value} is not of type {types}"));
        }
    }
    if let Some(values) = schema.get("enum").and_then(Value::as_array)
        && !values.contains(value)
    {
        return Err(format!("{value} is not one of {}", Value::from(values.clone())));
    }
    match value {
        Value::String(text) => check_text(schema, text),
        Value::Array(items) => {
            schema.get("items").map_or(Ok(()), |schema| items.iter().try_for_each(|item| check(schema, item)))
        }
        Value::Object(_) => check_object(schema, value),
        _ => Ok(()),
    }
}

fn is_a(name: &str, value: &Value) -> bool {
    match name {
        "null" => value.is_null(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => false,
    }
}

fn check_text(schema: &Value, text: &str) -> Result<(), String> {
    let limit = |name| schema.get(name).and_then(Value::as_u64);
    let length = || text.chars().count() as u64;
    if limit("maxLength").is_some_and(|most| length() > most) {
        return Err(format!("{} is too long", Value::from(text)));
    }
    if limit("minLength").is_some_and(|least| length() < least) {
        return Err(format!("{} is too short", Value::from(text)));
    }
    if schema.get("pattern").is_some() && !is_uuid(text) {
        return Err(format!("{} does not match {UUID}", Value::from(text)));
    }
    Ok(())
}

fn check_object(schema: &Value, value: &Value) -> Result<(), String> {
    for name in schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str) {
        if value.get(name).is_none() {
            return Err(format!("'{name}' is a required property"));
        }
    }
    let (known, others) = (schema.get("properties"), schema.get("additionalProperties"));
    for (name, value) in value.as_object().into_iter().flatten() {
        match (known.and_then(|known| known.get(name)), others) {
            (None, Some(Value::Bool(false))) => return Err(format!("Additional property '{name}' was unexpected")),
            (None, None | Some(Value::Bool(true))) => {}
            (Some(schema), _) | (None, Some(schema)) => {
                check(schema, value).map_err(|wrong| format!("{wrong}, in property '{name}'"))?;
            }
        }
    }
    Ok(())
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::IMAGE;
    use super::check;

    #[test]
    fn images_are_checked_attribute_by_attribute() {
        for good in [
            json!({}),
            json!({"name": null, "min_disk": 1, "protected": true, "tags": ["a"], "color": "red"}),
            json!({"id": "71c675ab-d94f-49cd-a114-e12490b328d9", "disk_format": null}),
            json!({"locations": [{"url": "http://a", "metadata": {}}]}),
        ] {
            assert_eq!(check(&IMAGE, &good), Ok(()), "{good}");
        }
        for bad in [
            json!([]),
            json!({"name": 5}),
            json!({"name": "x".repeat(256)}),
            json!({"min_disk": 1.5}),
            json!({"min_disk": true}),
            json!({"id": "71c675ab"}),
            json!({"disk_format": "floppy"}),
            json!({"tags": [1]}),
            json!({"color": 3}),
            json!({"locations": [{"url": "http://a"}]}),
            json!({"locations": [{"url": "http://a", "metadata": {}, "validation_data": {"x": 1}}]}),
        ] {
            assert!(check(&IMAGE, &bad).is_err(), "{bad}");
        }
    }
}
