//! Lists and sets whose members are the rows that have a partner.

use futures::future::BoxFuture;
use rome_core::model::{Many, One};
use rome_core::query::Query;
use rome_core::session::Session;
use rome_core::{Database, DatabaseBuilder, OrNotFound, Result};
use rome_derive::Entity;

use super::operators::{Kept, LISTS, SIDES, hold};
use crate::{Subject, Verdict};

/// How many slots each list has; none is ever full.
const SLOTS: u64 = 64;
/// The numbers of a list's slots begin with its own.
const OF_LIST: u64 = 1_000;
/// Where the values of sets begin, behind those of lists.
const OF_SETS: u64 = 1 << 40;

/// A place of a list or a set, which is taken if a token lies in it. Slots never change.
#[derive(Entity, Clone, Debug, Default)]
#[rome(table = "slots", index(list, place))]
pub(crate) struct Slot {
    #[rome(key)]
    id: u64,
    list: u64,
    place: u64,
    #[rome(has_many(slot))]
    tokens: Many<Token>,
}

/// What takes a slot.
#[derive(Entity, Clone, Debug, Default)]
#[rome(table = "tokens")]
pub(crate) struct Token {
    #[rome(key)]
    value: u64,
    #[rome(index)]
    slot: u64,
    #[rome(belongs_to(slot))]
    of: One<Slot>,
}

impl Kept for Slot {
    type Root = Self;

    fn add(builder: DatabaseBuilder) -> DatabaseBuilder {
        builder.entity::<Self>().entity::<Token>()
    }

    fn prepare(db: &Database, lists: u64, sets: u64) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            let slot = |list: u64, place: u64| Self { id: list * OF_LIST + place, list, place, ..Self::default() };
            for list in 0..lists {
                db.upsert_many((0..SLOTS).map(|place| slot(list, place))).await?;
            }
            for set in LISTS..LISTS + sets {
                db.upsert_many((0..SIDES).map(|place| slot(set, place))).await?;
            }
            Ok(())
        })
    }

    fn list(query: Query<'_, Self>, list: u64, way: u64, in_steps: bool) -> BoxFuture<'_, Result<Vec<u64>>> {
        Box::pin(async move {
            let _ = in_steps;
            let slots = query.filter(Self::LIST.eq(list)).order_by(Self::PLACE.asc()).limit(SLOTS);
            if way % 3 == 1 {
                let pairs: Vec<(Self, Token)> = slots.join(Self::TOKENS).all().await?;
                return Ok(pairs.into_iter().map(|(_, token)| token.value).collect());
            }
            let taken = slots.filter(Self::TOKENS.exists()).with(Self::TOKENS).all().await?;
            let mut values = Vec::new();
            for slot in taken {
                values.extend(slot.tokens.into_inner()?.into_iter().map(|token| token.value));
            }
            Ok(values)
        })
    }

    fn append(s: &Session, list: u64, value: u64) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            let slots = s.query::<Self>().filter(Self::LIST.eq(list)).order_by(Self::PLACE.asc());
            let free = slots.filter(!Self::TOKENS.exists()).first().await?.ok_or_not_found()?;
            s.insert(Token { value, slot: free.id, ..Default::default() }).await.map(drop)
        })
    }

    fn members(query: Query<'_, Self>, set: u64, way: u64) -> BoxFuture<'_, Result<Vec<u64>>> {
        Box::pin(async move {
            let slots = query.filter(Self::LIST.eq(set)).order_by(Self::PLACE.asc());
            let has_token = Self::TOKENS.exists();
            if way.is_multiple_of(2) {
                let taken = slots.filter(has_token).limit(SIDES).all().await?;
                return Ok(taken.into_iter().map(|slot| slot.place).collect());
            }
            let free = slots.filter(!has_token).limit(SIDES).all().await?;
            Ok((0..SIDES).filter(|side| !free.iter().any(|slot| slot.place == *side)).collect())
        })
    }

    fn put(s: &Session, set: u64, side: u64) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            let (value, slot) = (OF_SETS + set * SIDES + side, set * OF_LIST + side);
            s.insert(Token { value, slot, ..Default::default() }).await.map(drop)
        })
    }

    fn take(s: &Session, set: u64, side: u64) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            let token = s.query::<Token>().filter(Token::VALUE.eq(OF_SETS + set * SIDES + side));
            token.delete().await.map(drop)
        })
    }

    fn count(db: &Database) -> BoxFuture<'_, Result<u64>> {
        Box::pin(async {
            let slots = db.query::<Self>().ignore_indexes().count().await?;
            Ok(slots + db.query::<Token>().ignore_indexes().count().await?)
        })
    }
}

/// Lists and sets whose members are the rows of one table that have a partner in another are strictly serializable, read by `exists`,
/// by its opposite and by a join: a partner that comes or goes is a conflict with those who saw that it was missing or there.
///
/// # Errors
/// When they are not.
pub async fn partners_are_strictly_serializable(subject: &impl Subject) -> Verdict {
    hold::<Slot>(subject).await
}
