//! Databases on disk that older builds have written, read by this one: `fixtures/`, made by the example `write_fixture`.
#![allow(clippy::duplicated_attributes, reason = "indexes share columns")]

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use rome_orm::metrics::Measure;
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
    /// New since.
    Curly,
}

/// As it was, and with what may be added.
#[derive(Entity, Clone, Debug, PartialEq, Default)]
#[rome(table = "dogs", index(age, desc(name)), global_index(collar))]
struct Dog {
    #[rome(key, auto)]
    id: Id<Dog>,
    #[rome(index)]
    name: String,
    age: u32,
    weight: Option<f64>,
    #[rome(index)]
    coat: Coat,
    #[rome(index)]
    tags: Vec<String>,
    photo: Vec<u8>,
    #[rome(references = Owner)]
    owner: Option<String>,
    #[rome(default = "red")]
    collar: String,
}

/// What the fixture holds, in today's form.
fn expected(n: u32) -> Dog {
    Dog {
        id: Id::new(u64::from(n) + 1),
        name: format!("dog {}", n % 5),
        age: n * 1000,
        weight: n.is_multiple_of(3).then_some(f64::from(n) / 4.0),
        coat: if n.is_multiple_of(2) { Coat::Short } else { Coat::Long },
        tags: (0..n % 4).map(|tag| format!("tag {tag}")).collect(),
        photo: vec![0, 255, u8::try_from(n).unwrap()],
        owner: [None, Some("Ann".to_owned()), Some("Bob".to_owned())][n as usize % 3].clone(),
        collar: "red".into(),
    }
}

/// A copy of a fixture, which is removed at the end.
struct Copy(PathBuf);

impl Copy {
    fn of(name: &str) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let to = std::env::temp_dir().join(format!("rome-fixture-{name}-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&to).unwrap();
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name);
        for file in std::fs::read_dir(from).unwrap() {
            let file = file.unwrap();
            std::fs::copy(file.path(), to.join(file.file_name())).unwrap();
        }
        Self(to)
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[tokio::test]
async fn rows_of_the_first_catalog_are_read_and_get_new_indexes() {
    let copy = Copy::of("format-1");
    let url = format!("embedded:{}", copy.0.display());
    let db = Database::builder().entity::<Owner>().entity::<Dog>().open(&url).await.unwrap();
    let all = db.query::<Dog>().order_by(Dog::ID.asc()).all().await.unwrap();
    assert_eq!(all, (0..12).map(expected).collect::<Vec<_>>());
    let report = db.admin().check().await.unwrap();
    assert!(report.findings.is_empty() && report.rows == 14, "{report}");
    let red = db.query::<Dog>().filter(Dog::COLLAR.eq("red")).use_index("by_collar").count().await.unwrap();
    assert_eq!(red, 12);
    assert_eq!(db.query::<Dog>().filter(Dog::COAT.eq(Coat::Long)).use_index("by_coat").count().await.unwrap(), 6);
    let new = db.insert(Dog { coat: Coat::Curly, age: 70_000, ..Default::default() }).await.unwrap();
    assert!(*new.id.value() > 12);
    drop(db);
    // The catalog, rewritten since, serves tools too.
    let tool = Database::builder().stored_tables().open(&url).await.unwrap();
    let report = tool.admin().check().await.unwrap();
    assert!(report.findings.is_empty() && report.rows == 15, "{report}");
    let row = tool.get_json("dogs", &["2"]).await.unwrap().unwrap();
    assert_eq!((&row["collar"], &row["photo"]), (&serde_json::json!("red"), &serde_json::json!("00ff01")));
}

#[tokio::test]
async fn tools_read_a_catalog_of_the_first_form() {
    let copy = Copy::of("format-1");
    let db = Database::builder().stored_tables().open(&format!("embedded:{}", copy.0.display())).await.unwrap();
    let report = db.admin().check().await.unwrap();
    assert!(report.findings.is_empty() && report.rows == 14, "{report}");
}

/// As it was, and with a column that may be added.
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
    place: Option<String>,
}

#[derive(Entity, Clone, Debug, PartialEq, Default)]
#[rome(table = "crops", partition_by = photo)]
struct Crop {
    #[rome(key, references = Photo, on_delete = cascade)]
    photo: Id<Photo>,
    #[rome(key)]
    number: u8,
    width: Option<f32>,
}

/// What the fixture holds of the photos that are not deleted.
fn expected_photos() -> Vec<Photo> {
    let photo = |n: u32| Photo {
        id: Id::new(u64::from(n) + 1),
        owner: ["Ann", "Bob"][n as usize % 2].into(),
        size: match n {
            0 => 7,
            1..6 => u64::from(n) * 100,
            _ => (1 << 40) + u64::from(n),
        },
        digest: (!n.is_multiple_of(4)).then(|| format!("digest {n}")),
        labels: (0..n % 3).map(|label| format!("label {label}")).collect(),
        version: if n == 0 { 2 } else { 1 },
        format: if n == 8 { "png".into() } else { "jpeg".into() },
        ..Default::default()
    };
    // The counter begins anew in each program, after what an earlier one took.
    let id = |n: u32| if n < 6 { u64::from(n) + 1 } else { u64::from(n) + 59 };
    [0, 2, 4, 5, 6, 7, 8].map(|n| Photo { id: Id::new(id(n)), ..photo(n) }).into()
}

async fn open_photos(copy: &Copy) -> Database {
    let entities = Database::builder().entity::<Owner>().entity::<Dog>().entity::<Photo>().entity::<Crop>();
    entities.open(&format!("embedded:{}", copy.0.display())).await.unwrap()
}

#[tokio::test]
async fn a_catalog_of_the_third_form_keeps_its_aggregates_soft_deletes_and_global_indexes() {
    let copy = Copy::of("format-3");
    let db = open_photos(&copy).await;
    assert_eq!(db.query::<Photo>().order_by(Photo::ID.asc()).all().await.unwrap(), expected_photos());
    let report = db.admin().check().await.unwrap();
    assert!(report.findings.is_empty(), "{report}");
    let labelled = db.query::<Photo>().filter(Photo::LABELS.contains("label 1".to_owned())).use_index("by_labels");
    let expected = expected_photos().iter().filter(|photo| photo.labels.len() > 1).count() as u64;
    assert_eq!(labelled.count().await.unwrap(), expected);
    let deleted = db.query::<Photo>().only_deleted().order_by(Photo::ID.asc()).select(Photo::ID).all().await.unwrap();
    assert_eq!(deleted, [Id::new(4), Id::new(68)]);
    // The counters, which a question reads and no row.
    let sums = async |owner: &str| {
        let of_owner = db.query::<Photo>().filter(Photo::OWNER.eq(owner));
        let (sum, statistics) = of_owner.aggregate((sum(Photo::SIZE),)).measured().await;
        assert!(statistics.rows_read == 0 && statistics.entries_read <= 2, "{statistics:?}");
        sum.unwrap().0
    };
    let of = |photos: &[Photo], owner: &str| -> u64 {
        photos.iter().filter(|photo| photo.owner == owner).map(|photo| photo.size).sum()
    };
    let photos = expected_photos();
    assert_eq!((sums("Ann").await, sums("Bob").await), (Some(of(&photos, "Ann")), Some(of(&photos, "Bob"))));
    // What follows from writes follows for old rows too.
    db.upsert(Photo { deleted_at: None, ..db.get_with_deleted::<Photo>(4_u64).await.unwrap().unwrap() }).await.unwrap();
    let twin = Photo { owner: "Ann".into(), digest: Some("digest 5".into()), ..Default::default() };
    assert!(db.insert(twin).await.unwrap_err().is_unique_violation());
    db.query::<Dog>().update((Dog::OWNER.set(None::<String>),)).await.unwrap();
    assert!(db.delete_by_key::<Owner>("Bob").await.unwrap());
    assert_eq!((db.query::<Photo>().with_deleted().count().await.unwrap(), sums("Bob").await), (5, None));
    assert_eq!(db.query::<Crop>().count().await.unwrap(), 2);
    assert!(db.admin().check().await.unwrap().is_clean());
}

#[tokio::test]
async fn tools_read_a_catalog_of_the_third_form() {
    let copy = Copy::of("format-3");
    let db = Database::builder().stored_tables().open(&format!("embedded:{}", copy.0.display())).await.unwrap();
    let report = db.admin().check().await.unwrap();
    assert!(report.findings.is_empty() && report.rows == 27, "{report}");
    let row = db.get_json("photos", &["65"]).await.unwrap().unwrap();
    assert_eq!((&row["size"], &row["format"]), (&serde_json::json!((1_u64 << 40) + 6), &serde_json::json!("jpeg")));
}
