//! Builds of one table that differ by one thing each, opened in every order: what one of them declares is there after the others, and
//! what is refused has changed nothing.

use std::collections::BTreeMap;
use std::pin::Pin;

use super::*;
use crate::stores::places;

#[derive(Entity, Clone, Debug, PartialEq, Default)]
#[rome(table = "owners")]
pub struct Owner {
    #[rome(key)]
    pub id: u64,
}

type Future<T> = Pin<Box<dyn std::future::Future<Output = T> + Send>>;

/// A build, without its types.
#[derive(Clone, Copy)]
struct Build {
    name: &'static str,
    /// What `rome status` shows of what it declares.
    declares: &'static [&'static str],
    open: fn(Arc<dyn Store>) -> Future<rome_orm::Result<Database>>,
    /// Writes a row with this key and owner, as new or in the place of another.
    write: fn(Database, u64, u64) -> Future<rome_orm::Result<()>>,
}

macro_rules! builds {
    ($($name:ident [$($declares:literal),*] $(#[$table:meta])* { $($(#[$meta:meta])* $field:ident: $ty:ty,)+ } opens $($entity:ident),+;)+) => {
        $(
            build!($name {
                #[derive(Entity, Clone, Debug, PartialEq, Default)]
                #[rome(table = "things")]
                $(#[$table])*
                pub struct Thing { $($(#[$meta])* pub $field: $ty,)+ }
            } opens $($entity),+);
        )+

        const BUILDS: &[Build] = &[$(Build {
            name: stringify!($name),
            declares: &[$($declares),*],
            open: |store| Box::pin(async move { $name::open(&store).await }),
            #[allow(clippy::needless_update, reason = "some builds have more columns")]
            write: |db, id, owner| Box::pin(async move {
                let thing = $name::Thing { id, owner, name: format!("thing {id}"), ..Default::default() };
                db.upsert(thing).await.map(drop)
            }),
        },)+];
    };
}

builds! {
    plain [] { #[rome(key)] id: u64, owner: u64, name: String, } opens Thing;
    reordered [] { name: String, owner: u64, #[rome(key)] id: u64, } opens Thing;
    column ["note: optional text"] { #[rome(key)] id: u64, owner: u64, note: Option<String>, name: String, } opens Thing;
    defaulted ["size: u32", "index by_size (size)"] {
        #[rome(key)] id: u64, owner: u64, name: String, #[rome(default = 3_u32, index)] size: u32,
    } opens Thing;
    required ["weight: u64"] { #[rome(key)] id: u64, owner: u64, name: String, weight: u64, } opens Thing;
    indexed ["index by_owner_name (owner, name)"] #[rome(index(owner, name))] {
        #[rome(key)] id: u64, owner: u64, name: String,
    } opens Thing;
    unique ["unique index unique_name (name)"] { #[rome(key)] id: u64, owner: u64, #[rome(unique)] name: String, } opens Thing;
    counted ["aggregate index count_by_owner: count(by = owner)"] #[rome(count(by = owner))] {
        #[rome(key)] id: u64, owner: u64, name: String,
    } opens Thing;
    referencing ["foreign key (owner) to owners", "index by_owner (owner)"] {
        #[rome(key)] id: u64, #[rome(references = Owner, on_delete = cascade)] owner: u64, name: String,
    } opens Owner, Thing;
    restricting ["foreign key (owner) to owners", "index by_owner (owner)"] {
        #[rome(key)] id: u64, #[rome(references = Owner)] owner: u64, name: String,
    } opens Owner, Thing;
    another_index ["index by_name (name)"] #[rome(index(name))] { #[rome(key)] id: u64, owner: u64, name: String, } opens Thing;
    same_name_other_index ["index by_name (owner)"] #[rome(index(owner, name = "by_name"))] {
        #[rome(key)] id: u64, owner: u64, name: String,
    } opens Thing;
    another_table [] { #[rome(key)] id: u64, owner: u64, name: String, } opens Owner, Thing;
}

async fn status(store: &Arc<dyn Store>) -> String {
    let tool = Database::builder().stored_tables().open(store.clone()).await.unwrap();
    tool.admin().status().await.unwrap().to_string()
}

/// The rows as they are stored, in the words of a dump.
async fn rows(store: &Arc<dyn Store>) -> BTreeMap<u64, String> {
    let tool = Database::builder().stored_tables().open(store.clone()).await.unwrap();
    let mut dump = Vec::new();
    tool.admin().dump(&mut dump, |_| {}).await.unwrap();
    let lines = String::from_utf8(dump).unwrap();
    let key = |line: &str| {
        let json: serde_json::Value = serde_json::from_str(line).ok()?;
        let row = json.get("row")?;
        Some((row.get("id")?.as_u64()?, row.to_string()))
    };
    lines.lines().filter_map(key).collect()
}

/// Opens a build beside what is there; whatever becomes of it, what others declare stays.
async fn open_beside(
    store: &Arc<dyn Store>,
    build: Build,
    declared: &mut Vec<&'static str>,
    path: &str,
) -> Option<Database> {
    let before = catalog(store).await;
    match (build.open)(store.clone()).await {
        Ok(db) => {
            declared.extend(build.declares);
            let status = status(store).await;
            for line in declared.iter() {
                assert!(status.contains(line), "{path}: `{line}` is gone from\n{status}");
            }
            Some(db)
        }
        Err(error) => {
            assert!(error.is_schema_mismatch(), "{path}: {error}");
            assert_eq!(catalog(store).await, before, "{path}: refused with {error}, and has changed the catalog");
            None
        }
    }
}

/// Writes by a handle: it does it, or says why not and has done nothing.
async fn write(db: &Database, build: Build, id: u64, owner: u64, path: &str) -> bool {
    match (build.write)(db.clone(), id, owner).await {
        Ok(()) => true,
        Err(error) => {
            let may = error.is_schema_mismatch() || error.is_foreign_key_violation();
            assert!(may, "{path}: {error}");
            false
        }
    }
}

#[tokio::test]
async fn what_one_build_declares_is_there_after_the_others_in_every_order() {
    for place_at in 0..places().len() {
        for first in BUILDS {
            let places: Vec<_> =
                BUILDS.iter().map(|second| (second, places().into_iter().nth(place_at).unwrap())).collect();
            for (second, place) in places {
                let path = format!("{}: {}, {}, {}", place.name, first.name, second.name, first.name);
                let store = place.open().await;
                let mut declared = Vec::new();
                let one = open_beside(&store, *first, &mut declared, &path).await.expect("the first is never refused");
                let mut expected = 0;
                expected += u64::from(write(&one, *first, 1, 7, &path).await);
                let other = open_beside(&store, *second, &mut declared, &path).await;
                if let Some(other) = &other {
                    expected += u64::from(write(other, *second, 2, 7, &path).await);
                    expected += u64::from(write(&one, *first, 3, 7, &path).await);
                }
                let again = open_beside(&store, *first, &mut declared, &path).await;
                if other.is_none() {
                    // The one that was there goes on as if nothing had been.
                    expected += u64::from(write(&one, *first, 3, 7, &path).await);
                    assert!(again.is_some(), "{path}: the first is not opened again after a refused one");
                }
                if let Some(again) = &again {
                    // Also a row that the other has written.
                    let both = rows(&store).await.contains_key(&2);
                    let replaced = write(again, *first, 2, 7, &path).await;
                    expected += u64::from(replaced && !both);
                }
                assert_eq!(rows(&store).await.len() as u64, expected, "{path}");
                let referenced = declared.contains(&"foreign key (owner) to owners");
                assert!(!referenced || expected == 0, "{path}: rows without their owner");
                assert_clean(&store).await;
            }
        }
    }
}
