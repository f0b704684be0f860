//! Lists and sets whose members are the distinct values of an index.

use futures::future::BoxFuture;
use rome_core::expr::{max, min};
use rome_core::query::Query;
use rome_core::session::Session;
use rome_core::{DatabaseBuilder, Result};
use rome_derive::Entity;

use super::operators::{Kept, SIDES, hold};
use crate::{Subject, Verdict};

/// How many rows have one value; a reader that seeks sees one of them.
const COPIES: u64 = 5;
/// Where the values of sets begin, behind those of lists.
const OF_SETS: u64 = 1 << 40;

/// A copy of a member.
#[derive(Entity, Clone, Debug, Default)]
#[rome(table = "marks", index(list, place, value))]
pub(crate) struct Mark {
    #[rome(key)]
    value: u64,
    #[rome(key)]
    copy: u64,
    list: u64,
    place: u64,
}

impl Mark {
    fn copies(list: u64, place: u64, value: u64) -> impl Iterator<Item = Self> {
        (0..COPIES).map(move |copy| Self { value, copy, list, place })
    }
}

impl Kept for Mark {
    type Root = Self;

    fn add(builder: DatabaseBuilder) -> DatabaseBuilder {
        builder.entity::<Self>()
    }

    fn list(query: Query<'_, Self>, list: u64, way: u64, in_steps: bool) -> BoxFuture<'_, Result<Vec<u64>>> {
        Box::pin(async move {
            let _ = in_steps;
            let marks = query.filter(Self::LIST.eq(list));
            match way % 4 {
                0 => {
                    let groups = marks.group_by(Self::PLACE).select((Self::PLACE, min(Self::VALUE)));
                    let firsts: Vec<(u64, Option<u64>)> = groups.order_by(Self::PLACE.asc()).all().await?;
                    Ok(firsts.into_iter().filter_map(|(_, value)| value).collect())
                }
                1 => {
                    let values = marks.select((Self::PLACE, Self::VALUE)).distinct();
                    let mut values: Vec<(u64, u64)> =
                        values.order_by((Self::PLACE.desc(), Self::VALUE.desc())).all().await?;
                    values.reverse();
                    Ok(values.into_iter().map(|(_, value)| value).collect())
                }
                // Row by row, as a reader without the operator.
                2 => {
                    let mut values: Vec<u64> = marks.order_by(Self::PLACE.asc()).select(Self::VALUE).all().await?;
                    values.dedup();
                    Ok(values)
                }
                _ => {
                    let values = marks.select((Self::PLACE, Self::VALUE)).distinct();
                    let values: Vec<(u64, u64)> = values.order_by((Self::PLACE.asc(), Self::VALUE.asc())).all().await?;
                    Ok(values.into_iter().map(|(_, value)| value).collect())
                }
            }
        })
    }

    fn append(s: &Session, list: u64, value: u64) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            let last: Option<u64> = s.query::<Self>().filter(Self::LIST.eq(list)).aggregate(max(Self::PLACE)).await?;
            let place = last.map_or(0, |last| last + 1);
            s.insert_many(Self::copies(list, place, value)).await.map(drop)
        })
    }

    fn members(query: Query<'_, Self>, set: u64, way: u64) -> BoxFuture<'_, Result<Vec<u64>>> {
        Box::pin(async move {
            let sides = query.filter(Self::LIST.eq(set)).select(Self::PLACE).distinct();
            match way % 2 {
                0 => sides.order_by(Self::PLACE.asc()).all().await,
                _ => sides.order_by(Self::PLACE.desc()).limit(SIDES).all().await,
            }
        })
    }

    fn put(s: &Session, set: u64, side: u64) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move { s.insert_many(Self::copies(set, side, OF_SETS + set * SIDES + side)).await.map(drop) })
    }

    fn take(s: &Session, set: u64, side: u64) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            let all = s.query::<Self>().filter(Self::LIST.eq(set)).filter(Self::PLACE.eq(side));
            all.delete().await.map(drop)
        })
    }
}

/// Lists and sets whose members are the distinct values of an index, found by seeks, are strictly serializable: a value that comes
/// or goes is a conflict with those who saw which there are, or what is the least or the greatest of each.
///
/// # Errors
/// When they are not.
pub async fn distinct_values_are_strictly_serializable(subject: &impl Subject) -> Verdict {
    hold::<Mark>(subject).await
}
