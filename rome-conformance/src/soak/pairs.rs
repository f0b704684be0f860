//! Pairs of rows of one partition that are always written together: a commit of one partition is never torn.

use rome_core::{Database, OrNotFound, Result};
use rome_derive::Entity;

use crate::workloads::options;

/// One of two rows, with the number that both were written with.
#[derive(Entity, Clone, Debug, Default)]
#[rome(table = "halves", partition_by(pair))]
pub(super) struct Half {
    #[rome(key)]
    pair: u64,
    #[rome(key)]
    side: u64,
    #[rome(index)]
    n: u64,
}

/// Makes so many pairs.
pub(super) async fn start(db: &Database, pairs: u64) -> Result<()> {
    let halves = (0..pairs).flat_map(|pair| [0, 1].map(|side| Half { pair, side, n: 0 }));
    db.insert_many(halves).await.map(drop)
}

/// Writes a number to both; gives those that were there.
pub(super) async fn write(db: &Database, pair: u64, n: u64) -> Result<[u64; 2]> {
    db.transaction_with(options(), async move |s| {
        let mut there = [0; 2];
        for (side, there) in (0..).zip(&mut there) {
            let mut half = s.get::<Half>((pair, side)).await?.ok_or_not_found()?;
            *there = half.n;
            half.n = n;
            s.update(&half).await?;
        }
        Ok(there)
    })
    .await
}

/// The numbers of both, by row and by index.
pub(super) async fn read(db: &Database, pair: u64) -> Result<[[u64; 2]; 2]> {
    let of = |mut halves: Vec<Half>| {
        halves.sort_by_key(|half| half.side);
        let n = |at: usize| halves.get(at).map_or(u64::MAX, |half| half.n);
        [n(0), n(1)]
    };
    let by_row = db.query::<Half>().filter(Half::PAIR.eq(pair)).ignore_indexes().all().await?;
    let by_index = db.query::<Half>().filter(Half::PAIR.eq(pair)).filter(Half::N.ge(0)).all().await?;
    Ok([of(by_row), of(by_index)])
}

/// Writes every row once more, as it is.
pub(super) async fn write_every_row(db: &Database) -> Result<()> {
    let all = async |s: &rome_core::session::Session| s.query::<Half>().update((Half::N.set(Half::N + 0),)).await;
    db.transaction_with(options(), all).await.map(drop)
}
