//! Who stands in whose way is decided in the script; it has to be the same as in the core.
#![allow(clippy::unwrap_used)]

mod harness;

use std::ops::Bound;

use bytes::Bytes;
use harness::*;
use rome_redis::testkit::LocalServer;
use rome_store::{
    Applied, ApplyOptions, Check, Decision, Durability, Effect, MiniTx, Partition, Read, Span, Step, Store,
    StoreResult, TxId, locks,
};

/// Keys whose order is easy to get wrong: prefixes of each other, zero bytes, bytes above 127, differences after eight bytes.
const KEYS: [&[u8]; 9] =
    [b"", b"\0", b"\0\0", b"a", b"aaaaaaaa", b"aaaaaaaab", b"aaaaaaaa\xFF", b"aaaaaaaabbbbbbbb\x80", b"\xFF"];

fn keys() -> impl Iterator<Item = Bytes> {
    KEYS.into_iter().map(Bytes::from_static)
}

/// All spans between two of the keys, with each kind of bound.
fn spans() -> Vec<Span> {
    let bounds: Vec<Bound<Bytes>> = [Bound::Unbounded]
        .into_iter()
        .chain(keys().flat_map(|key| [Bound::Included(key.clone()), Bound::Excluded(key)]))
        .collect();
    let pairs = bounds.iter().flat_map(|lo| bounds.iter().map(move |hi| (lo.clone(), hi.clone())));
    pairs.map(|(lo, hi)| Span::between(ROWS, lo, hi)).filter(Span::is_possible).collect()
}

/// Gives out a lane for each transaction.
struct Lanes(u64);

impl Lanes {
    fn tx(&mut self, step: Step, checks: Vec<Check>, effects: Vec<Effect>) -> MiniTx {
        self.0 += 1;
        MiniTx::one(TxId { lane: self.0, seq: 1 }).step(step).checks(checks).effects(effects)
    }
}

async fn apply(client: &Client, txs: Vec<MiniTx>) -> StoreResult<Vec<Applied>> {
    client
        .store
        .apply(txs.into_iter().map(|tx| (Partition(0), tx)).collect(), ApplyOptions::new(Durability::default()))
        .await
}

/// Prepares one, and says what becomes of each of the others while it is.
async fn beside(client: &Client, prepared: &MiniTx, others: &[MiniTx]) {
    let first = apply(client, vec![prepared.clone()]).await.unwrap();
    assert!(matches!(first[..], [Applied::Done { .. }]), "{first:?}");
    let answers = apply(client, others.to_vec()).await.unwrap();
    for (other, answer) in others.iter().zip(answers) {
        let is_blocked = matches!(answer, Applied::Blocked { by } if by.id == prepared.id);
        assert_eq!(is_blocked, locks::meets(other, prepared), "{other:?} beside {prepared:?}: {answer:?}");
    }
    let finish = MiniTx::one(prepared.id).step(Step::Finish(Decision::Aborted));
    apply(client, vec![finish]).await.unwrap();
}

const PREPARE: Step = Step::Prepare { primary: Partition(0), lease: 60_000 };

#[tokio::test]
async fn a_span_covers_the_keys_between_its_bounds() {
    let server = LocalServer::start();
    let client = open(&server).await;
    let mut lanes = Lanes(0);
    let count = |span: &Span| vec![Check::Count { span: span.clone(), n: 0 }];
    for span in spans() {
        let prepared = lanes.tx(PREPARE, count(&span), vec![]);
        let others: Vec<MiniTx> = keys().map(|key| lanes.tx(Step::One, vec![], vec![delete(ROWS, key)])).collect();
        beside(&client, &prepared, &others).await;
    }
    for key in keys() {
        let prepared = lanes.tx(PREPARE, vec![], vec![delete(ROWS, key)]);
        let others: Vec<MiniTx> = spans().iter().map(|span| lanes.tx(Step::One, count(span), vec![])).collect();
        beside(&client, &prepared, &others).await;
    }
}

#[tokio::test]
async fn spaces_and_kinds_of_locks_are_told_apart() {
    let server = LocalServer::start();
    let client = open(&server).await;
    let mut lanes = Lanes(0);
    let version = |space, key: &'static str| Check::Version { space, key: key.into(), expect: None };
    let same = |rows| Check::Same { span: Span::all(INDEX), rows, n: 0, digest: Default::default() };
    let parts: Vec<(Vec<Check>, Vec<Effect>)> = vec![
        (vec![], vec![]),
        (vec![version(ROWS, "a")], vec![]),
        (vec![version(CLAIMS, "a")], vec![]),
        (vec![version(rome_store::Space::Meta, "a")], vec![]),
        (vec![same(None)], vec![]),
        (vec![same(Some(TABLE))], vec![]),
        (vec![Check::Count { span: Span::all(CLAIMS), n: 0 }], vec![]),
        (vec![Check::Count { span: Span::all(rome_store::Space::Meta), n: 0 }], vec![]),
        (vec![Check::Count { span: Span::all(SUMS), n: 0 }], vec![]),
        (vec![], vec![delete(ROWS, "a")]),
        (vec![], vec![delete(ROWS, "b")]),
        (vec![], vec![delete(CLAIMS, "a")]),
        (vec![], vec![delete(INDEX, entry(b"x", b"a"))]),
        (vec![], vec![delete(SUMS, "a")]),
        (vec![], vec![delete(rome_store::Space::Meta, "a")]),
        (vec![version(ROWS, "a")], vec![delete(ROWS, "b"), delete(CLAIMS, "b")]),
        (vec![], vec![Effect::RaiseGate { oldest: 0 }]),
    ];
    for (checks, effects) in &parts {
        let prepared = lanes.tx(PREPARE, checks.clone(), effects.clone());
        let others: Vec<MiniTx> =
            parts.iter().map(|(checks, effects)| lanes.tx(Step::One, checks.clone(), effects.clone())).collect();
        beside(&client, &prepared, &others).await;
    }
}

/// A read that saved its first look meets a transaction that was prepared since, though nothing else tells of it.
#[tokio::test]
async fn a_saved_look_hides_nobody_who_is_prepared() {
    let server = LocalServer::start();
    let (client, other) = (open(&server).await, open(&server).await);
    let seq = client.write(vec![put(ROWS, "a", "1")]).await;
    let get = || vec![Read::Get { space: ROWS, key: "a".into() }];
    for _ in 0..100 {
        client.read(get()).await.unwrap();
    }
    let prepared = Lanes(100).tx(PREPARE, vec![], vec![put(ROWS, "a", "2")]);
    apply(&other, vec![prepared.clone()]).await.unwrap();
    ask::<()>(&mut raw(&server).await, &format!("HSET {{rome.0}}:m seq {seq}")).await;
    let seen = client.read(get()).await.unwrap();
    assert_eq!(seen.blockers.iter().map(|by| by.id).collect::<Vec<_>>(), [prepared.id]);
}
