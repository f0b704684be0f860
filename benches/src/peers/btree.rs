//! A program that keeps its images in BTreeMaps behind a lock: the floor for the in-memory store.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use anyhow::{Context, Result};
use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::{
    model::{self, COUNTERS, Image, Property},
    peer::{Position, SyncPeer},
};

/// The maps of a program without a database.
#[derive(Default)]
pub struct BTree {
    tables: RwLock<Tables>,
}

#[derive(Default)]
struct Tables {
    images: BTreeMap<Uuid, Image>,
    by_status: BTreeSet<(String, Uuid)>,
    by_owner: BTreeSet<(String, Uuid)>,
    by_size: BTreeSet<(i64, Uuid)>,
    by_created: BTreeSet<(DateTime<Utc>, Uuid)>,
    properties: BTreeMap<(Uuid, String), String>,
    counters: BTreeMap<u32, i64>,
}

impl Tables {
    fn insert(&mut self, image: Image) {
        self.by_status.insert((image.status.clone(), image.id));
        self.by_owner.insert((image.owner.clone(), image.id));
        self.by_size.insert((image.size, image.id));
        self.by_created.insert((image.created_at, image.id));
        self.images.insert(image.id, image);
    }

    fn remove(&mut self, id: Uuid) {
        if let Some(image) = self.images.remove(&id) {
            self.by_status.remove(&(image.status, id));
            self.by_owner.remove(&(image.owner, id));
            self.by_size.remove(&(image.size, id));
            self.by_created.remove(&(image.created_at, id));
        }
    }

    fn of_owner(&self, owner: &str) -> impl Iterator<Item = &Image> {
        self.by_owner.range(span(owner)).map(|(_, id)| &self.images[id])
    }
}

impl BTree {
    fn read(&self) -> RwLockReadGuard<'_, Tables> {
        self.tables.read().expect("no peer panics while it holds the lock")
    }

    fn write(&self) -> RwLockWriteGuard<'_, Tables> {
        self.tables.write().expect("no peer panics while it holds the lock")
    }
}

impl SyncPeer for BTree {
    fn load(&mut self, images: u64) -> Result<()> {
        let mut tables = self.write();
        for number in 0..images {
            tables.insert(model::image(number));
            for property in model::properties(number) {
                tables.properties.insert((property.image_id, property.name), property.value);
            }
        }
        tables.counters = (0..COUNTERS).map(|counter| (counter, 0)).collect();
        Ok(())
    }

    fn get(&self, id: Uuid) -> Result<Option<Image>> {
        Ok(self.read().images.get(&id).cloned())
    }

    fn get_many(&self, ids: &[Uuid]) -> Result<Vec<Image>> {
        let tables = self.read();
        Ok(ids.iter().filter_map(|id| tables.images.get(id).cloned()).collect())
    }

    fn by_owner(&self, owner: &str) -> Result<Vec<Image>> {
        Ok(self.read().of_owner(owner).cloned().collect())
    }

    fn newest(&self, from: DateTime<Utc>, to: DateTime<Utc>, limit: u32) -> Result<Vec<Image>> {
        let tables = self.read();
        let range = tables.by_created.range((from, Uuid::nil())..(to, Uuid::nil()));
        Ok(range.rev().take(limit as usize).map(|(_, id)| tables.images[id].clone()).collect())
    }

    fn filtered(&self, status: &str, owner: &str, disk_format: &str, limit: u32) -> Result<Vec<Image>> {
        let tables = self.read();
        let matching =
            tables.of_owner(owner).filter(|image| image.status == status && image.disk_format == disk_format);
        Ok(matching.take(limit as usize).cloned().collect())
    }

    fn page(&self, after: Option<Position>, limit: u32) -> Result<Vec<Image>> {
        let tables = self.read();
        let end = after.map_or((DateTime::<Utc>::MAX_UTC, Uuid::max()), |after| (after.created_at, after.id));
        Ok(tables.by_created.range(..end).rev().take(limit as usize).map(|(_, id)| tables.images[id].clone()).collect())
    }

    fn with_properties(&self, owner: &str) -> Result<Vec<(Image, Vec<Property>)>> {
        let tables = self.read();
        let with_own = |image: &Image| {
            let range = tables.properties.range((image.id, String::new())..);
            let own = range.take_while(|((id, _), _)| *id == image.id).map(|((id, name), value)| Property {
                image_id: *id,
                name: name.clone(),
                value: value.clone(),
            });
            (image.clone(), own.collect())
        };
        Ok(tables.of_owner(owner).map(with_own).collect())
    }

    fn count_owner(&self, owner: &str) -> Result<u64> {
        Ok(self.read().by_owner.range(span(owner)).count() as u64)
    }

    fn count_status(&self, status: &str) -> Result<u64> {
        Ok(self.read().by_status.range(span(status)).count() as u64)
    }

    fn insert(&self, image: Image) -> Result<()> {
        self.write().insert(image);
        Ok(())
    }

    fn update_size(&self, id: Uuid, size: i64, now: DateTime<Utc>) -> Result<()> {
        let mut tables = self.write();
        let image = tables.images.get_mut(&id).context("no such image")?;
        let old = std::mem::replace(&mut image.size, size);
        image.updated_at = now;
        tables.by_size.remove(&(old, id));
        tables.by_size.insert((size, id));
        Ok(())
    }

    fn delete(&self, id: Uuid) -> Result<()> {
        self.write().remove(id);
        Ok(())
    }

    fn insert_many(&self, images: Vec<Image>) -> Result<()> {
        let mut tables = self.write();
        images.into_iter().for_each(|image| tables.insert(image));
        Ok(())
    }

    fn increment(&self, counter: u32) -> Result<()> {
        *self.write().counters.get_mut(&counter).context("no such counter")? += 1;
        Ok(())
    }

    fn counted(&self) -> Result<i64> {
        Ok(self.read().counters.values().sum())
    }

    fn remove(&self, ids: &[Uuid]) -> Result<()> {
        let mut tables = self.write();
        ids.iter().for_each(|id| tables.remove(*id));
        Ok(())
    }
}

fn span(text: &str) -> std::ops::RangeInclusive<(String, Uuid)> {
    (text.to_owned(), Uuid::nil())..=(text.to_owned(), Uuid::max())
}
