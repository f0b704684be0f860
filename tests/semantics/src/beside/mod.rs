//! Builds of different times and makers beside each other on one database: none changes the schema for others by being opened.

mod columns;
mod dropped;
mod foreign_keys;
mod pairs;
mod refused;

use std::sync::Arc;

use bytes::Bytes;
use rome_orm::SchemaPolicy;
use rome_orm::prelude::*;
use rome_orm::store::{Partition, Read, ReadOptions, Reply, Space, Span, Store};

/// A build: its entities, in a module of its own.
macro_rules! build {
    ($name:ident { $($item:item)+ } opens $($entity:ident),+) => {
        #[allow(dead_code)]
        mod $name {
            use super::*;

            $($item)+

            pub fn builder() -> rome_orm::DatabaseBuilder {
                Database::builder()$(.entity::<$entity>())+
            }

            pub async fn open(store: &Arc<dyn Store>) -> rome_orm::Result<Database> {
                open_as(store, SchemaPolicy::Apply).await
            }

            pub async fn open_as(store: &Arc<dyn Store>, how: SchemaPolicy) -> rome_orm::Result<Database> {
                builder().schema_policy(how).open(store.clone()).await
            }

            pub async fn plan(store: &Arc<dyn Store>) -> rome_orm::change::SchemaPlan {
                builder().plan(store.clone()).await.unwrap()
            }
        }
    };
}
use build;

/// All records of the catalog's space of each partition, as they are stored, and their versions.
async fn catalog(store: &Arc<dyn Store>) -> Vec<(Partition, Bytes, String, Bytes)> {
    let mut all = Vec::new();
    for partition in (0..store.capabilities().partitions).map(Partition) {
        let scan = Read::Scan { span: Span::all(Space::Meta), filter: None, want: None, track: false };
        let reply =
            store.read(&[(partition, vec![scan])], ReadOptions::new()).await.unwrap().remove(0).replies.remove(0);
        let Reply::Scanned(scanned) = reply else { panic!("{reply:?}") };
        let copy = Bytes::copy_from_slice;
        all.extend(scanned.iter().map(|r| (partition, copy(r.key), r.version.to_string(), copy(r.value))));
    }
    all
}

/// The stored tables are right in themselves.
async fn assert_clean(store: &Arc<dyn Store>) {
    let tool = Database::builder().stored_tables().open(store.clone()).await.unwrap();
    let report = tool.admin().check().await.unwrap();
    assert!(report.findings.is_empty(), "{report}");
}

#[track_caller]
fn assert_says(error: &rome_orm::Error, parts: &[&str]) {
    for part in parts {
        assert!(error.to_string().contains(part), "{error} does not say {part}");
    }
}
