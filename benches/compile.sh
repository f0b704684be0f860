#!/bin/sh
# How long ROME makes its users wait: 200 entities of 10 columns with one query each, built in debug beyond the
# dependencies. Prints the seconds of the build and of a rebuild after one line changed, and the size of the program without debug
# information. `tests/code_size.rs` counts the code that an entity costs.
#
# usage: benches/compile.sh [ENTITIES]
set -eu

entities=${1:-200}
root=$(cd "$(dirname "$0")/.." && pwd)
crate=$root/benches/target/compile
mkdir -p "$crate/src"

cat > "$crate/Cargo.toml" <<TOML
[package]
name = "compile"
version = "0.0.0"
edition = "2024"
publish = false

[workspace]

[dependencies]
chrono = { version = "0.4", default-features = false }
rome = { package = "rome-orm", path = "$root" }
uuid = "1"
TOML
cp "$root/benches/Cargo.lock" "$crate/Cargo.lock"

entity() {
    cat <<RUST
#[derive(Entity, Clone, Debug, PartialEq)]
#[rome(table = "table_$1", index(status, score))]
pub struct Entity$1 {
    #[rome(key, auto)]
    pub id: Id<Entity$1>,
    pub name: String,
    #[rome(index)]
    pub status: String,
    #[rome(index)]
    pub owner: Uuid,
    pub score: i64,
    pub rank: Option<u32>,
    pub ratio: f64,
    pub hidden: bool,
    pub tags: Vec<String>,
    pub created_at: DateTime<Utc>,
}

pub async fn query_$1(db: &Database, owner: Uuid) -> rome::Result<Vec<Entity$1>> {
    db.query::<Entity$1>()
        .filter(Entity$1::OWNER.eq(owner).and(Entity$1::SCORE.ge($1)))
        .order_by(Entity$1::CREATED_AT.desc())
        .limit(25)
        .all()
        .await
}

RUST
}

{
    echo 'use chrono::{DateTime, Utc};'
    echo 'use rome::prelude::*;'
    echo 'use uuid::Uuid;'
    echo
    number=0
    while [ "$number" -lt "$entities" ]; do
        entity "$number"
        number=$((number + 1))
    done
} > "$crate/src/entities.rs"

# main polls every query once, so that all of them are compiled and none is left out by the linker.
{
    echo 'mod entities;'
    echo
    echo 'async fn all(db: &rome::Database, owner: uuid::Uuid) -> rome::Result<usize> {'
    echo '    let mut rows = 0;'
    number=0
    while [ "$number" -lt "$entities" ]; do
        echo "    rows += entities::query_$number(db, owner).await?.len();"
        number=$((number + 1))
    done
    echo '    Ok(rows)'
    echo '}'
    echo
    echo 'fn main() {'
    echo '    let database: Option<rome::Database> = std::hint::black_box(None);'
    echo '    if let Some(database) = database {'
    echo '        let queries = std::pin::pin!(all(&database, uuid::Uuid::nil()));'
    echo '        let mut context = std::task::Context::from_waker(std::task::Waker::noop());'
    echo '        let _ = std::hint::black_box(queries.poll(&mut context));'
    echo '    }'
    echo '}'
} > "$crate/src/full.rs"

build() {
    cargo build --quiet --manifest-path "$crate/Cargo.toml" --target-dir "$crate/target"
}

seconds() {
    from=$(date +%s%N)
    "$@"
    to=$(date +%s%N)
    awk "BEGIN { printf \"%.1f\", ($to - $from) / 1e9 }"
}

# The dependencies first, with an empty program.
echo 'fn main() {}' > "$crate/src/main.rs"
build
cp "$crate/src/full.rs" "$crate/src/main.rs"
first=$(seconds build)
echo '// changed' >> "$crate/src/entities.rs"
again=$(seconds build)
strip -o "$crate/stripped" "$crate/target/debug/compile"
size=$(wc -c < "$crate/stripped" | awk '{ printf "%.1f", $1 / 1e6 }')
echo "$entities entities of 10 columns with one query each, debug: $first s beyond the dependencies, $again s after a change, $size MB stripped"
