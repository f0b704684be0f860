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

/// An entity of ten columns, a query that loads a relation, and a transaction. `@` is its number, `^` the number of the entity that
/// it belongs to.
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

pub async fn query_@(db: &Database, owner: Id<Entity^>) -> rome::Result<Vec<Entity@>> {
    db.query::<Entity@>()
        .filter(Entity@::OWNER.eq(owner).and(Entity@::SCORE.ge(@)))
        .order_by(Entity@::CREATED_AT.desc())
        .with(Entity@::PARENT)
        .limit(25)
        .all()
        .await
}

pub async fn transaction_@(db: &Database, id: Id<Entity@>) -> rome::Result<i64> {
    db.transaction(async |s| {
        let mut row = s.get::<Entity@>(id).await?.ok_or_not_found()?;
        row.score += 1;
        s.update(&row).await?;
        Ok(row.score)
    })
    .await
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
fn build(entities: usize) -> Ir {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("code_size");
    std::fs::create_dir_all(folder.join("src")).unwrap();
    let manifest = format!(
        "[package]\nname = \"code-size\"\nversion = \"0.0.0\"\nedition = \"2024\"\npublish = false\n\n[workspace]\n\n\
         [dependencies]\nchrono = {{ version = \"0.4\", default-features = false }}\n\
         rome = {{ package = \"rome-orm\", path = {root:?}, default-features = false }}\n"
    );
    std::fs::write(folder.join("Cargo.toml"), manifest).unwrap();
    std::fs::copy(root.join("Cargo.lock"), folder.join("Cargo.lock")).unwrap();

    let mut source = "use std::pin::pin;\nuse std::task::{Context, Waker};\n\n\
                      use chrono::{DateTime, Utc};\nuse rome::prelude::*;\n"
        .to_owned();
    let mut main = String::new();
    for number in 0..entities {
        let owner = (number + 1) % entities;
        source += &ENTITY.replace('@', &number.to_string()).replace('^', &owner.to_string());
        writeln!(main, "    poll(query_{number}(db, Id::default()));").unwrap();
        writeln!(main, "    poll(transaction_{number}(db, Id::default()));").unwrap();
    }
    source += "\nfn poll<T>(future: impl Future<Output = T>) {\n    \
               let _ = pin!(future).poll(&mut Context::from_waker(Waker::noop()));\n}\n";
    write!(source, "\nfn run(db: &Database) {{\n{main}}}\n").unwrap();
    source += "\nfn main() {\n    let database: Option<Database> = std::hint::black_box(None);\n    \
               if let Some(database) = database {\n        run(&database);\n    }\n}\n";
    std::fs::write(folder.join("src/main.rs"), source).unwrap();

    let ir = folder.join(format!("of_{entities}.ll"));
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

#[test]
fn an_entity_costs_its_crate_little_code() {
    let ir = build(ENTITIES);
    let (lines, functions) = (ir.lines / ENTITIES, ir.functions / ENTITIES);
    println!("an entity: {lines} lines of LLVM IR, {functions} functions");
    assert!(
        lines <= MOST_LINES,
        "an entity with a query, a relation and a transaction has {lines} lines of LLVM IR in {functions} functions, \
         {MOST_LINES} are allowed. The largest functions of {ENTITIES} entities:\n{}",
        ir.largest()
    );
}
