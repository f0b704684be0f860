//! The schema of an image's member.

use serde_json::{Value, json};

pub(super) fn schema() -> Value {
    json!({
        "name": "member",
        "properties": {
            "member_id": {"type": "string", "description": "An identifier for the image member (tenantId)"},
            "image_id": {"type": "string", "description": "An identifier for the image", "pattern": super::validate::UUID},
            "created_at": {"type": "string", "description": "Date and time of image member creation"},
            "updated_at": {"type": "string", "description": "Date and time of last modification of image member"},
            "status": {
                "type": "string", "description": "The status of this image member",
                "enum": ["pending", "accepted", "rejected"],
            },
            "schema": {"type": "string", "readOnly": true},
        },
    })
}
