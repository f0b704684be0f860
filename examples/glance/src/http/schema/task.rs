//! The schema of a task.

use serde_json::{Value, json};

pub(super) fn schema() -> Value {
    let text = json!({"type": ["null", "string"]});
    json!({
        "name": "task",
        "type": "object",
        "required": ["type", "input"],
        "properties": {
            "id": {"type": "string", "description": "An identifier for the task", "readOnly": true},
            "type": {
                "type": "string", "description": "The type of task represented by this content",
                "enum": ["import", "export", "clone", "api_image_import", "location_import"],
            },
            "status": {
                "type": "string", "description": "The current status of this task", "readOnly": true,
                "enum": ["pending", "processing", "success", "failure"],
            },
            "input": {"type": ["null", "object"], "description": "The parameters required by task, JSON blob"},
            "result": {"type": ["null", "object"], "description": "The result of current task, JSON blob", "readOnly": true},
            "owner": {"type": "string", "description": "An identifier for the owner of this task", "readOnly": true},
            "message": {"type": "string", "description": "Human-readable informative message only included when appropriate (usually on failure)", "readOnly": true},
            "image_id": text,
            "request_id": text,
            "user_id": text,
            "expires_at": text,
            "created_at": {"type": "string", "readOnly": true},
            "updated_at": {"type": "string", "readOnly": true},
            "self": {"type": "string", "readOnly": true},
            "schema": {"type": "string", "readOnly": true},
        },
    })
}
