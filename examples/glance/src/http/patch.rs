//! JSON patches: what a request asks to change, read and checked before any image is looked at.

use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;

use super::error::{ApiError, ApiResult};
use super::schema;

/// One change of an image.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// What is done.
    pub op: Op,
    /// The attribute or property.
    pub name: String,
    /// The place in the list of locations.
    pub position: Option<String>,
}

/// What is done to an attribute.
#[derive(Debug, Clone, PartialEq)]
pub enum Op {
    /// Sets it; with the older media type only if it is not there.
    Add {
        /// The value.
        value: Value,
        /// An attribute that is there already is a conflict.
        strict: bool,
    },
    /// Sets it if it is there.
    Replace(Value),
    /// Removes it.
    Remove,
}

/// Which form the operations have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// `{"op": "add", "path": .., "value": ..}`.
    V21,
    /// `{"add": path, "value": ..}`.
    V20,
}

/// The form that the media type of a request says.
///
/// # Errors
/// 415 for another media type.
pub fn form(headers: &HeaderMap) -> ApiResult<Form> {
    let media = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    match media.split(';').next().unwrap_or_default().trim() {
        "application/openstack-images-v2.1-json-patch" => Ok(Form::V21),
        "application/openstack-images-v2.0-json-patch" => Ok(Form::V20),
        _ => {
            let accepted = "application/openstack-images-v2.0-json-patch, application/openstack-images-v2.1-json-patch";
            Err(ApiError::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                format!("A patch has one of the media types {accepted}."),
            )
            .with_header(HeaderName::from_static("accept-patch"), HeaderValue::from_static(accepted)))
        }
    }
}

/// Reads the operations of a patch.
///
/// # Errors
/// 400 for anything malformed, 403 for an attribute that is read-only or reserved.
pub fn parse(body: &Value, form: Form) -> ApiResult<Vec<Change>> {
    let Some(operations) = body.as_array() else {
        return Err(ApiError::bad_request("Request body must be a JSON array of operation objects."));
    };
    operations.iter().map(|operation| change(operation, form)).collect()
}

fn change(operation: &Value, form: Form) -> ApiResult<Change> {
    let Some(object) = operation.as_object() else {
        return Err(ApiError::bad_request("Operations must be JSON objects."));
    };
    let (op, pointer) = match form {
        Form::V21 => {
            let op = object.get("op").and_then(Value::as_str).ok_or_else(|| {
                ApiError::bad_request(
                    "Unable to find `op` in JSON Schema change. It must be one of the following: add, remove, replace.",
                )
            })?;
            let path = object
                .get("path")
                .ok_or_else(|| ApiError::bad_request("Unable to find 'path' in JSON Schema change"))?;
            (op, path)
        }
        Form::V20 => {
            let mut found = ["add", "remove", "replace"].into_iter().filter_map(|op| Some((op, object.get(op)?)));
            match (found.next(), found.next()) {
                (Some(one), None) => one,
                _ => {
                    return Err(ApiError::bad_request(
                        "Operation objects must contain exactly one member named \"add\", \"remove\", or \"replace\".",
                    ));
                }
            }
        }
    };
    let value = || {
        object
            .get("value")
            .cloned()
            .ok_or_else(|| ApiError::bad_request(format!("Operation \"{op}\" requires a member named \"value\".")))
    };
    let (name, position) = path(op, pointer)?;
    let op = match op {
        "add" => Op::Add { value: value()?, strict: form == Form::V20 },
        "replace" => Op::Replace(value()?),
        "remove" => Op::Remove,
        other => {
            return Err(ApiError::bad_request(format!(
                "Invalid operation: `{other}`. It must be one of the following: add, remove, replace."
            )));
        }
    };
    let change = Change { op, name, position };
    change.check()?;
    Ok(change)
}

impl Change {
    fn check(&self) -> ApiResult<()> {
        schema::check_writable(&self.name, schema::READ_ONLY)?;
        let value = match &self.op {
            Op::Add { value, .. } | Op::Replace(value) => value.clone(),
            Op::Remove => return Ok(()),
        };
        // A position adds one element to a list.
        let value = if self.position.is_some() { Value::Array(vec![value]) } else { value };
        schema::check_image(&Value::Object([(self.name.clone(), value)].into_iter().collect()))
    }
}

/// Splits a JSON pointer. Only locations have a second part, and only where one of them is added or removed.
fn path(op: &str, pointer: &Value) -> ApiResult<(String, Option<String>)> {
    let pointer = pointer.as_str().ok_or_else(|| ApiError::bad_request("A path must be a string."))?;
    let wrong = |why: &str| ApiError::bad_request(format!("Pointer `{pointer}` {why}"));
    let parts = pointer.strip_prefix('/').ok_or_else(|| wrong("does not start with \"/\"."))?;
    let mut parts = parts.split('/').map(|part| {
        if part.trim().is_empty() {
            return Err(wrong("has an empty part."));
        }
        if part.split('~').skip(1).any(|rest| !rest.starts_with(['0', '1'])) {
            return Err(wrong("contains \"~\" not part of a recognized escape sequence."));
        }
        Ok(part.replace("~1", "/").replace("~0", "~").trim().to_owned())
    });
    let name = parts.next().transpose()?.unwrap_or_default();
    let position = parts.next().transpose()?;
    let second = name == "locations" && op != "replace";
    if parts.next().is_some() || position.is_some() != second {
        return Err(ApiError::bad_request(format!("Invalid JSON pointer for this resource: '{pointer}'")));
    }
    Ok((name, position))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use serde_json::json;

    use super::{Change, Form, Op, parse};

    #[test]
    fn both_forms_say_the_same() {
        let new = parse(&json!([{"op": "replace", "path": "/a~1b", "value": "x"}]), Form::V21).unwrap();
        let old = parse(&json!([{"replace": "/a~1b", "value": "x"}]), Form::V20).unwrap();
        assert_eq!(new, [Change { op: Op::Replace(json!("x")), name: "a/b".into(), position: None }]);
        assert_eq!(new, old);
    }

    #[test]
    fn malformed_patches_are_refused() {
        for (patch, status) in [
            (json!({}), 400),
            (json!(["x"]), 400),
            (json!([{"path": "/name", "value": "x"}]), 400),
            (json!([{"op": "move", "path": "/name", "value": "x"}]), 400),
            (json!([{"op": "add", "value": "x"}]), 400),
            (json!([{"op": "add", "path": 5, "value": "x"}]), 400),
            (json!([{"op": "add", "path": "name", "value": "x"}]), 400),
            (json!([{"op": "add", "path": "/a//b", "value": "x"}]), 400),
            (json!([{"op": "add", "path": "/", "value": "x"}]), 400),
            (json!([{"op": "add", "path": "/a~2", "value": "x"}]), 400),
            (json!([{"op": "add", "path": "/a/b", "value": "x"}]), 400),
            (json!([{"op": "add", "path": "/name"}]), 400),
            (json!([{"op": "add", "path": "/name", "value": 5}]), 400),
            (json!([{"op": "add", "path": "/color", "value": null}]), 400),
            (json!([{"op": "replace", "path": "/min_disk", "value": "x"}]), 400),
            (json!([{"op": "replace", "path": "/visibility", "value": "secret"}]), 400),
            (json!([{"op": "replace", "path": "/status", "value": "active"}]), 403),
            (json!([{"op": "remove", "path": "/id"}]), 403),
            (json!([{"op": "add", "path": "/os_glance_x", "value": "x"}]), 403),
            (json!([{"op": "add", "path": "/deleted", "value": "x"}]), 403),
        ] {
            assert_eq!(parse(&patch, Form::V21).unwrap_err().status(), status, "{patch}");
        }
        assert_eq!(parse(&json!([{"add": "/a", "remove": "/b"}]), Form::V20).unwrap_err().status(), 400);
    }
}
