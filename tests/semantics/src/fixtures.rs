//! Databases on disk that older builds have written, read by this one: `fixtures/`, made by the example `write_fixture`.
#![allow(clippy::duplicated_attributes, reason = "indexes share columns")]

use std::path::{Path, PathBuf};

use rome::prelude::*;

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
#[rome(table = "dogs", index(age, desc(name)), index(global, collar))]
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
        let to = std::env::temp_dir().join(format!("rome-fixture-{name}-{}", std::process::id()));
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
    let report = db.check().await.unwrap();
    assert!(report.findings.is_empty() && report.rows == 14, "{report}");
    let red = db.query::<Dog>().filter(Dog::COLLAR.eq("red")).use_index("by_collar").count().await.unwrap();
    assert_eq!(red, 12);
    assert_eq!(db.query::<Dog>().filter(Dog::COAT.eq(Coat::Long)).use_index("by_coat").count().await.unwrap(), 6);
    let new = db.insert(Dog { coat: Coat::Curly, age: 70_000, ..Default::default() }).await.unwrap();
    assert!(*new.id.value() > 12);
    drop(db);
    // The catalog, rewritten since, serves tools too.
    let tool = Database::builder().stored_tables().open(&url).await.unwrap();
    let report = tool.check().await.unwrap();
    assert!(report.findings.is_empty() && report.rows == 15, "{report}");
    let row = tool.get_json("dogs", &["2"]).await.unwrap().unwrap();
    assert_eq!((&row["collar"], &row["photo"]), (&serde_json::json!("red"), &serde_json::json!("00ff01")));
}

#[tokio::test]
async fn tools_read_a_catalog_of_the_first_form() {
    let copy = Copy::of("format-1");
    let db = Database::builder().stored_tables().open(&format!("embedded:{}", copy.0.display())).await.unwrap();
    let report = db.check().await.unwrap();
    assert!(report.findings.is_empty() && report.rows == 14, "{report}");
}
