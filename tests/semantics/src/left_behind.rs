//! What a client that is gone has left prepared: others decide it, at the durability of their database, and see its outcome
//! in whatever way they read.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use rome_orm::prelude::*;
use rome_orm::store::memory::MemoryStore;
use rome_orm::store::{
    Applied, ApplyOptions, Capabilities, Durability, MiniTx, Partition, Read, ReadOptions, ReadReply, SequenceId, Step,
    Store, StoreError, StoreErrorKind, StoreFuture,
};

#[derive(Entity, Clone, Debug, PartialEq, Default)]
#[rome(table = "accounts", partition_by(bank))]
struct Account {
    #[rome(key)]
    bank: u32,
    #[rome(key)]
    number: u32,
    #[rome(index)]
    owner: String,
    balance: i64,
}

/// A store that can be told to lose what ends a transaction, and that keeps how durable each step was asked to be.
struct Forgetful {
    inner: MemoryStore,
    loses_finish: AtomicBool,
    asked: Mutex<Vec<(&'static str, Durability)>>,
}

impl Store for Forgetful {
    fn capabilities(&self) -> &Capabilities {
        self.inner.capabilities()
    }

    fn read<'a>(
        &'a self,
        batch: &'a [(Partition, Vec<Read>)],
        options: ReadOptions,
    ) -> StoreFuture<'a, Vec<ReadReply>> {
        self.inner.read(batch, options)
    }

    fn apply(&self, batch: Vec<(Partition, MiniTx)>, options: ApplyOptions) -> StoreFuture<'_, Vec<Applied>> {
        Box::pin(async move {
            let step = |minitx: &MiniTx| match minitx.step {
                Step::One => "one",
                Step::Prepare { .. } => "prepare",
                Step::Push { .. } => "push",
                Step::Finish(_) => "finish",
                _ => "other",
            };
            self.asked.lock().unwrap().extend(batch.iter().map(|(_, minitx)| (step(minitx), options.durability)));
            let ends = batch.iter().any(|(_, minitx)| matches!(minitx.step, Step::Finish(_)));
            if ends && self.loses_finish.load(Ordering::SeqCst) {
                return Err(StoreError::new(StoreErrorKind::Unavailable, "lost on purpose").with_unknown_outcome());
            }
            self.inner.apply(batch, options).await
        })
    }

    fn reserve(&self, sequence: SequenceId, n: u32) -> StoreFuture<'_, u64> {
        self.inner.reserve(sequence, n)
    }
}

impl Forgetful {
    fn asked(&self) -> Vec<(&'static str, Durability)> {
        std::mem::take(&mut *self.asked.lock().unwrap())
    }
}

/// A store in which the first account of each of two banks was raised from 1 to 2 by a client that told one of the two
/// partitions only, and a new client's database in it.
async fn left_behind() -> (Arc<Forgetful>, Database) {
    let inner = MemoryStore::with_partitions(5);
    let store = Arc::new(Forgetful { inner, loses_finish: AtomicBool::new(false), asked: Mutex::default() });
    let open = || Database::builder().entity::<Account>().durability(Durability::Replicated(1)).open(store.clone());
    let gone = open().await.unwrap();
    let account = |bank, balance| Account { bank, number: 1, owner: "Ann".into(), balance };
    gone.insert_many((0..6).map(|bank| account(bank, 1))).await.unwrap();
    let other = open().await.unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    store.loses_finish.store(true, Ordering::SeqCst);
    gone.update_many(&(0..6).map(|bank| account(bank, 2)).collect::<Vec<_>>()).await.unwrap();
    drop(gone);
    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    store.loses_finish.store(false, Ordering::SeqCst);
    store.asked();
    (store, other)
}

type Seen = rome_orm::Result<Vec<i64>>;

async fn by_key(db: &Database) -> Seen {
    let rows = futures::future::try_join_all((0..6).map(|bank| db.get::<Account>((bank, 1)))).await?;
    Ok(rows.into_iter().map(|row| row.unwrap().balance).collect())
}

async fn by_group(db: &Database) -> Seen {
    let of = async |bank: u32| db.query::<Account>().filter(Account::BANK.eq(bank)).one().await;
    Ok(futures::future::try_join_all((0..6).map(of)).await?.into_iter().map(|row| row.balance).collect())
}

async fn by_index(db: &Database) -> Seen {
    let rows = db.query::<Account>().filter(Account::OWNER.eq("Ann")).all().await?;
    Ok(rows.into_iter().map(|row| row.balance).collect())
}

async fn by_count(db: &Database) -> Seen {
    let raised = db.query::<Account>().filter(Account::BALANCE.eq(2));
    let of = async |bank: u32| raised.clone().filter(Account::BANK.eq(bank)).count().await;
    let counts = futures::future::try_join_all((0..6).map(of)).await?;
    Ok(counts.into_iter().map(|count| 1 + i64::try_from(count).unwrap()).collect())
}

async fn in_a_session(db: &Database) -> Seen {
    db.transaction(async |s: &Session| {
        let rows = s.query::<Account>().all().await?;
        Ok(rows.into_iter().map(|row| row.balance).collect())
    })
    .await
}

/// Reads what was left behind in one way, and says what was asked of the store.
async fn seen<F: AsyncFn(&Database) -> Seen>(way: F, name: &str) -> BTreeSet<&'static str> {
    let (store, db) = left_behind().await;
    assert_eq!(way(&db).await.unwrap(), [2; 6], "{name}");
    let asked = store.asked();
    for (step, durability) in &asked {
        assert!(*durability >= Durability::Replicated(1), "{name}: a {step} was asked to be {durability:?} only");
    }
    asked.into_iter().map(|(step, _)| step).collect()
}

#[tokio::test]
async fn a_commit_that_was_answered_is_seen_by_every_kind_of_read_though_nobody_finished_it() {
    let decides = BTreeSet::from(["finish", "push"]);
    assert!(seen(by_key, "by key").await.is_superset(&decides));
    assert!(seen(by_group, "by group").await.is_superset(&decides));
    assert!(seen(by_index, "by index").await.is_superset(&decides));
    assert!(seen(by_count, "by count").await.is_superset(&decides));
    assert!(seen(in_a_session, "in a session").await.is_superset(&decides));
}

#[tokio::test]
async fn an_explanation_decides_nothing() {
    let (store, db) = left_behind().await;
    db.query::<Account>().filter(Account::OWNER.eq("Ann")).explain().await.unwrap();
    assert_eq!(store.asked(), []);
}
