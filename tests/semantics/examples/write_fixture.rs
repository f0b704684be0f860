//! Writes the fixture that `fixtures.rs` reads with later builds: a database on disk as the build that runs this leaves it.
//!
//! Run it with the build whose rows are to be kept, and give it the folder to write: `cargo run -p rome-semantics
//! --example write_fixture -- tests/semantics/fixtures/NAME`. A fixture is never written again.
#![allow(clippy::unwrap_used)]

use rome_orm::prelude::*;

#[derive(Entity, Clone, Debug, PartialEq, Default)]
#[rome(table = "owners")]
struct Owner {
    #[rome(key)]
    name: String,
    #[rome(unique)]
    email: Option<String>,
}

#[derive(ColumnEnum, Clone, Debug, PartialEq, Default)]
enum Coat {
    #[default]
    Short,
    Long,
}

#[derive(Entity, Clone, Debug, PartialEq, Default)]
#[rome(table = "dogs", index(age, desc(name)))]
struct Dog {
    #[rome(key, auto)]
    id: Id<Dog>,
    #[rome(index)]
    name: String,
    age: u16,
    weight: Option<f64>,
    coat: Coat,
    #[rome(index)]
    tags: Vec<String>,
    photo: Vec<u8>,
    #[rome(references = Owner)]
    owner: Option<String>,
}

/// Photos as they were at first: their rows keep that layout.
mod first {
    use rome_orm::prelude::*;

    #[derive(Entity, Clone, Debug, PartialEq, Default)]
    #[rome(table = "photos")]
    pub struct Photo {
        #[rome(key, auto)]
        pub id: Id<Photo>,
        #[rome(references = super::Owner, on_delete = cascade)]
        pub owner: String,
        pub size: u32,
        #[rome(unique)]
        pub digest: Option<String>,
        pub labels: Vec<String>,
        #[rome(version)]
        pub version: u64,
        #[rome(soft_delete)]
        pub deleted_at: Option<DateTime<Utc>>,
    }
}

/// With a wider column, a new one, and indexes that were built over rows.
#[derive(Entity, Clone, Debug, PartialEq, Default)]
#[rome(table = "photos", global_index(labels), index(owner, desc(size)))]
#[rome(count, count(by = format), sum(size, by = owner))]
struct Photo {
    #[rome(key, auto)]
    id: Id<Photo>,
    #[rome(references = Owner, on_delete = cascade)]
    owner: String,
    size: u64,
    #[rome(unique)]
    digest: Option<String>,
    labels: Vec<String>,
    #[rome(version)]
    version: u64,
    #[rome(soft_delete)]
    deleted_at: Option<DateTime<Utc>>,
    #[rome(default = "jpeg")]
    format: String,
}

/// Lies with the photo that it is of.
#[derive(Entity, Clone, Debug, PartialEq, Default)]
#[rome(table = "crops", partition_by = photo)]
struct Crop {
    #[rome(key, references = Photo, on_delete = cascade)]
    photo: Id<Photo>,
    #[rome(key)]
    number: u8,
    width: Option<f32>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> rome_orm::Result<()> {
    let folder = std::env::args().nth(1).expect("the folder to write");
    let db = Database::builder().entity::<Owner>().entity::<Dog>().open(&format!("embedded:{folder}")).await?;
    db.insert_many([
        Owner { name: "Ann".into(), email: Some("ann@example.org".into()) },
        Owner { name: "Bob".into(), email: None },
    ])
    .await?;
    let dog = |n: u16| Dog {
        name: format!("dog {}", n % 5),
        age: n * 1000,
        weight: n.is_multiple_of(3).then_some(f64::from(n) / 4.0),
        coat: if n.is_multiple_of(2) { Coat::Short } else { Coat::Long },
        tags: (0..n % 4).map(|tag| format!("tag {tag}")).collect(),
        photo: vec![0, 255, n.to_be_bytes()[1]],
        owner: [None, Some("Ann".to_owned()), Some("Bob".to_owned())][usize::from(n % 3)].clone(),
        ..Default::default()
    };
    db.insert_many((0..12).map(dog)).await?;
    drop(db);
    photos(&format!("embedded:{folder}")).await
}

async fn photos(url: &str) -> rome_orm::Result<()> {
    let owner = |n: u32| ["Ann", "Bob"][n as usize % 2].to_owned();
    let labels = |n: u32| (0..n % 3).map(|label| format!("label {label}")).collect();
    let digest = |n: u32| (!n.is_multiple_of(4)).then(|| format!("digest {n}"));
    let db = Database::builder().entity::<Owner>().entity::<first::Photo>().open(url).await?;
    let photo = |n: u32| first::Photo {
        owner: owner(n),
        size: n * 100,
        digest: digest(n),
        labels: labels(n),
        ..Default::default()
    };
    db.insert_many((0..6).map(photo)).await?;
    drop(db);
    let db = Database::builder().entity::<Owner>().entity::<Photo>().entity::<Crop>().open(url).await?;
    let photo = |n: u32| Photo {
        owner: owner(n),
        size: (1 << 40) + u64::from(n),
        digest: digest(n),
        labels: labels(n),
        format: if n == 8 { "png".into() } else { "jpeg".into() },
        ..Default::default()
    };
    let new = db.insert_many((6..10).map(photo)).await?;
    db.insert_many(new.iter().map(|photo| Crop { photo: photo.id, number: 1, width: Some(0.5) })).await?;
    // The second is gone, two are deleted softly, and one was written again in the new layout.
    assert!(db.purge_by_key::<Photo>(2_u64).await?);
    assert!(db.delete_by_key::<Photo>(4_u64).await?);
    assert_eq!(db.delete_many(&new[3..]).await?, 1);
    db.update_if::<Photo>(1_u64, Photo::SIZE.eq(0_u64), Photo::SIZE.set(7_u64)).await?;
    Ok(())
}
