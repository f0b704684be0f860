//! What a competitor has to be able to do, and how blocking ones are called from async tasks.

use std::{future::Future, sync::Arc};

use anyhow::Result;
use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::{
    measure::Load,
    model::{Image, Property},
    operation::{Operation, Reply, Request},
};

/// A competitor as the harness sees it.
pub trait Peer: Clone + Send + Sync + 'static {
    /// Fills an empty store with this many images, their properties and the counters, and prepares the page cursors.
    fn load(&mut self, images: u64) -> impl Future<Output = Result<()>> + Send;

    /// Whether it is asked for this operation by so many clients.
    fn answers(&self, _operation: Operation, load: Load) -> bool {
        load != Load::SixtyFour
    }

    /// Answers one request.
    fn run(&self, request: Request) -> impl Future<Output = Result<Reply>> + Send;

    /// The sum of the counters: no increment may be lost.
    fn counted(&self) -> impl Future<Output = Result<i64>> + Send;

    /// Removes these images, all at once and outside the clock.
    fn remove(&self, ids: Vec<Uuid>) -> impl Future<Output = Result<()>> + Send;
}

/// The place after which a page starts, newest first.
#[derive(Clone, Copy, Debug)]
pub struct Position {
    pub created_at: DateTime<Utc>,
    pub id: Uuid,
}

impl Position {
    /// The position of a row.
    pub fn of(image: &Image) -> Self {
        Self { created_at: image.created_at, id: image.id }
    }
}

/// Whether a competitor on a server is asked for this operation by so many clients.
pub fn servers_answer(operation: Operation, load: Load) -> bool {
    operation.is_for_servers() && (load != Load::SixtyFour || operation == Operation::Insert)
}

/// A competitor whose calls block: all in this process but ROME.
pub trait SyncPeer: Send + Sync + 'static {
    fn load(&mut self, images: u64) -> Result<()>;
    fn get(&self, id: Uuid) -> Result<Option<Image>>;
    fn get_many(&self, ids: &[Uuid]) -> Result<Vec<Image>>;
    fn by_owner(&self, owner: &str) -> Result<Vec<Image>>;
    fn newest(&self, from: DateTime<Utc>, to: DateTime<Utc>, limit: u32) -> Result<Vec<Image>>;
    fn filtered(&self, status: &str, owner: &str, disk_format: &str, limit: u32) -> Result<Vec<Image>>;
    /// The page after a position, or the first one.
    fn page(&self, after: Option<Position>, limit: u32) -> Result<Vec<Image>>;
    fn with_properties(&self, owner: &str) -> Result<Vec<(Image, Vec<Property>)>>;
    /// The same as pairs of an image and a property.
    fn joined(&self, owner: &str) -> Result<Vec<(Image, Property)>> {
        let pairs = |(image, own): (Image, Vec<Property>)| own.into_iter().map(move |one| (image.clone(), one));
        Ok(self.with_properties(owner)?.into_iter().flat_map(pairs).collect())
    }
    fn count_owner(&self, owner: &str) -> Result<u64>;
    fn count_status(&self, status: &str) -> Result<u64>;
    fn insert(&self, image: Image) -> Result<()>;
    fn update_size(&self, id: Uuid, size: i64, now: DateTime<Utc>) -> Result<()>;
    fn delete(&self, id: Uuid) -> Result<()>;
    fn insert_many(&self, images: Vec<Image>) -> Result<()>;
    /// Reads the counter and writes one more, in one transaction.
    fn increment(&self, counter: u32) -> Result<()>;
    fn counted(&self) -> Result<i64>;
    fn remove(&self, ids: &[Uuid]) -> Result<()>;
}

/// When a blocking competitor is moved off the async worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hop {
    /// Called in place: the program has nothing else to do.
    Never,
    /// Reads in place, since they end in microseconds; writes, which wait for the disk, through `spawn_blocking`.
    Writes,
    /// Always through `spawn_blocking`, as a service does with a pool of SQL connections.
    Always,
}

/// Makes a competitor of a blocking one.
pub struct Blocking<P> {
    peer: Arc<P>,
    hop: Hop,
    pages: Arc<Vec<Option<Position>>>,
}

impl<P> Clone for Blocking<P> {
    fn clone(&self) -> Self {
        Self { peer: self.peer.clone(), hop: self.hop, pages: self.pages.clone() }
    }
}

impl<P: SyncPeer> Blocking<P> {
    /// Wraps an empty competitor.
    pub fn new(peer: P, hop: Hop) -> Self {
        Self { peer: Arc::new(peer), hop, pages: Arc::default() }
    }

    /// The same data, called another way.
    pub fn with_hop(&self, hop: Hop) -> Self {
        Self { hop, ..self.clone() }
    }

    fn answer(&self, request: Request) -> Result<Reply> {
        use crate::operation::{PAGE, SHORT_LIMIT};
        let peer = &self.peer;
        Ok(match request {
            Request::PointGet(id) => Reply::Image(peer.get(id)?),
            Request::GetMany(ids) => Reply::Images(peer.get_many(&ids)?),
            Request::ByOwner(owner) => Reply::Images(peer.by_owner(&owner)?),
            Request::Newest { from, to } => Reply::Images(peer.newest(from, to, SHORT_LIMIT)?),
            Request::Filtered { status, owner, disk_format } => {
                Reply::Images(peer.filtered(status, &owner, disk_format, SHORT_LIMIT)?)
            }
            Request::Page(number) => Reply::Images(peer.page(self.pages[number], PAGE)?),
            Request::WithProperties(owner) => Reply::WithProperties(peer.with_properties(&owner)?),
            Request::Joined(owner) => Reply::Joined(peer.joined(&owner)?),
            Request::CountOwner(owner) => Reply::Count(peer.count_owner(&owner)?),
            Request::CountStatus(status) => Reply::Count(peer.count_status(status)?),
            Request::Insert(image) => done(peer.insert(image))?,
            Request::UpdateSize { id, size, now } => done(peer.update_size(id, size, now))?,
            Request::Delete(id) => done(peer.delete(id))?,
            Request::InsertMany(images) => done(peer.insert_many(images))?,
            Request::Increment(counter) => done(peer.increment(counter))?,
        })
    }
}

impl<P: SyncPeer> Peer for Blocking<P> {
    async fn load(&mut self, images: u64) -> Result<()> {
        let peer = Arc::get_mut(&mut self.peer).expect("a competitor is loaded before it is shared");
        peer.load(images)?;
        let mut pages = vec![None];
        while pages.len() < crate::operation::PAGES {
            let page = peer.page(pages[pages.len() - 1], crate::operation::PAGE)?;
            pages.push(page.last().map(Position::of));
        }
        self.pages = Arc::new(pages);
        Ok(())
    }

    async fn run(&self, request: Request) -> Result<Reply> {
        let writes = matches!(
            request,
            Request::Insert(_)
                | Request::UpdateSize { .. }
                | Request::Delete(_)
                | Request::InsertMany(_)
                | Request::Increment(_)
        );
        let hops = match self.hop {
            Hop::Never => false,
            Hop::Writes => writes,
            Hop::Always => true,
        };
        if !hops {
            return self.answer(request);
        }
        let this = self.clone();
        tokio::task::spawn_blocking(move || this.answer(request)).await?
    }

    async fn counted(&self) -> Result<i64> {
        self.peer.counted()
    }

    async fn remove(&self, ids: Vec<Uuid>) -> Result<()> {
        self.peer.remove(&ids)
    }
}

fn done(result: Result<()>) -> Result<Reply> {
    result.map(|()| Reply::Done)
}
