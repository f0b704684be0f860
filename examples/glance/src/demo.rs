//! The one-command demonstration: a service on a temporary embedded store, and an image's life over HTTP.

use axum::http::Method;
use serde_json::{Value, json};

use crate::client::{Answer, Client, ClientError};
use crate::config::{Config, Hash};
use crate::data::Hasher;
use crate::service;

/// Runs the demonstration, printing each step.
///
/// # Errors
/// When a step does not give what it should.
pub async fn run() -> Result<(), ClientError> {
    let folder = std::env::temp_dir().join(format!("glance-demo-{}", uuid::Uuid::new_v4()));
    crate::data::make_folder(&folder)?;
    let shown = show(&folder).await;
    std::fs::remove_dir_all(&folder)?;
    shown
}

async fn show(folder: &std::path::Path) -> Result<(), ClientError> {
    let store = format!("embedded:{}", folder.join("glance.rome").display());
    let running = service::start(Config::local(&store, folder.join("data"))).await?;
    let client = Client::new(running.address(), "ann:demo:member");
    println!("started      http://{} on {store}", running.address());

    let image = json!({
        "name": "cirros", "disk_format": "raw", "container_format": "bare", "min_ram": 64, "tags": ["demo"],
        "os_distro": "cirros",
    });
    let made = expect("create", 201, client.json(Method::POST, "/v2/images", &image).await?)?.json();
    let path = made["self"].as_str().unwrap_or_default().to_owned();
    println!("created      {} is {}", path, made["status"]);
    for size in ["1.1", "2.2"] {
        let image = json!({ "name": format!("empty-{size}"), "os_version": size });
        expect("create", 201, client.json(Method::POST, "/v2/images", &image).await?)?;
    }

    let data: Vec<u8> = (0..8_u32 << 20).map(|at| (at.wrapping_mul(2_654_435_761) >> 24).to_le_bytes()[0]).collect();
    expect("upload", 204, client.put_data(&format!("{path}/file"), data.clone()).await?)?;
    let uploaded = expect("show", 200, client.get(&path).await?)?.json();
    println!("uploaded     {} bytes, now {}", uploaded["size"], uploaded["status"]);
    println!("             md5 {}", uploaded["checksum"]);
    println!("             {} {}", uploaded["os_hash_algo"], uploaded["os_hash_value"]);

    let patch = json!([{"op": "add", "path": "/hw_disk_bus", "value": "virtio"},
                       {"op": "replace", "path": "/name", "value": "cirros-0.6"}]);
    let patched = expect("patch", 200, client.patch(&path, &patch).await?)?.json();
    println!("patched      name {}, hw_disk_bus {}", patched["name"], patched["hw_disk_bus"]);

    for query in [
        "os_distro=cirros",
        "tag=demo&status=active",
        "sort=name:asc&limit=2",
        "name=in:empty-1.1,empty-2.2",
        "size_min=1",
    ] {
        let list = expect("list", 200, client.get(&format!("/v2/images?{query}")).await?)?.json();
        let names: Vec<&Value> = list["images"].as_array().into_iter().flatten().map(|image| &image["name"]).collect();
        let more = if list["next"].is_string() { ", more follow" } else { "" };
        println!("listed       {query:32} {}{more}", json!(names));
    }

    let whole = expect("download", 200, client.get(&format!("{path}/file")).await?)?;
    let mut hasher = Hasher::new(Hash::Sha512);
    hasher.update(&whole.body);
    if whole.body != data || uploaded["os_hash_value"] != hasher.finish().hash_value {
        return Err("the downloaded data is not the uploaded data".into());
    }
    println!("downloaded   {} bytes, sha512 verified", whole.body.len());

    expect("delete", 204, client.delete(&path).await?)?;
    expect("show", 404, client.get(&path).await?)?;
    println!("deleted      {path}");
    running.stop().await;
    println!("stopped      gracefully");
    Ok(())
}

fn expect(step: &str, status: u16, answer: Answer) -> Result<Answer, ClientError> {
    if answer.status == status {
        return Ok(answer);
    }
    Err(format!("{step} answered {} instead of {status}: {}", answer.status, answer.text()).into())
}
