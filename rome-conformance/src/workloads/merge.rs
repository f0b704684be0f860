//! Lists and sets that are the union of several runs of an index.

use futures::future::BoxFuture;
use rome_core::expr::Condition;
use rome_core::query::Query;
use rome_core::session::Session;
use rome_core::{DatabaseBuilder, Result};
use rome_derive::Entity;

use super::operators::{Kept, LISTS, SIDES, hold};
use crate::{Subject, Verdict};

/// How many branches each list and each set has: its members lie in any of them.
const BRANCHES: u64 = 3;
/// Places of a set's members: none is taken twice.
const PLACES: u64 = 50;
/// Where the values of sets begin, behind those of lists.
const OF_SETS: u64 = 1 << 40;

/// A member, in one of the branches of its list.
#[derive(Entity, Clone, Debug, Default)]
#[rome(table = "leaves", index(branch, place))]
pub(crate) struct Leaf {
    #[rome(key)]
    value: u64,
    branch: u64,
    place: u64,
}

/// The same with an index whose entries lie together, and not beside the rows.
#[derive(Entity, Clone, Debug, Default)]
#[rome(table = "needles", global_index(branch, place))]
pub(crate) struct Needle {
    #[rome(key)]
    value: u64,
    branch: u64,
    place: u64,
}

const fn branches(of: u64) -> [u64; BRANCHES as usize] {
    [of * BRANCHES, of * BRANCHES + 1, of * BRANCHES + 2]
}

macro_rules! kept_in {
    ($entity:ident) => {
        impl Kept for $entity {
            type Root = Self;

            fn add(builder: DatabaseBuilder) -> DatabaseBuilder {
                builder.entity::<Self>()
            }

            fn list(query: Query<'_, Self>, list: u64, way: u64, in_steps: bool) -> BoxFuture<'_, Result<Vec<u64>>> {
                Box::pin(async move {
                    let values = |of: Vec<Self>| of.into_iter().map(|leaf| leaf.value).collect::<Vec<_>>();
                    let ascending = (Self::PLACE.asc(), Self::VALUE.asc());
                    match way % 3 {
                        // Page by page, each after the last row of the one before.
                        0 if in_steps => {
                            let query = query.filter(Self::BRANCH.is_in(branches(list))).order_by(ascending).limit(4);
                            let (mut read, mut page) = (Vec::new(), query.all().await?);
                            while let Some(last) = page.last() {
                                let after = Condition::after(ascending, (last.place, last.value));
                                let next = query.clone().filter(after);
                                read.extend(values(page));
                                page = next.all().await?;
                            }
                            Ok(read)
                        }
                        1 => {
                            let any = Condition::any(branches(list).map(|branch| Self::BRANCH.eq(branch)));
                            let mut read =
                                values(query.filter(any).order_by(Self::PLACE.desc()).limit(1_000).all().await?);
                            read.reverse();
                            Ok(read)
                        }
                        _ => Ok(values(
                            query.filter(Self::BRANCH.is_in(branches(list))).order_by(ascending).all().await?,
                        )),
                    }
                })
            }

            fn append(s: &Session, list: u64, value: u64) -> BoxFuture<'_, Result<()>> {
                Box::pin(async move {
                    let members = s.query::<Self>().filter(Self::BRANCH.is_in(branches(list)));
                    let last = members.order_by(Self::PLACE.desc()).first().await?;
                    let place = last.map_or(0, |last| last.place + 1);
                    let branch = list * BRANCHES + (value / LISTS + place) % BRANCHES;
                    s.insert(Self { value, branch, place }).await.map(drop)
                })
            }

            fn members(query: Query<'_, Self>, set: u64, way: u64) -> BoxFuture<'_, Result<Vec<u64>>> {
                Box::pin(async move {
                    let members = query.filter(Self::BRANCH.is_in(branches(set)));
                    let members = match way % 2 {
                        0 => members.order_by(Self::PLACE.asc()),
                        _ => members.order_by(Self::PLACE.desc()),
                    };
                    let first = members.limit(SIDES).all().await?;
                    Ok(first.into_iter().map(|leaf| leaf.value % SIDES).collect())
                })
            }

            fn put(s: &Session, set: u64, side: u64) -> BoxFuture<'_, Result<()>> {
                Box::pin(async move {
                    // Before, between or behind those that are there.
                    let place = (set * 7 + side * 13) % PLACES;
                    let branch = set * BRANCHES + side % BRANCHES;
                    s.insert(Self { value: OF_SETS + set * SIDES + side, branch, place }).await.map(drop)
                })
            }

            fn take(s: &Session, set: u64, side: u64) -> BoxFuture<'_, Result<()>> {
                Box::pin(async move {
                    let leaf = s.query::<Self>().filter(Self::VALUE.eq(OF_SETS + set * SIDES + side));
                    leaf.delete().await.map(drop)
                })
            }
        }
    };
}

kept_in!(Leaf);
kept_in!(Needle);

/// Lists and sets whose members lie in several branches, and are read as the union of these in the order of their places, in pages
/// too, are strictly serializable: what comes into a gap between two that were read is a conflict, whichever branch it is in.
///
/// # Errors
/// When they are not.
pub async fn unions_are_strictly_serializable(subject: &impl Subject) -> Verdict {
    hold::<Leaf>(subject).await?;
    hold::<Needle>(subject).await
}
