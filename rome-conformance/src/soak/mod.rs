//! A database under load while a test makes its store fail, and the account of it afterwards.
//!
//! The clients do what the [workloads](mod@crate::workloads) do, all of it in one database: they append to lists, move money, race
//! for unique values, count, and write pairs of rows of one partition. Each keeps a ledger of what it was told. When the
//! test says that its faults are over, the clients drop what they do, every row is written once more, and then the ledgers, the [history](crate::history) of the lists and
//! the database's own [check](rome_core::Admin::check) are compared with what is there.
//!
//! What the faults are is the test's affair; clients that go away in the middle of a commit are this module's.

mod audit;
mod clients;
mod deed;
mod figures;
mod ledger;
mod pairs;
mod seats;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rome_core::metrics::Collector;
use rome_core::{Database, DatabaseBuilder};
use rome_store::{Durability, Store};
use tokio::sync::watch;

use crate::history::Log;
use crate::together::together;
use crate::workloads::{bank, counters, lists};
use crate::{Subject, Verdict};

pub use figures::Figures;

/// For how long a client that is gone may keep a row from being written: the lease of a prepared transaction.
pub const LEASE: Duration = Duration::from_secs(1);

/// How the database is used.
#[derive(Debug, Clone)]
pub struct Load {
    /// How many clients there are, each with a store of its own.
    pub clients: u64,
    /// How safe their commits are.
    pub durability: Durability,
    /// Whether the faults are such that acknowledged commits may be lost. Then they are counted; otherwise a lost one, or an
    /// anomaly, is a violation.
    pub may_lose: bool,
    /// Whether clients go away in the middle of commits.
    pub kill_clients: bool,
    /// Where the choices of the clients come from.
    pub seed: u64,
    /// For how long what the faults left may keep a row from being written; none if that does not matter.
    pub late: Option<Duration>,
}

/// What all clients share.
struct Shared {
    load: Load,
    log: Arc<Log>,
    metrics: Arc<Collector>,
    /// Set when the clients shall stop where they are.
    stop: watch::Sender<bool>,
    last_death: Mutex<Option<Instant>>,
}

impl Shared {
    fn builder(&self) -> DatabaseBuilder {
        let builder = lists::builder().entity::<bank::Account>().entity::<counters::Counter>();
        let builder = builder.entity::<seats::Seat>().entity::<pairs::Half>();
        builder.durability(self.load.durability).metrics(self.metrics.clone())
    }

    fn note_death(&self) {
        *self.last_death.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }
}

impl Load {
    /// Runs clients on a new place of the subject until `faults` is done, and gives the account. The subject's stores must
    /// be of one place: they are opened once for each client.
    ///
    /// # Errors
    /// When the database cannot be made, or not be read after the faults. What is wrong with it is in the [`Figures`].
    pub async fn run(&self, subject: &impl Subject, faults: impl Future<Output = ()>) -> Verdict<Figures> {
        let place = subject.place();
        let mut stores: Vec<Arc<dyn Store>> = Vec::new();
        for _ in 0..self.clients.max(1) {
            stores.push(subject.open(&place).await?);
        }
        let shared = Arc::new(Shared {
            load: self.clone(),
            log: Arc::default(),
            metrics: Arc::default(),
            stop: watch::Sender::new(false),
            last_death: Mutex::default(),
        });
        let mut databases: Vec<Database> = Vec::new();
        for store in &stores {
            databases.push(shared.builder().open(store.clone()).await?);
        }
        let Some(auditor) = databases.first().cloned() else { return Ok(Figures::default()) };
        bank::open_accounts(&auditor).await?;
        counters::start(&auditor).await?;
        pairs::start(&auditor, self.clients).await?;
        let before = shared.metrics.snapshot();

        let clients = databases.into_iter().zip(stores).zip(0..);
        let clients = clients.map(|((db, store), n)| clients::Client::new(n, db, store, shared.clone()).run());
        let clients = tokio::spawn(together(clients.collect::<Vec<_>>()));
        faults.await;
        let over = Instant::now();
        shared.stop.send_replace(true);
        let ledgers =
            clients.await.map_err(|panic| crate::Violation::new(format!("the clients panicked: {panic}")))??;
        let mut figures = Figures { rounds: 1, ..Figures::default() };
        audit::write_everything(&auditor, &shared, over, &mut figures).await?;
        let did = shared.metrics.snapshot().since(&before);
        (figures.conflicts, figures.retries, figures.pushes) = (did.conflicts, did.retries, did.pushes);
        audit::audit(&auditor, shared, ledgers, &mut figures).await?;
        Ok(figures)
    }
}
