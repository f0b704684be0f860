//! How much code an entity costs its crate: what does not depend on the entity is compiled once, in ROME's own crates.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// How many entities the program has.
const ENTITIES: usize = 10;

/// How many lines of LLVM IR an entity with a query, a relation and a transaction has at most.
const MOST_LINES: usize = 7_000;

/// How many lines of LLVM IR an entity has at most of which a program joins two in every way.
const MOST_LINES_OF_JOINS: usize = 8_000;

/// How many lines of LLVM IR an entity has at most with which a program uses every kind of verb.
const MOST_LINES_OF_ALL: usize = 26_000;

/// An entity of ten columns. `@` is its number, `^` the number of the entity that it belongs to.
const ENTITY: &str = r#"
#[derive(Entity, Clone, Debug, PartialEq)]
#[rome(table = "table_@", index(status, score))]
pub struct Entity@ {
    #[rome(key, auto)]
    pub id: Id<Entity@>,
    pub name: String,
    #[rome(index)]
    pub status: String,
    #[rome(index, references = Entity^)]
    pub owner: Option<Id<Entity^>>,
    pub score: i64,
    pub rank: Option<u32>,
    pub ratio: f64,
    pub hidden: bool,
    pub tags: Vec<String>,
    pub created_at: DateTime<Utc>,
    #[rome(belongs_to(owner))]
    pub parent: One<Entity^>,
}
"#;

/// A query that loads a relation, and a transaction.
const USE: &str = r#"
pub async fn query_@(db: &Database, owner: Id<Entity^>) -> rome_orm::Result<Vec<Entity@>> {
    db.query::<Entity@>()
        .filter(Entity@::OWNER.eq(owner).and(Entity@::SCORE.ge(@)))
        .order_by(Entity@::CREATED_AT.desc())
        .with(Entity@::PARENT)
        .limit(25)
        .all()
        .await
}

pub async fn transaction_@(db: &Database, id: Id<Entity@>) -> rome_orm::Result<i64> {
    db.transaction(async |s| {
        let mut row = s.get::<Entity@>(id).await?.ok_or_not_found()?;
        row.score += 1;
        s.update(&row).await?;
        Ok(row.score)
    })
    .await
}

pub fn use_@(db: &Database) {
    poll(query_@(db, Id::default()));
    poll(transaction_@(db, Id::default()));
}
"#;

/// Every kind of verb once.
const USE_ALL: &str = r#"
pub async fn write_@(db: &Database, row: Entity@) -> rome_orm::Result<()> {
    let row = db.insert(row).await?;
    let rows = db.insert_many([row]).await?;
    let mut rows = db.update_many(&rows).await?;
    let row = rows.remove(0);
    let row = db.upsert(db.update(&row).await?).await?;
    let row = db.update_if::<Entity@>(row.id, Entity@::NAME.eq("a"), Entity@::SCORE.set(2)).await?;
    if let Some(parent) = row.parent.get()? {
        db.attach(&row, Entity@::PARENT, parent).await?;
    }
    db.delete(&row).await?;
    db.delete_by_key::<Entity@>(row.id).await?;
    Ok(())
}

pub async fn read_@(db: &Database, mut row: Entity@) -> rome_orm::Result<()> {
    drop(db.get::<Entity@>(row.id).await?);
    drop(db.get_many::<Entity@>([row.id]).await?);
    db.load(&mut row, Entity@::PARENT).await
}

pub async fn query_@(db: &Database) -> rome_orm::Result<()> {
    let query = db.query::<Entity@>().filter(Entity@::SCORE.ge(@)).order_by(Entity@::CREATED_AT.desc());
    drop(query.all().await?);
    drop(query.first().await?);
    drop(query.one().await?);
    drop(query.keys().await?);
    query.count().await?;
    query.exists().await?;
    let page = query.clone().page(25).fetch().await?;
    drop(query.clone().page(25).after(page.next).fetch().await?);
    query.update(Entity@::SCORE.set(Entity@::SCORE + 1)).await?;
    query.delete().await?;
    drop(query.clone().select((Entity@::NAME, Entity@::SCORE)).all().await?);
    let mut stream = pin!(query.stream());
    std::future::poll_fn(|context| stream.as_mut().poll_next(context)).await.transpose().map(drop)
}

pub async fn combine_@(db: &Database) -> rome_orm::Result<()> {
    let query = || db.query::<Entity@>().filter(Entity@::SCORE.ge(@));
    drop(query().with(Entity@::PARENT).all().await?);
    drop(query().join(Entity@::PARENT).all().await?);
    drop(query().group_by(Entity@::STATUS).all().await?);
    query().aggregate((count(), sum(Entity@::SCORE))).await?;
    drop(query().union(db.query::<Entity@>()).all().await?);
    Ok(())
}

pub async fn transaction_@(db: &Database, id: Id<Entity@>) -> rome_orm::Result<i64> {
    db.transaction(async |s| {
        let mut row = s.get::<Entity@>(id).await?.ok_or_not_found()?;
        row.score += 1;
        let row = s.insert(s.update(&row).await?).await?;
        s.delete(&row).await?;
        drop(s.query::<Entity@>().all().await?);
        Ok(row.score)
    })
    .await
}

pub fn use_@(db: &Database, row: Entity@) {
    poll(write_@(db, row.clone()));
    poll(read_@(db, row));
    poll(query_@(db));
    poll(combine_@(db));
    poll(transaction_@(db, Id::default()));
}
"#;

/// Every verb of a query on two entities.
const USE_JOINS: &str = r#"
pub async fn join_@(db: &Database) -> rome_orm::Result<()> {
    let pairs = db.query::<Entity@>().join(Entity@::PARENT).filter(Entity@::SCORE.ge(@)).order_by(Entity@::RANK.desc());
    drop(pairs.all().await?);
    drop(pairs.first().await?);
    drop(pairs.one().await?);
    pairs.count().await?;
    pairs.exists().await?;
    drop(pairs.explain().await?);
    drop(pairs.clone().select((Entity@::NAME, Entity^::SCORE)).all().await?);
    let mut stream = pin!(pairs.stream());
    std::future::poll_fn(|context| stream.as_mut().poll_next(context)).await.transpose().map(drop)
}

pub fn use_@(db: &Database) {
    poll(join_@(db));
}
"#;

/// The lines and functions of LLVM IR of a crate, those of its functions alone.
#[derive(Default)]
struct Ir {
    functions: usize,
    lines: usize,
    /// The lines of each function.
    of: BTreeMap<String, usize>,
}

impl Ir {
    fn read(text: &str) -> Self {
        let mut ir = Self::default();
        let mut function = None;
        for line in text.lines() {
            if line.starts_with("define ") {
                let name = line.split_once('@').unwrap().1;
                ir.functions += 1;
                function = Some(name.split_once('(').unwrap().0.to_owned());
            } else if line == "}" {
                function = None;
            } else if let Some(name) = &function {
                // Instructions: no labels, and none of the lines on which a long one goes on.
                if line.starts_with("  ") && !line.starts_with("   ") {
                    ir.lines += 1;
                    *ir.of.entry(name.clone()).or_default() += 1;
                }
            }
        }
        ir
    }

    /// The functions that cost most.
    fn largest(&self) -> String {
        let mut all: Vec<_> = self.of.iter().collect();
        all.sort_by_key(|(_, lines)| std::cmp::Reverse(**lines));
        all.iter().take(20).fold(String::new(), |mut text, (name, lines)| {
            writeln!(text, "{lines:7} {name}").unwrap();
            text
        })
    }
}

/// Where Cargo builds: the folder above that of this test's own profile.
fn target() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().to_owned()
}

/// Builds a program of these entities, whose `main` polls all that they have, and returns its IR.
fn build(name: &str, used: &str) -> Ir {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(folder.join("src")).unwrap();
    let manifest = format!(
        "[package]\nname = {name:?}\nversion = \"0.0.0\"\nedition = \"2024\"\npublish = false\n\n[workspace]\n\n\
         [dependencies]\nchrono = {{ version = \"0.4\", default-features = false }}\n\
         futures-core = {{ version = \"0.3\", default-features = false }}\n\
         rome-orm = {{ path = {root:?}, default-features = false, features = [\"chrono\"] }}\n"
    );
    std::fs::write(folder.join("Cargo.toml"), manifest).unwrap();
    std::fs::copy(root.join("Cargo.lock"), folder.join("Cargo.lock")).unwrap();

    let mut source = "#![allow(unused_imports, reason = \"not every program uses all of them\")]\n\
                      use std::pin::pin;\nuse std::task::{Context, Waker};\n\n\
                      use chrono::{DateTime, Utc};\nuse futures_core::Stream;\nuse rome_orm::prelude::*;\n"
        .to_owned();
    let mut main = String::new();
    for number in 0..ENTITIES {
        let owner = (number + 1) % ENTITIES;
        for part in [ENTITY, used] {
            source += &part.replace('@', &number.to_string()).replace('^', &owner.to_string());
        }
        let row = if used == USE_ALL { ", std::hint::black_box(None).unwrap()" } else { "" };
        writeln!(main, "    use_{number}(db{row});").unwrap();
    }
    source += "\nfn poll<T>(future: impl Future<Output = T>) {\n    \
               let _ = pin!(future).poll(&mut Context::from_waker(Waker::noop()));\n}\n";
    write!(source, "\nfn run(db: &Database) {{\n{main}}}\n").unwrap();
    source += "\nfn main() {\n    let database: Option<Database> = std::hint::black_box(None);\n    \
               if let Some(database) = database {\n        run(&database);\n    }\n}\n";
    std::fs::write(folder.join("src/main.rs"), source).unwrap();

    let ir = folder.join("main.ll");
    let output = Command::new(env!("CARGO"))
        .args(["rustc", "--quiet", "--offline", "--manifest-path"])
        .arg(folder.join("Cargo.toml"))
        .arg("--target-dir")
        .arg(target())
        .args(["--", "-Ccodegen-units=1", "-Cdebuginfo=0"])
        .arg(format!("--emit=llvm-ir={}", ir.display()))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ir::read(&std::fs::read_to_string(&ir).unwrap())
}

fn check(what: &str, ir: &Ir, most: usize) {
    let (lines, functions) = (ir.lines / ENTITIES, ir.functions / ENTITIES);
    println!("an entity with {what}: {lines} lines of LLVM IR, {functions} functions");
    assert!(
        lines <= most,
        "an entity with {what} has {lines} lines of LLVM IR in {functions} functions, {most} are allowed. The largest \
         functions of {ENTITIES} entities:\n{}",
        ir.largest()
    );
}

#[test]
fn an_entity_costs_its_crate_little_code() {
    check("a query, a relation and a transaction", &build("code-size", USE), MOST_LINES);
}

#[test]
fn a_joined_entity_costs_its_crate_little_code() {
    check("every verb of a join", &build("code-size-of-joins", USE_JOINS), MOST_LINES_OF_JOINS);
}

#[test]
fn an_entity_with_every_verb_costs_its_crate_little_code() {
    check("every kind of verb", &build("code-size-of-all", USE_ALL), MOST_LINES_OF_ALL);
}
