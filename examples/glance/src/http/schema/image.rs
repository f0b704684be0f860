//! The schema of an image.

use serde_json::{Value, json};

/// The container formats that are known.
const CONTAINER_FORMATS: [&str; 8] = ["ami", "ari", "aki", "bare", "ovf", "ova", "docker", "compressed"];
/// The disk formats that are known.
const DISK_FORMATS: [&str; 13] =
    ["ami", "ari", "aki", "vhd", "vhdx", "vmdk", "raw", "qcow2", "vdi", "iso", "ploop", "gpt", "luks"];

fn text(description: &str, most: u32) -> Value {
    json!({"type": ["null", "string"], "description": description, "maxLength": most})
}

fn read_only(mut schema: Value) -> Value {
    schema["readOnly"] = true.into();
    schema
}

fn one_of(description: &str, values: &[&str]) -> Value {
    let values: Vec<Value> = [Value::Null].into_iter().chain(values.iter().map(|value| json!(value))).collect();
    json!({"type": ["null", "string"], "description": description, "enum": values})
}

/// A property that is not the service's own but well known; clients show its description.
fn known(mut schema: Value) -> Value {
    schema["is_base"] = false.into();
    schema
}

pub(super) fn schema() -> Value {
    json!({
        "name": "image",
        "type": "object",
        "properties": {
            "id": {"type": "string", "description": "An identifier for the image", "pattern": super::validate::UUID},
            "name": text("Descriptive name for the image", 255),
            "status": read_only(json!({
                "type": "string", "description": "Status of the image",
                "enum": ["queued", "saving", "active", "killed", "deleted", "uploading", "importing", "pending_delete",
                         "deactivated"],
            })),
            "visibility": {
                "type": "string", "description": "Scope of image accessibility",
                "enum": ["community", "public", "private", "shared"],
            },
            "protected": {"type": "boolean", "description": "If true, image will not be deletable."},
            "os_hidden": {
                "type": "boolean", "description": "If true, image will not appear in default image list response.",
            },
            "checksum": read_only(text("md5 hash of image contents.", 32)),
            "os_hash_algo": read_only(text("Algorithm to calculate the os_hash_value", 64)),
            "os_hash_value": read_only(text(
                "Hexdigest of the image contents using the algorithm specified by the os_hash_algo", 128)),
            "owner": text("Owner of the image", 255),
            "size": read_only(json!({"type": ["null", "integer"], "description": "Size of image file in bytes"})),
            "virtual_size":
                read_only(json!({"type": ["null", "integer"], "description": "Virtual size of image in bytes"})),
            "container_format": one_of("Format of the container", &CONTAINER_FORMATS),
            "disk_format": one_of("Format of the disk", &DISK_FORMATS),
            "created_at": read_only(json!({"type": "string", "description": "Date and time of image registration"})),
            "updated_at":
                read_only(json!({"type": "string", "description": "Date and time of the last image modification"})),
            "tags": {
                "type": "array", "description": "List of strings related to the image",
                "items": {"type": "string", "maxLength": 255},
            },
            "direct_url":
                read_only(json!({"type": "string", "description": "URL to access the image file kept in external store"})),
            "min_ram": {"type": "integer", "description": "Amount of ram (in MB) required to boot image."},
            "min_disk": {"type": "integer", "description": "Amount of disk space (in GB) required to boot image."},
            "self": read_only(json!({"type": "string", "description": "An image self url"})),
            "file": read_only(json!({"type": "string", "description": "An image file url"})),
            "stores": read_only(json!({"type": "string", "description": "Stores in which image data resides."})),
            "schema": read_only(json!({"type": "string", "description": "An image schema url"})),
            "locations": locations(),
            "architecture": known(json!({"type": "string", "description": "Operating system architecture"})),
            "os_distro": known(json!({"type": "string", "description": "Name of the operating system distribution"})),
            "os_version": known(json!({"type": "string", "description": "Version of the operating system"})),
            "instance_uuid":
                known(json!({"type": "string", "description": "The instance that this image is a snapshot of"})),
            "kernel_id": known(json!({
                "type": ["null", "string"], "pattern": super::validate::UUID,
                "description": "ID of the image that is the kernel of an AMI-style image.",
            })),
            "ramdisk_id": known(json!({
                "type": ["null", "string"], "pattern": super::validate::UUID,
                "description": "ID of the image that is the ramdisk of an AMI-style image.",
            })),
        },
        "additionalProperties": {"type": "string"},
        "links": [
            {"rel": "self", "href": "{self}"},
            {"rel": "enclosure", "href": "{file}"},
            {"rel": "describedby", "href": "{schema}"},
        ],
    })
}

fn locations() -> Value {
    json!({
        "type": "array",
        "description": "A set of URLs to access the image file kept in external store",
        "items": {
            "type": "object",
            "required": ["url", "metadata"],
            "properties": {
                "url": {"type": "string", "maxLength": 255},
                "metadata": {"type": "object"},
                "validation_data": {
                    "type": "object",
                    "description": "Values of the image's hashes, for an image that has no data yet",
                    "writeOnly": true,
                    "additionalProperties": false,
                    "required": ["os_hash_algo", "os_hash_value"],
                    "properties": {
                        "checksum": {"type": "string", "minLength": 32, "maxLength": 32},
                        "os_hash_algo": {"type": "string", "maxLength": 64},
                        "os_hash_value": {"type": "string", "maxLength": 128},
                    },
                },
            },
        },
    })
}
