//! The operations on Redis as someone who knows it well writes them for this one table.
//!
//! A row is one field of a hash, an entry one member of a sorted set without scores. A write that depends on what is
//! stored reads it, decides in Rust as a program does, and sends one script that writes if that is still so; a conflict is
//! tried again. [`Logic::There`] is the other way, in which the script knows the bytes of a row and decides by itself: one
//! round trip, for the three writes where that makes a difference.

use std::{sync::Arc, time::Duration};

use anyhow::{Context, Result, bail, ensure};
use chrono::{DateTime, Utc};
use redis::{AsyncConnectionConfig, Pipeline, ScriptInvocation, aio::MultiplexedConnection};
use uuid::Uuid;

use super::scripts::Scripts;
use crate::{
    measure::Load,
    model::{self, COUNTERS, Image},
    operation::{BULK, Operation, Reply, Request, SHORT_LIMIT},
    peer::{Peer, servers_answer},
    peers::raw::{
        decode, encode,
        keys::{size_key, text_key, text_span, time_key},
    },
};

const ROWS: &str = "{raw}:images";
const BY_STATUS: &str = "{raw}:status";
const BY_OWNER: &str = "{raw}:owner";
const BY_SIZE: &str = "{raw}:size";
const BY_CREATED: &str = "{raw}:created";
const COUNTER: &str = "{raw}:counters";

/// Where a write decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Logic {
    /// In the program, from what it read.
    Here,
    /// In the script.
    There,
}

/// Redis by hand.
#[derive(Clone)]
pub struct RawRedis {
    connection: MultiplexedConnection,
    scripts: Arc<Scripts>,
    logic: Logic,
}

impl RawRedis {
    /// A connection to the server at this URL.
    pub async fn connect(url: &str) -> Result<Self> {
        let config = AsyncConnectionConfig::new().set_response_timeout(Some(Duration::from_secs(30)));
        let connection = redis::Client::open(url)?.get_multiplexed_async_connection_with_config(&config).await?;
        Ok(Self { connection, scripts: Arc::default(), logic: Logic::Here })
    }

    /// The process id of the server.
    pub async fn server_id(&self) -> Result<u32> {
        let mut info = redis::cmd("INFO");
        let info: String = info.arg("server").query_async(&mut self.connection.clone()).await?;
        let id = info.lines().find_map(|line| line.strip_prefix("process_id:")).context("INFO has no process_id")?;
        Ok(id.trim().parse()?)
    }

    /// The same data, written another way.
    pub fn with_logic(&self, logic: Logic) -> Self {
        Self { logic, ..self.clone() }
    }

    async fn get(&self, id: Uuid) -> Result<Option<Vec<u8>>> {
        let mut get = redis::cmd("HGET");
        get.arg(ROWS).arg(id.as_bytes());
        Ok(get.query_async(&mut self.connection.clone()).await?)
    }

    /// The rows of these keys, in their order.
    async fn rows<'k>(&self, ids: impl IntoIterator<Item = &'k [u8]>) -> Result<Vec<Image>> {
        let mut get = redis::cmd("HMGET");
        get.arg(ROWS);
        let mut keys = Vec::with_capacity(100);
        for id in ids {
            get.arg(id);
            keys.push(Uuid::from_slice(id)?);
        }
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let rows: Vec<Option<Vec<u8>>> = get.query_async(&mut self.connection.clone()).await?;
        let rows = keys.into_iter().zip(rows).filter_map(|(id, row)| Some(decode(id, &row?)));
        rows.collect()
    }

    /// The rows behind the entries that a command finds.
    async fn behind(&self, range: &redis::Cmd) -> Result<Vec<Image>> {
        let entries: Vec<Vec<u8>> = range.query_async(&mut self.connection.clone()).await?;
        self.rows(entries.iter().map(|entry| &entry[entry.len() - 16..])).await
    }

    async fn newest(&self, from: DateTime<Utc>, to: DateTime<Utc>) -> Result<Vec<Image>> {
        let mut range = redis::cmd("ZRANGE");
        range.arg(BY_CREATED).arg(below(&time_key(to, Uuid::nil()))).arg(from_on(&time_key(from, Uuid::nil())));
        range.arg("BYLEX").arg("REV").arg("LIMIT").arg(0).arg(SHORT_LIMIT);
        self.behind(&range).await
    }

    async fn count(&self, index: &str, text: &str) -> Result<u64> {
        let (from, to) = text_span(text);
        let mut count = redis::cmd("ZLEXCOUNT");
        count.arg(index).arg(from_on(&from)).arg(below(&to));
        Ok(count.query_async(&mut self.connection.clone()).await?)
    }

    /// Whether the script did it.
    async fn call(&self, call: &ScriptInvocation<'_>) -> Result<bool> {
        Ok(call.invoke_async(&mut self.connection.clone()).await?)
    }

    async fn insert(&self, image: &Image) -> Result<()> {
        let mut call = self.scripts.insert.prepare_invoke();
        call.key(ROWS).key(BY_STATUS).key(BY_OWNER).key(BY_SIZE).key(BY_CREATED);
        call.arg(image.id.as_bytes()).arg(encode(image));
        add_entries(&mut call, image);
        ensure!(self.call(&call).await?, "the key {} is taken", image.id);
        Ok(())
    }

    async fn update_size(&self, id: Uuid, size: i64, now: DateTime<Utc>) -> Result<()> {
        if self.logic == Logic::There {
            let mut call = self.scripts.update_there.prepare_invoke();
            call.key(ROWS).key(BY_SIZE).arg(id.as_bytes()).arg(&size.to_le_bytes()[..]);
            call.arg(&now.timestamp_micros().to_le_bytes()[..]).arg(&size.to_be_bytes()[..]);
            ensure!(self.call(&call).await?, "no such image");
            return Ok(());
        }
        loop {
            let row = self.get(id).await?.context("no such image")?;
            let mut image = decode(id, &row)?;
            let old = size_key(image.size, id);
            (image.size, image.updated_at) = (size, now);
            let mut call = self.scripts.update.prepare_invoke();
            call.key(ROWS).key(BY_SIZE).arg(id.as_bytes()).arg(row).arg(encode(&image));
            call.arg(&old[..]).arg(&size_key(size, id)[..]);
            if self.call(&call).await? {
                return Ok(());
            }
        }
    }

    async fn delete(&self, id: Uuid) -> Result<()> {
        if self.logic == Logic::There {
            let mut call = self.scripts.delete_there.prepare_invoke();
            call.key(ROWS).key(BY_STATUS).key(BY_OWNER).key(BY_SIZE).key(BY_CREATED).arg(id.as_bytes());
            ensure!(self.call(&call).await?, "no such image");
            return Ok(());
        }
        loop {
            let Some(row) = self.get(id).await? else { return Ok(()) };
            let image = decode(id, &row)?;
            let mut call = self.scripts.delete.prepare_invoke();
            call.key(ROWS).key(BY_STATUS).key(BY_OWNER).key(BY_SIZE).key(BY_CREATED);
            call.arg(id.as_bytes()).arg(row);
            add_entries(&mut call, &image);
            if self.call(&call).await? {
                return Ok(());
            }
        }
    }

    async fn increment(&self, counter: u32) -> Result<()> {
        if self.logic == Logic::There {
            let mut add = redis::cmd("HINCRBY");
            add.arg(COUNTER).arg(counter).arg(1);
            return Ok(add.query_async(&mut self.connection.clone()).await?);
        }
        loop {
            let mut get = redis::cmd("HGET");
            get.arg(COUNTER).arg(counter);
            let value: i64 = get.query_async(&mut self.connection.clone()).await?;
            let mut call = self.scripts.replace.prepare_invoke();
            call.key(COUNTER).arg(counter).arg(value).arg(value + 1);
            if self.call(&call).await? {
                return Ok(());
            }
        }
    }

    async fn insert_many(&self, images: impl Iterator<Item = Image>) -> Result<()> {
        let mut all = redis::pipe();
        all.atomic();
        for image in images {
            all.hset(ROWS, image.id.as_bytes(), encode(&image)).ignore();
            each_entry(&image, |index, entry| {
                all.zadd(index, entry, 0).ignore();
            });
        }
        Ok(all.query_async(&mut self.connection.clone()).await?)
    }
}

impl Peer for RawRedis {
    async fn load(&mut self, images: u64) -> Result<()> {
        for first in (0..images).step_by(BULK) {
            self.insert_many((first..images.min(first + BULK as u64)).map(model::image)).await?;
        }
        let mut counters = Pipeline::new();
        for counter in 0..COUNTERS {
            counters.hset(COUNTER, counter, 0).ignore();
        }
        Ok(counters.query_async(&mut self.connection).await?)
    }

    fn answers(&self, operation: Operation, load: Load) -> bool {
        let differs = matches!(operation, Operation::UpdateIndexed | Operation::Delete | Operation::Counter);
        servers_answer(operation, load) && (self.logic == Logic::Here || differs)
    }

    async fn run(&self, request: Request) -> Result<Reply> {
        Ok(match request {
            Request::PointGet(id) => Reply::Image(self.get(id).await?.map(|row| decode(id, &row)).transpose()?),
            Request::GetMany(ids) => Reply::Images(self.rows(ids.iter().map(|id| &id.as_bytes()[..])).await?),
            Request::ByOwner(owner) => {
                let (from, to) = text_span(&owner);
                let mut range = redis::cmd("ZRANGE");
                range.arg(BY_OWNER).arg(from_on(&from)).arg(below(&to)).arg("BYLEX");
                Reply::Images(self.behind(&range).await?)
            }
            Request::Newest { from, to } => Reply::Images(self.newest(from, to).await?),
            Request::CountStatus(status) => Reply::Count(self.count(BY_STATUS, status).await?),
            Request::Insert(image) => done(self.insert(&image).await)?,
            Request::UpdateSize { id, size, now } => done(self.update_size(id, size, now).await)?,
            Request::Delete(id) => done(self.delete(id).await)?,
            Request::InsertMany(images) => done(self.insert_many(images.into_iter()).await)?,
            Request::Increment(counter) => done(self.increment(counter).await)?,
            other => bail!("not measured on servers: {other:?}"),
        })
    }

    async fn counted(&self) -> Result<i64> {
        let mut values = redis::cmd("HVALS");
        values.arg(COUNTER);
        let values: Vec<i64> = values.query_async(&mut self.connection.clone()).await?;
        Ok(values.into_iter().sum())
    }

    async fn remove(&self, ids: Vec<Uuid>) -> Result<()> {
        let images = self.rows(ids.iter().map(|id| &id.as_bytes()[..])).await?;
        let mut all = redis::pipe();
        all.atomic();
        for image in &images {
            all.hdel(ROWS, image.id.as_bytes()).ignore();
            each_entry(image, |index, entry| {
                all.zrem(index, entry).ignore();
            });
        }
        Ok(all.query_async(&mut self.connection.clone()).await?)
    }
}

fn each_entry(image: &Image, mut add: impl FnMut(&str, &[u8])) {
    add(BY_STATUS, &text_key(&image.status, image.id));
    add(BY_OWNER, &text_key(&image.owner, image.id));
    add(BY_SIZE, &size_key(image.size, image.id));
    add(BY_CREATED, &time_key(image.created_at, image.id));
}

fn add_entries(call: &mut ScriptInvocation<'_>, image: &Image) {
    each_entry(image, |_, entry| {
        call.arg(entry);
    });
}

/// A bound that takes the key in.
fn from_on(key: &[u8]) -> Vec<u8> {
    [b"[", key].concat()
}

/// A bound that leaves the key out.
fn below(key: &[u8]) -> Vec<u8> {
    [b"(", key].concat()
}

fn done(result: Result<()>) -> Result<Reply> {
    result.map(|()| Reply::Done)
}
