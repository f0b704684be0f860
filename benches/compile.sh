#!/bin/sh
# How long ROME makes its users wait, and sea-orm its own: 200 entities of 10 columns with one query each, built in debug beyond
# the dependencies. Prints seconds and processor seconds of the build, of a rebuild after one line changed and of a check, and the
# size of the program without debug information. `tests/code_size.rs` counts the code that an entity costs.
#
# usage: benches/compile.sh [ENTITIES [rome|sea-orm ...]]
set -eu

entities=${1:-200}
[ $# -eq 0 ] || shift
[ $# -gt 0 ] || set -- rome sea-orm
root=$(cd "$(dirname "$0")/.." && pwd)

# For each entity what $1 prints of its number.
for_each() {
    number=0
    while [ "$number" -lt "$entities" ]; do
        "$1" "$number"
        number=$((number + 1))
    done
}

rome_dependencies() {
    cat <<TOML
chrono = { version = "0.4", default-features = false }
rome-orm = { path = "$root" }
uuid = "1"
TOML
}

rome_head() {
    cat <<RUST
use chrono::{DateTime, Utc};
use rome_orm::prelude::*;
use uuid::Uuid;

pub type Database = rome_orm::Database;
pub type Result<T> = rome_orm::Result<T>;

RUST
}

rome_entity() {
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

pub async fn query_$1(db: &Database, owner: Uuid) -> Result<Vec<Entity$1>> {
    db.query::<Entity$1>()
        .filter(Entity$1::OWNER.eq(owner).and(Entity$1::SCORE.ge($1)))
        .order_by(Entity$1::CREATED_AT.desc())
        .limit(25)
        .all()
        .await
}

RUST
}

sea_orm_dependencies() {
    cat <<TOML
sea-orm = { version = "2.0", default-features = false, features = [
    "macros", "runtime-tokio", "sqlx-postgres", "with-chrono", "with-json", "with-uuid",
] }
uuid = "1"
TOML
}

sea_orm_head() {
    cat <<RUST
use sea_orm::entity::prelude::*;
use sea_orm::{ExprTrait, QueryOrder, QuerySelect};

pub type Database = sea_orm::DatabaseConnection;
pub type Result<T> = std::result::Result<T, DbErr>;

RUST
}

sea_orm_entity() {
    cat <<RUST
pub mod entity_$1 {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "table_$1")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i64,
        pub name: String,
        #[sea_orm(indexed)]
        pub status: String,
        #[sea_orm(indexed)]
        pub owner: Uuid,
        pub score: i64,
        pub rank: Option<i32>,
        pub ratio: f64,
        pub hidden: bool,
        pub tags: Json,
        pub created_at: ChronoDateTimeUtc,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub async fn query_$1(db: &Database, owner: Uuid) -> Result<Vec<entity_$1::Model>> {
    entity_$1::Entity::find()
        .filter(entity_$1::Column::Owner.eq(owner).and(entity_$1::Column::Score.gte($1)))
        .order_by_desc(entity_$1::Column::CreatedAt)
        .limit(25)
        .all(db)
        .await
}

RUST
}

call() {
    echo "    rows += entities::query_$1(db, owner).await?.len();"
}

# main polls every query once, so that all of them are compiled and none is left out by the linker.
program() {
    cat <<RUST
#![recursion_limit = "512"]

mod entities;

async fn all(db: &entities::Database, owner: uuid::Uuid) -> entities::Result<usize> {
    let mut rows = 0;
$(for_each call)
    Ok(rows)
}

fn main() {
    let database: Option<entities::Database> = std::hint::black_box(None);
    if let Some(database) = database {
        let queries = std::pin::pin!(all(&database, uuid::Uuid::nil()));
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        let _ = std::hint::black_box(queries.poll(&mut context));
    }
}
RUST
}

# Runs its arguments; says how long that took, and how long processors worked on it.
timed() {
    times > "$crate/times"
    from=$(date +%s%N)
    "$@"
    to=$(date +%s%N)
    times >> "$crate/times"
    # The second line of each is that of the children.
    sed -n '2p;4p' "$crate/times" | tr 'ms' '  ' |
        awk -v took=$((to - from)) '{ used[NR] = $1 * 60 + $2 + $3 * 60 + $4 }
            END { printf "%.1f s (%.1f of processors)", took / 1e9, used[2] - used[1] }'
}

cargo_quietly() {
    cargo "$@" --quiet --manifest-path "$crate/Cargo.toml" --target-dir "$crate/target"
}

measure() {
    peer=$(echo "$1" | tr - _)
    crate=$root/benches/target/compile/$1
    mkdir -p "$crate/src"
    cat > "$crate/Cargo.toml" <<TOML
[package]
name = "compile"
version = "0.0.0"
edition = "2024"
publish = false

[workspace]

[dependencies]
$("${peer}_dependencies")
TOML
    cp "$root/benches/Cargo.lock" "$crate/Cargo.lock"
    { "${peer}_head"; for_each "${peer}_entity"; } > "$crate/src/entities.rs"
    # The dependencies first, with an empty program.
    echo 'fn main() {}' > "$crate/src/main.rs"
    cargo_quietly build
    cargo_quietly check
    program > "$crate/src/main.rs"
    first=$(timed cargo_quietly build)
    echo '// changed' >> "$crate/src/entities.rs"
    again=$(timed cargo_quietly build)
    check=$(timed cargo_quietly check)
    strip -o "$crate/stripped" "$crate/target/debug/compile"
    size=$(wc -c < "$crate/stripped" | awk '{ printf "%.1f", $1 / 1e6 }')
    echo "$1: $entities entities of 10 columns with one query each, debug: $first beyond the dependencies, $again after a change," \
        "$check to check, $size MB stripped"
}

for peer in "$@"; do
    measure "$peer"
done
