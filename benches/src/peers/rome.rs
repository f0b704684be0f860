//! ROME, as its users write it. The same program runs on every store.

use std::sync::Arc;

use anyhow::{Context, Result};
use rome_orm::prelude::*;
use uuid::Uuid;

use crate::{
    measure::Load,
    model::{self, COUNTERS, Counter, Image, Property},
    operation::{BULK, Operation, PAGE, PAGES, Reply, Request, SHORT_LIMIT},
    peer::{Peer, servers_answer},
};

/// A database of ROME and the cursors of its pages.
#[derive(Clone)]
pub struct Rome {
    db: Database,
    on_server: bool,
    cursors: Arc<Vec<Option<Cursor>>>,
}

impl Rome {
    /// An empty database at this URL.
    pub async fn open(url: &str) -> Result<Self> {
        let entities = Database::builder().entity::<Image>().entity::<Property>().entity::<Counter>();
        Ok(Self { db: entities.open(url).await?, on_server: false, cursors: Arc::default() })
    }

    /// The same, asked only for what is measured on servers.
    pub async fn open_on_server(url: &str) -> Result<Self> {
        Ok(Self { on_server: true, ..Self::open(url).await? })
    }

    /// The database itself.
    pub fn database(&self) -> &Database {
        &self.db
    }

    async fn page(&self, after: Option<Cursor>) -> Result<Page<Image>> {
        let newest_first = self.db.query::<Image>().order_by(Image::CREATED_AT.desc());
        Ok(newest_first.page(PAGE).after(after).fetch().await?)
    }

    async fn by_owner(&self, owner: String) -> Result<Vec<Image>> {
        Ok(self.db.query::<Image>().filter(Image::OWNER.eq(owner)).all().await?)
    }

    async fn with_properties(&self, owner: String) -> Result<Vec<(Image, Vec<Property>)>> {
        let images = self.db.query::<Image>().filter(Image::OWNER.eq(owner)).with(Image::PROPERTIES).all().await?;
        let apart = |mut image: Image| {
            let own = std::mem::take(&mut image.properties).into_inner()?;
            Ok((image, own))
        };
        images.into_iter().map(apart).collect()
    }

    async fn increment(&self, counter: u32) -> Result<()> {
        let increment = async move |s: &Session| {
            let mut counter = s.get::<Counter>(counter).await?.ok_or_not_found()?;
            counter.value += 1;
            s.update(&counter).await
        };
        self.db.transaction(increment).await?;
        Ok(())
    }
}

impl Peer for Rome {
    async fn load(&mut self, images: u64) -> Result<()> {
        for first in (0..images).step_by(BULK) {
            let numbers = first..images.min(first + BULK as u64);
            self.db.insert_many(numbers.clone().map(model::image)).await?;
            self.db.insert_many(numbers.flat_map(model::properties)).await?;
        }
        self.db.insert_many((0..COUNTERS).map(|id| Counter { id, value: 0 })).await?;
        let mut cursors = vec![None];
        while cursors.len() < PAGES {
            let page = self.page(cursors[cursors.len() - 1].clone()).await?;
            cursors.push(Some(page.next.context("fewer pages than the workload asks for")?));
        }
        self.cursors = Arc::new(cursors);
        Ok(())
    }

    fn answers(&self, operation: Operation, load: Load) -> bool {
        if self.on_server { servers_answer(operation, load) } else { load != Load::SixtyFour }
    }

    async fn run(&self, request: Request) -> Result<Reply> {
        let images = || self.db.query::<Image>();
        Ok(match request {
            Request::PointGet(id) => Reply::Image(self.db.get::<Image>(id).await?),
            Request::GetMany(ids) => {
                Reply::Images(self.db.get_many::<Image>(ids).await?.into_iter().flatten().collect())
            }
            Request::ByOwner(owner) => Reply::Images(self.by_owner(owner).await?),
            Request::Newest { from, to } => {
                let range = Image::CREATED_AT.ge(from).and(Image::CREATED_AT.lt(to));
                let newest = images().filter(range).order_by(Image::CREATED_AT.desc()).limit(SHORT_LIMIT.into());
                Reply::Images(newest.all().await?)
            }
            Request::Filtered { status, owner, disk_format } => Reply::Images(
                images()
                    .filter(Image::STATUS.eq(status))
                    .filter(Image::OWNER.eq(owner))
                    .filter(Image::DISK_FORMAT.eq(disk_format))
                    .limit(SHORT_LIMIT.into())
                    .all()
                    .await?,
            ),
            Request::Page(number) => Reply::Images(self.page(self.cursors[number].clone()).await?.items),
            Request::WithProperties(owner) => Reply::WithProperties(self.with_properties(owner).await?),
            Request::Joined(owner) => {
                let pairs = images().join(Image::PROPERTIES).filter(Image::OWNER.eq(owner));
                Reply::Joined(pairs.all().await?)
            }
            Request::CountOwner(owner) => Reply::Count(images().filter(Image::OWNER.eq(owner)).count().await?),
            Request::CountStatus(status) => Reply::Count(images().filter(Image::STATUS.eq(status)).count().await?),
            Request::Insert(image) => {
                self.db.insert(image).await?;
                Reply::Done
            }
            Request::UpdateSize { id, size, now } => {
                let assignments = (Image::SIZE.set(size), Image::UPDATED_AT.set(now));
                images().filter(Image::ID.eq(id)).update(assignments).await?;
                Reply::Done
            }
            Request::Delete(id) => {
                self.db.delete_by_key::<Image>(id).await?;
                Reply::Done
            }
            Request::InsertMany(images) => {
                self.db.insert_many(images).await?;
                Reply::Done
            }
            Request::Increment(counter) => {
                self.increment(counter).await?;
                Reply::Done
            }
        })
    }

    async fn counted(&self) -> Result<i64> {
        Ok(self.db.query::<Counter>().all().await?.iter().map(|counter| counter.value).sum())
    }

    async fn remove(&self, ids: Vec<Uuid>) -> Result<()> {
        self.db.query::<Image>().filter(Image::ID.is_in(ids)).delete().await?;
        Ok(())
    }
}
