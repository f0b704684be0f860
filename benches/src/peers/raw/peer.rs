//! The fourteen operations on redb: one transaction each, durable as redb commits by default.

use std::path::Path;

use anyhow::{Context, Result};
use chrono::{DateTime, Utc};
use redb::{Database, ReadableDatabase, ReadableTable, Table, TableDefinition};
use uuid::Uuid;

use super::{
    codec::{View, decode, encode},
    keys::{size_key, text_key, text_span, time_key},
};
use crate::{
    model::{self, COUNTERS, Image, Property},
    peer::{Position, SyncPeer},
};

const IMAGES: TableDefinition<&[u8; 16], &[u8]> = TableDefinition::new("images");
const BY_STATUS: TableDefinition<&[u8], ()> = TableDefinition::new("images_by_status");
const BY_OWNER: TableDefinition<&[u8], ()> = TableDefinition::new("images_by_owner");
const BY_SIZE: TableDefinition<&[u8; 24], ()> = TableDefinition::new("images_by_size");
const BY_CREATED: TableDefinition<&[u8; 24], ()> = TableDefinition::new("images_by_created");
const PROPERTIES: TableDefinition<&[u8], &str> = TableDefinition::new("properties");
const COUNTER: TableDefinition<u32, i64> = TableDefinition::new("counters");

/// redb by hand.
pub struct Raw {
    db: Database,
}

impl Raw {
    /// An empty database in this file.
    pub fn create(path: &Path) -> Result<Self> {
        Ok(Self { db: Database::create(path)? })
    }

    fn newest_between(&self, from: [u8; 24], to: [u8; 24], limit: u32) -> Result<Vec<Image>> {
        let read = self.db.begin_read()?;
        let images = read.open_table(IMAGES)?;
        let mut found = Vec::with_capacity(limit as usize);
        for entry in read.open_table(BY_CREATED)?.range::<&[u8; 24]>(&from..&to)?.rev().take(limit as usize) {
            let (entry, ()) = (entry?.0, ());
            let id = entry.value().last_chunk().context("an index entry ends in a key")?;
            found.push(fetch(&images, id)?.context("an index entry without its row")?);
        }
        Ok(found)
    }
}

impl SyncPeer for Raw {
    fn load(&mut self, images: u64) -> Result<()> {
        let write = self.db.begin_write()?;
        {
            let mut tables = Tables::open(&write)?;
            let mut properties = write.open_table(PROPERTIES)?;
            for number in 0..images {
                tables.insert(&model::image(number))?;
                for property in model::properties(number) {
                    properties.insert(property_key(&property).as_slice(), property.value.as_str())?;
                }
            }
            let mut counters = write.open_table(COUNTER)?;
            for counter in 0..COUNTERS {
                counters.insert(counter, 0)?;
            }
        }
        Ok(write.commit()?)
    }

    fn get(&self, id: Uuid) -> Result<Option<Image>> {
        fetch(&self.db.begin_read()?.open_table(IMAGES)?, id.as_bytes())
    }

    fn get_many(&self, ids: &[Uuid]) -> Result<Vec<Image>> {
        let read = self.db.begin_read()?;
        let images = read.open_table(IMAGES)?;
        let mut found = Vec::with_capacity(ids.len());
        for id in ids {
            found.extend(fetch(&images, id.as_bytes())?);
        }
        Ok(found)
    }

    fn by_owner(&self, owner: &str) -> Result<Vec<Image>> {
        let read = self.db.begin_read()?;
        let images = read.open_table(IMAGES)?;
        let (from, to) = text_span(owner);
        let mut found = Vec::new();
        for entry in read.open_table(BY_OWNER)?.range::<&[u8]>(from.as_slice()..to.as_slice())? {
            let entry = entry?.0;
            let id = entry.value().last_chunk().context("an index entry ends in a key")?;
            found.push(fetch(&images, id)?.context("an index entry without its row")?);
        }
        Ok(found)
    }

    fn newest(&self, from: DateTime<Utc>, to: DateTime<Utc>, limit: u32) -> Result<Vec<Image>> {
        self.newest_between(time_key(from, Uuid::nil()), time_key(to, Uuid::nil()), limit)
    }

    fn filtered(&self, status: &str, owner: &str, disk_format: &str, limit: u32) -> Result<Vec<Image>> {
        let read = self.db.begin_read()?;
        let images = read.open_table(IMAGES)?;
        let (from, to) = text_span(owner);
        let mut found = Vec::new();
        for entry in read.open_table(BY_OWNER)?.range::<&[u8]>(from.as_slice()..to.as_slice())? {
            let entry = entry?.0;
            let id = entry.value().last_chunk().context("an index entry ends in a key")?;
            let bytes = images.get(id)?.context("an index entry without its row")?;
            let view = View::of(bytes.value())?;
            if view.status == status && view.disk_format == disk_format {
                found.push(view.to_image(Uuid::from_bytes(*id))?);
                if found.len() == limit as usize {
                    break;
                }
            }
        }
        Ok(found)
    }

    fn page(&self, after: Option<Position>, limit: u32) -> Result<Vec<Image>> {
        let end = after.map_or([0xff; 24], |position| time_key(position.created_at, position.id));
        self.newest_between([0; 24], end, limit)
    }

    fn with_properties(&self, owner: &str) -> Result<Vec<(Image, Vec<Property>)>> {
        let images = self.by_owner(owner)?;
        let read = self.db.begin_read()?;
        let properties = read.open_table(PROPERTIES)?;
        let mut found = Vec::with_capacity(images.len());
        for image in images {
            let mut own = Vec::with_capacity(5);
            let mut to = image.id.as_bytes().to_vec();
            to.push(0xff);
            for entry in properties.range::<&[u8]>(image.id.as_bytes().as_slice()..to.as_slice())? {
                let (key, value) = entry?;
                own.push(Property {
                    image_id: image.id,
                    name: std::str::from_utf8(&key.value()[16..])?.to_owned(),
                    value: value.value().to_owned(),
                });
            }
            found.push((image, own));
        }
        Ok(found)
    }

    fn count_owner(&self, owner: &str) -> Result<u64> {
        let read = self.db.begin_read()?;
        count(&read.open_table(BY_OWNER)?, owner)
    }

    fn count_status(&self, status: &str) -> Result<u64> {
        let read = self.db.begin_read()?;
        count(&read.open_table(BY_STATUS)?, status)
    }

    fn insert(&self, image: Image) -> Result<()> {
        let write = self.db.begin_write()?;
        Tables::open(&write)?.insert(&image)?;
        Ok(write.commit()?)
    }

    fn update_size(&self, id: Uuid, size: i64, now: DateTime<Utc>) -> Result<()> {
        let write = self.db.begin_write()?;
        {
            let mut images = write.open_table(IMAGES)?;
            let mut by_size = write.open_table(BY_SIZE)?;
            let mut image = fetch(&images, id.as_bytes())?.context("no such image")?;
            by_size.remove(&size_key(image.size, id))?;
            image.size = size;
            image.updated_at = now;
            by_size.insert(&size_key(size, id), ())?;
            images.insert(id.as_bytes(), encode(&image).as_slice())?;
        }
        Ok(write.commit()?)
    }

    fn delete(&self, id: Uuid) -> Result<()> {
        self.remove(&[id])
    }

    fn insert_many(&self, mut images: Vec<Image>) -> Result<()> {
        // In key order the B-tree splits and copies fewer pages.
        images.sort_unstable_by_key(|image| image.id);
        let write = self.db.begin_write()?;
        {
            let mut tables = Tables::open(&write)?;
            for image in &images {
                tables.images.insert(image.id.as_bytes(), encode(image).as_slice())?;
            }
            insert_sorted(&mut tables.by_status, images.iter().map(|image| text_key(&image.status, image.id)))?;
            insert_sorted(&mut tables.by_owner, images.iter().map(|image| text_key(&image.owner, image.id)))?;
            let mut sizes: Vec<_> = images.iter().map(|image| size_key(image.size, image.id)).collect();
            sizes.sort_unstable();
            for key in &sizes {
                tables.by_size.insert(key, ())?;
            }
            let mut times: Vec<_> = images.iter().map(|image| time_key(image.created_at, image.id)).collect();
            times.sort_unstable();
            for key in &times {
                tables.by_created.insert(key, ())?;
            }
        }
        Ok(write.commit()?)
    }

    fn increment(&self, counter: u32) -> Result<()> {
        let write = self.db.begin_write()?;
        {
            let mut counters = write.open_table(COUNTER)?;
            let value = counters.get(counter)?.context("no such counter")?.value();
            counters.insert(counter, value + 1)?;
        }
        Ok(write.commit()?)
    }

    fn counted(&self) -> Result<i64> {
        let mut sum = 0;
        for entry in self.db.begin_read()?.open_table(COUNTER)?.iter()? {
            sum += entry?.1.value();
        }
        Ok(sum)
    }

    fn remove(&self, ids: &[Uuid]) -> Result<()> {
        let write = self.db.begin_write()?;
        {
            let mut tables = Tables::open(&write)?;
            for id in ids {
                tables.remove(*id)?;
            }
        }
        Ok(write.commit()?)
    }
}

/// The image table and its indexes, open in one write transaction.
struct Tables<'t> {
    images: Table<'t, &'static [u8; 16], &'static [u8]>,
    by_status: Table<'t, &'static [u8], ()>,
    by_owner: Table<'t, &'static [u8], ()>,
    by_size: Table<'t, &'static [u8; 24], ()>,
    by_created: Table<'t, &'static [u8; 24], ()>,
}

impl<'t> Tables<'t> {
    fn open(write: &'t redb::WriteTransaction) -> Result<Self> {
        Ok(Self {
            images: write.open_table(IMAGES)?,
            by_status: write.open_table(BY_STATUS)?,
            by_owner: write.open_table(BY_OWNER)?,
            by_size: write.open_table(BY_SIZE)?,
            by_created: write.open_table(BY_CREATED)?,
        })
    }

    fn insert(&mut self, image: &Image) -> Result<()> {
        self.images.insert(image.id.as_bytes(), encode(image).as_slice())?;
        self.by_status.insert(text_key(&image.status, image.id).as_slice(), ())?;
        self.by_owner.insert(text_key(&image.owner, image.id).as_slice(), ())?;
        self.by_size.insert(&size_key(image.size, image.id), ())?;
        self.by_created.insert(&time_key(image.created_at, image.id), ())?;
        Ok(())
    }

    fn remove(&mut self, id: Uuid) -> Result<()> {
        let image = match self.images.remove(id.as_bytes())? {
            Some(bytes) => decode(id, bytes.value())?,
            None => return Ok(()),
        };
        self.by_status.remove(text_key(&image.status, id).as_slice())?;
        self.by_owner.remove(text_key(&image.owner, id).as_slice())?;
        self.by_size.remove(&size_key(image.size, id))?;
        self.by_created.remove(&time_key(image.created_at, id))?;
        Ok(())
    }
}

fn fetch(images: &impl ReadableTable<&'static [u8; 16], &'static [u8]>, key: &[u8; 16]) -> Result<Option<Image>> {
    images.get(key)?.map(|bytes| decode(Uuid::from_bytes(*key), bytes.value())).transpose()
}

fn count(index: &impl ReadableTable<&'static [u8], ()>, text: &str) -> Result<u64> {
    let (from, to) = text_span(text);
    let mut entries = 0;
    for entry in index.range::<&[u8]>(from.as_slice()..to.as_slice())? {
        entry?;
        entries += 1;
    }
    Ok(entries)
}

fn insert_sorted(index: &mut Table<'_, &'static [u8], ()>, keys: impl Iterator<Item = Vec<u8>>) -> Result<()> {
    let mut keys: Vec<_> = keys.collect();
    keys.sort_unstable();
    for key in &keys {
        index.insert(key.as_slice(), ())?;
    }
    Ok(())
}

fn property_key(property: &Property) -> Vec<u8> {
    let mut key = property.image_id.as_bytes().to_vec();
    key.extend_from_slice(property.name.as_bytes());
    key
}
