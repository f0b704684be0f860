//! One competitor in the contest: its requests, its slots, and the upkeep between them.

use std::{future::Future, pin::Pin, time::Duration};

use anyhow::{Result, ensure};
use uuid::Uuid;

use crate::{
    apart::Apart,
    measure::{self, Load, Requests, Slot},
    model::{self, Image},
    operation::{self, BULK, Dice, Operation, Reply, Request},
    peer::Peer,
    processor,
};

type Boxed<'a, T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>;

/// A competitor of any kind; the slot, not the operation, is what is called through the table.
pub trait Contestant: Send {
    /// Its name in the tables.
    fn name(&self) -> &'static str;

    /// Whether it takes part in this operation with so many clients.
    fn takes_part(&self, operation: Operation, load: Load) -> bool;

    /// Runs one operation for a while.
    fn slot(&mut self, operation: Operation, load: Load, limit: Duration) -> Boxed<'_, Slot>;

    /// Answers one request, for the comparison of replies.
    fn answer(&self, request: Request) -> Boxed<'_, Reply>;

    /// Removes the rows that inserts left for deletes.
    fn clear(&mut self) -> Boxed<'_, ()>;
}

/// A competitor and what it has to clear away.
pub struct Entry<P> {
    name: &'static str,
    peer: P,
    crowd: P,
    alone: bool,
    server: Option<u32>,
    images: u64,
    next: u64,
    extra: Vec<Uuid>,
    handed_out: Vec<Uuid>,
    slots: u64,
}

impl<P: Peer> Entry<P> {
    /// A loaded competitor, as one client calls it.
    pub fn new(name: &'static str, peer: P, images: u64) -> Self {
        Self {
            name,
            crowd: peer.clone(),
            peer,
            alone: false,
            server: None,
            images,
            next: images,
            extra: Vec::new(),
            handed_out: Vec::new(),
            slots: 0,
        }
    }

    /// How many clients call it, where that is another way.
    pub fn with_crowd(self, crowd: P) -> Self {
        Self { crowd, ..self }
    }

    /// It talks to the server of this process id.
    pub fn on_server(self, id: u32) -> Self {
        Self { server: Some(id), ..self }
    }

    /// Only measured with one client.
    pub fn alone(self) -> Self {
        Self { alone: true, ..self }
    }

    /// The number of the next row that it makes: two ways to call one database must not make the same row.
    pub fn starting_at(self, next: u64) -> Self {
        Self { next, ..self }
    }

    fn fresh(&mut self) -> Image {
        self.next += 1;
        model::image(self.next)
    }

    /// What one client asks in a slot. Every peer is asked the same in the same round.
    fn requests(&mut self, operation: Operation, client: usize, share: usize, limit: Duration) -> Result<Requests> {
        let mut dice = Dice::new(self.slots * 64 + client as u64);
        // More writes than any store here gets done in the slot; where it does, the slot ends early.
        let many = ((limit.as_micros() as usize) / 20 / share).clamp(64, 20_000);
        Ok(match operation {
            Operation::Insert => Requests::Once((0..many).map(|_| Request::Insert(self.fresh())).collect()),
            Operation::InsertMany => {
                let batches = (many / 250).max(3);
                let batch = |this: &mut Self| Request::InsertMany((0..BULK).map(|_| this.fresh()).collect());
                Requests::Once((0..batches).map(|_| batch(self)).collect())
            }
            Operation::Delete => {
                let rest = self.extra.len() - (self.extra.len() / (share - client)).min(many);
                let ids = self.extra.split_off(rest);
                self.handed_out.extend_from_slice(&ids);
                Requests::Once(ids.into_iter().map(Request::Delete).collect())
            }
            Operation::UpdateIndexed | Operation::Counter => {
                let requests = (0..many).map(|_| operation::request(operation, self.images, &mut dice));
                Requests::Once(requests.collect::<Result<_>>()?)
            }
            _ => {
                let requests = (0..256).map(|_| operation::request(operation, self.images, &mut dice));
                Requests::Cycle(requests.collect::<Result<_>>()?)
            }
        })
    }

    async fn run(&mut self, operation: Operation, load: Load, limit: Duration) -> Result<Slot> {
        self.slots += 1;
        let limit = if operation.writes() { limit * 2 } else { limit };
        let first = self.next + 1;
        if operation == Operation::Delete && self.extra.len() < BULK {
            self.refill().await?;
        }
        let counted = if operation == Operation::Counter { self.peer.counted().await? } else { 0 };
        let clients = load.clients();
        let requests = (0..clients).map(|client| self.requests(operation, client, clients, limit));
        let mut requests: Vec<Requests> = requests.collect::<Result<_>>()?;
        let _apart = self.server.filter(|_| clients == 1).and_then(Apart::from);
        let spent = processor::time(self.server);
        let mut slot = match load {
            Load::One => measure::latency(self.peer.clone(), requests.remove(0), limit).await?,
            Load::Sixteen | Load::SixtyFour => measure::throughput(self.crowd.clone(), requests, limit).await?,
        };
        slot.cost = (processor::time(self.server) - spent) as f64 / 1_000.0 / slot.done.max(1) as f64;
        ensure!(slot.done > 0, "{} did nothing of {}", self.name, operation.name());
        match operation {
            Operation::Insert => self.extra.append(&mut self.present(first).await?),
            Operation::InsertMany => {
                let ids = self.present(first).await?;
                self.remove(ids).await?;
            }
            Operation::Delete => {
                let ids = std::mem::take(&mut self.handed_out);
                self.remove(ids).await?;
            }
            Operation::Counter => {
                let gained = self.peer.counted().await? - counted;
                ensure!(
                    gained == slot.done as i64,
                    "{} lost updates: the counters gained {gained} in {} increments",
                    self.name,
                    slot.done
                );
            }
            _ => {}
        }
        Ok(slot)
    }

    /// Which of the rows made since this number were really inserted before the slot ended.
    async fn present(&self, first: u64) -> Result<Vec<Uuid>> {
        let mut present = Vec::new();
        let ids: Vec<Uuid> = (first..=self.next).map(model::image_id).collect();
        for ids in ids.chunks(BULK) {
            let Reply::Images(images) = self.peer.run(Request::GetMany(ids.to_vec())).await? else { continue };
            present.extend(images.into_iter().map(|image| image.id));
        }
        Ok(present)
    }

    async fn remove(&self, ids: Vec<Uuid>) -> Result<()> {
        for ids in ids.chunks(BULK) {
            self.peer.remove(ids.to_vec()).await?;
        }
        Ok(())
    }

    /// Rows for a delete that too few inserts went before.
    async fn refill(&mut self) -> Result<()> {
        for _ in 0..2 {
            let images: Vec<Image> = (0..BULK).map(|_| self.fresh()).collect();
            self.extra.extend(images.iter().map(|image| image.id));
            self.peer.run(Request::InsertMany(images)).await?;
        }
        Ok(())
    }
}

impl<P: Peer> Contestant for Entry<P> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn takes_part(&self, operation: Operation, load: Load) -> bool {
        self.peer.answers(operation, load) && (load == Load::One || !self.alone)
    }

    fn slot(&mut self, operation: Operation, load: Load, limit: Duration) -> Boxed<'_, Slot> {
        Box::pin(self.run(operation, load, limit))
    }

    fn answer(&self, request: Request) -> Boxed<'_, Reply> {
        Box::pin(self.peer.run(request))
    }

    fn clear(&mut self) -> Boxed<'_, ()> {
        let ids = std::mem::take(&mut self.extra);
        Box::pin(self.remove(ids))
    }
}
