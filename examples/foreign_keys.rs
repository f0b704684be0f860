//! Foreign keys: a row references only what is there, and what follows from a delete.
//!
//! `cargo run --example foreign_keys`

use rome_orm::prelude::*;

#[derive(Entity, Clone, Debug, Default, PartialEq)]
struct Image {
    #[rome(key, auto)]
    id: Id<Image>,
    name: String,
}

/// Lies in the partition of its image, and goes with it.
#[derive(Entity, Clone, Debug, Default, PartialEq)]
#[rome(partition_by = image_id)]
struct Property {
    #[rome(key, references = Image, on_delete = cascade)]
    image_id: Id<Image>,
    #[rome(key)]
    name: String,
    value: String,
}

/// Keeps its image from being deleted.
#[derive(Entity, Clone, Debug, Default, PartialEq)]
struct Server {
    #[rome(key, auto)]
    id: Id<Server>,
    #[rome(references = Image)]
    image_id: Id<Image>,
    #[rome(references = Image, on_delete = set_null)]
    rescue_id: Option<Id<Image>>,
}

#[tokio::main]
async fn main() -> rome_orm::Result<()> {
    let db = Database::builder().entity::<Image>().entity::<Property>().entity::<Server>();
    let db = db.open("memory:").await?;

    let nowhere = Property { image_id: Id::new(7), name: "os".into(), value: "linux".into() };
    let error = db.insert(nowhere).await.expect_err("there is no such image");
    assert!(error.is_foreign_key_violation());
    println!("{error}");

    let debian = db.insert(Image { name: "debian".into(), ..Default::default() }).await?;
    let rescue = db.insert(Image { name: "rescue".into(), ..Default::default() }).await?;
    db.insert(Property { image_id: rescue.id, name: "os".into(), value: "linux".into() }).await?;
    let server = Server { image_id: debian.id, rescue_id: Some(rescue.id), ..Default::default() };
    let server = db.insert(server).await?;

    println!("{}", db.delete(&debian).await.expect_err("a server runs on it"));

    // The property goes with it, and the server is left without a rescue image.
    db.delete(&rescue).await?;
    assert_eq!(db.query::<Property>().count().await?, 0);
    assert_eq!(db.get::<Server>(server.id).await?.and_then(|server| server.rescue_id), None);
    println!("the rescue image is gone, the server is still there");
    Ok(())
}
