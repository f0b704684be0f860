//! Rows that reference others, while those go.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::try_join_all;
use rome_core::{Database, Result};
use rome_derive::Entity;

use super::{TASKS, at_last, options};
use crate::together::together;
use crate::verdict::ensure;
use crate::{Subject, Verdict, Violation};

const ROUNDS: u64 = 4;
/// How many of them are in each block; a block goes by one query.
const HOUSES: u64 = 8;
const BLOCK: u64 = 2;
const YARDS: u64 = 4;
/// How many rows of each kind a task inserts in a round.
const EACH: u64 = 5;
/// How many handles the tasks share: each knows only what it did itself.
const HANDLES: usize = 3;
/// The numbers of a round's rows begin with its own; each task has so many of them.
const OF_ROUND: u64 = 1_000_000;
const OF_TASK: u64 = 1_000;

#[derive(Entity, Clone, Debug, Default)]
#[rome(table = "houses")]
struct House {
    #[rome(key)]
    id: u64,
    #[rome(index)]
    block: u64,
}

/// Goes with its house.
#[derive(Entity, Clone, Debug, Default)]
#[rome(table = "rooms")]
struct Room {
    #[rome(key)]
    id: u64,
    #[rome(references = House, on_delete = cascade)]
    house: u64,
}

/// Goes with its room, and so with the house.
#[derive(Entity, Clone, Debug, Default)]
#[rome(table = "beds")]
struct Bed {
    #[rome(key)]
    id: u64,
    #[rome(references = Room, on_delete = cascade)]
    room: u64,
}

/// Stays without the house.
#[derive(Entity, Clone, Debug, Default)]
#[rome(table = "guests")]
struct Guest {
    #[rome(key)]
    id: u64,
    #[rome(references = House, on_delete = set_null)]
    house: Option<u64>,
}

#[derive(Entity, Clone, Debug, Default)]
#[rome(table = "yards")]
struct Yard {
    #[rome(key)]
    id: u64,
}

/// Keeps its yard from going.
#[derive(Entity, Clone, Debug, Default)]
#[rome(table = "gates")]
struct Gate {
    #[rome(key)]
    id: u64,
    #[rome(references = Yard)]
    yard: u64,
}

/// Tasks insert rows that reference others and move them from one to another, while other tasks delete what they reference, by
/// key, by query and in transactions, over several handles. No row is left that references one which is gone. Each row whose insert was acknowledged
/// is there, where its task last put it, unless what it referenced was deleted; and what was deleted is gone.
///
/// # Errors
/// When it is not so.
pub async fn no_row_is_left_without_its_parent(subject: &impl Subject) -> Verdict {
    let place = subject.place();
    let store = subject.open(&place).await?;
    let open = || {
        let entities = Database::builder().entity::<House>().entity::<Room>().entity::<Bed>();
        entities.entity::<Guest>().entity::<Yard>().entity::<Gate>().open(store.clone())
    };
    let handles = try_join_all((0..HANDLES).map(|_| open())).await?;
    let Some(db) = handles.first() else { return Ok(()) };
    for round in 0..ROUNDS {
        let (houses, yards) = (round * HOUSES..(round + 1) * HOUSES, round * YARDS..(round + 1) * YARDS);
        let house = |id| House { id, block: id / BLOCK };
        at_last(async || db.upsert_many(houses.clone().map(house)).await).await?;
        at_last(async || db.upsert_many(yards.clone().map(|id| Yard { id })).await).await?;
        let tasks = (0..TASKS).zip(handles.iter().cycle()).map(|(task, db)| {
            let db = db.clone();
            async move { live(&db, round, task).await }
        });
        let told = together(tasks.collect::<Vec<_>>()).await?;
        audit(db, round, &told).await?;
    }
    Ok(())
}

/// What a task was told of a statement.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Said {
    Done,
    NotDone,
    Unknown,
}

/// Errors that nobody may be told here are a violation.
fn said<T>(what: &str, result: Result<T>) -> Verdict<Said> {
    match result {
        Ok(_) => Ok(Said::Done),
        Err(error) if error.is_outcome_unknown() => Ok(Said::Unknown),
        // Nothing keeps a house: what references it goes with it, or does without.
        Err(error) if error.is_foreign_key_violation() && what.contains("house") => {
            Err(Violation::new(format!("{what} was told: {error}")))
        }
        Err(error) if error.is_foreign_key_violation() || error.is_not_found() => Ok(Said::NotDone),
        Err(error) if error.is_unavailable() || error.is_conflict() => Ok(Said::NotDone),
        Err(error) => Err(Violation::new(format!("{what} was told: {error}"))),
    }
}

/// A row that a task has inserted.
struct Placed {
    id: u64,
    /// What it references, by what the task was told; several if it was not told whether a move was done.
    at: Vec<u64>,
    /// Whether the insert was acknowledged.
    surely: bool,
    /// Whether the task itself has deleted it, or may have.
    deleted: bool,
}

/// The rows that a task has inserted, and what it deleted.
#[derive(Default)]
struct Told {
    rooms: Vec<Placed>,
    beds: Vec<Placed>,
    guests: Vec<Placed>,
    gates: Vec<Placed>,
    houses_gone: Vec<(u64, Said)>,
    yards_gone: Vec<(u64, Said)>,
}

fn placed(rows: &mut Vec<Placed>, id: u64, at: u64, said: Said) {
    if said != Said::NotDone {
        rows.push(Placed { id, at: vec![at], surely: said == Said::Done, deleted: false });
    }
}

impl Placed {
    fn moved(&mut self, to: u64, said: Said) {
        match said {
            Said::Done => self.at = vec![to],
            Said::Unknown => self.at.push(to),
            Said::NotDone => {}
        }
    }
}

/// What one task does in a round.
async fn live(db: &Database, round: u64, task: u64) -> Verdict<Told> {
    let mut told = Told::default();
    let house = |n: u64| round * HOUSES + n % HOUSES;
    for n in 0..EACH {
        let id = round * OF_ROUND + task * OF_TASK + n;
        let (here, there) = (house(task + n), house(task + 3 * n + 1));
        let room = said("an insert", db.insert(Room { id, house: here }).await)?;
        placed(&mut told.rooms, id, here, room);
        let bed = said("an insert", db.insert(Bed { id, room: id }).await)?;
        placed(&mut told.beds, id, id, bed);
        let guest = said("an insert", db.insert(Guest { id, house: Some(here) }).await)?;
        placed(&mut told.guests, id, here, guest);
        if n == EACH / 2 {
            delete(db, round, task, &mut told).await?;
        }
        if let Some(room) = told.rooms.last_mut() {
            move_room(db, room, there).await?;
        }
        if let [.., room, _] = told.rooms.as_slice()
            && let Some(bed) = told.beds.last_mut()
        {
            let to = room.id;
            bed.moved(to, said("an update", db.update(&Bed { id: bed.id, room: to }).await)?);
        }
        if let Some(guest) = told.guests.last_mut() {
            let own = db.query::<Guest>().filter(Guest::ID.eq(guest.id));
            guest.moved(there, said("an update by query", own.update((Guest::HOUSE.set(Some(there)),)).await)?);
        }
        open_gate(db, id, round * YARDS + (task + n) % YARDS, n, &mut told).await?;
    }
    Ok(told)
}

async fn move_room(db: &Database, room: &mut Placed, to: u64) -> Verdict {
    let id = room.id;
    let moved = db.transaction_with(options(), async move |s| match s.get::<Room>(id).await? {
        Some(found) => s.update(&Room { house: to, ..found }).await.map(|_| true),
        None => Ok(false),
    });
    let moved = match moved.await {
        Ok(false) => Said::NotDone,
        other => said("a transaction", other)?,
    };
    room.moved(to, moved);
    Ok(())
}

/// Every other gate goes again.
async fn open_gate(db: &Database, id: u64, yard: u64, n: u64, told: &mut Told) -> Verdict {
    let gate = said("an insert", db.insert(Gate { id, yard }).await)?;
    placed(&mut told.gates, id, yard, gate);
    if n.is_multiple_of(2)
        && let Some(gate) = told.gates.last_mut()
    {
        let gone = said("a delete", db.delete_by_key::<Gate>(gate.id).await)?;
        // The last one may be an earlier gate, which is gone already.
        gate.deleted |= gone != Said::NotDone;
    }
    Ok(())
}

/// The delete that is this task's part of a round; half of the houses stay.
async fn delete(db: &Database, round: u64, task: u64, told: &mut Told) -> Verdict {
    let first = round * HOUSES;
    match task {
        0 => {
            let block = db.query::<House>().filter(House::BLOCK.eq(first / BLOCK));
            let gone = said("a delete of houses by query", block.delete().await)?;
            told.houses_gone.extend((first..first + BLOCK).map(|house| (house, gone)));
        }
        1 => {
            let gone = said("a delete of a house", db.delete_by_key::<House>(first + BLOCK).await)?;
            told.houses_gone.push((first + BLOCK, gone));
        }
        2 => {
            let (old, new) = (first + BLOCK + 1, first + BLOCK + 2);
            let id = round * OF_ROUND + task * OF_TASK + EACH;
            let replaced = db.transaction_with(options(), async move |s| {
                s.delete_by_key::<House>(old).await?;
                s.insert(Room { id, house: new }).await
            });
            let replaced = said("a delete of a house in a transaction", replaced.await)?;
            told.houses_gone.push((old, replaced));
            placed(&mut told.rooms, id, new, replaced);
        }
        3..=6 => {
            let yard = round * YARDS + task - 3;
            let gone = said("a delete", db.delete_by_key::<Yard>(yard).await)?;
            told.yards_gone.push((yard, gone));
        }
        _ => {}
    }
    Ok(())
}

/// What a row references that is stored; none of a row that references nothing.
type Stored = BTreeMap<u64, Option<u64>>;

async fn audit(db: &Database, round: u64, told: &[Told]) -> Verdict {
    let houses = at_last(async || db.query::<House>().ignore_indexes().all().await).await?;
    let houses: BTreeSet<u64> = houses.iter().map(|house| house.id).collect();
    let yards = at_last(async || db.query::<Yard>().ignore_indexes().all().await).await?;
    let yards: BTreeSet<u64> = yards.iter().map(|yard| yard.id).collect();
    let rooms = at_last(async || db.query::<Room>().ignore_indexes().all().await).await?;
    let rooms: Stored = rooms.iter().map(|room| (room.id, Some(room.house))).collect();
    let beds = at_last(async || db.query::<Bed>().ignore_indexes().all().await).await?;
    let beds: Stored = beds.iter().map(|bed| (bed.id, Some(bed.room))).collect();
    let guests = at_last(async || db.query::<Guest>().ignore_indexes().all().await).await?;
    let guests: Stored = guests.iter().map(|guest| (guest.id, guest.house)).collect();
    let gates = at_last(async || db.query::<Gate>().ignore_indexes().all().await).await?;
    let gates: Stored = gates.iter().map(|gate| (gate.id, Some(gate.yard))).collect();
    let with_rooms = rooms.keys().copied().collect();
    gone("house", round * HOUSES, &houses, &told.iter().flat_map(|told| &told.houses_gone).collect::<Vec<_>>())?;
    gone("yard", round * YARDS, &yards, &told.iter().flat_map(|told| &told.yards_gone).collect::<Vec<_>>())?;
    let of = |rows: fn(&Told) -> &Vec<Placed>| told.iter().flat_map(rows).collect::<Vec<_>>();
    there("room", round, &of(|told| &told.rooms), &rooms, &houses)?;
    there("bed", round, &of(|told| &told.beds), &beds, &with_rooms)?;
    there("guest", round, &of(|told| &told.guests), &guests, &houses)?;
    there("gate", round, &of(|told| &told.gates), &gates, &yards)
}

/// What was deleted is gone, and nothing else.
fn gone(what: &str, first: u64, stored: &BTreeSet<u64>, deletes: &[&(u64, Said)]) -> Verdict {
    for (id, said) in deletes {
        ensure!(*said != Said::Done || !stored.contains(id), "{what} {id} is there, and its delete was acknowledged");
        ensure!(*said != Said::NotDone || stored.contains(id), "{what} {id} is gone, and its delete was refused");
    }
    for id in (first..first + if what == "house" { HOUSES } else { YARDS }).filter(|id| !stored.contains(id)) {
        ensure!(deletes.iter().any(|(deleted, _)| *deleted == id), "{what} {id} is gone, and nobody deleted it");
    }
    Ok(())
}

/// All rows that reference others do so rightly, and those of this round are where their tasks were told that they are.
fn there(what: &str, round: u64, placed: &[&Placed], stored: &Stored, parents: &BTreeSet<u64>) -> Verdict {
    for (id, parent) in stored {
        let orphan = parent.filter(|parent| !parents.contains(parent));
        ensure!(orphan.is_none(), "{what} {id} is an orphan: it references {parent:?}, which is gone");
        let known = *id < round * OF_ROUND || placed.iter().any(|placed| placed.id == *id);
        ensure!(known, "{what} {id} is there, and its insert was refused");
    }
    for Placed { id, at, surely, deleted } in placed {
        let parent_went = at.iter().any(|parent| !parents.contains(parent));
        match stored.get(id) {
            Some(Some(parent)) => {
                ensure!(at.contains(parent), "{what} {id} references {parent}, and was put at {at:?}");
            }
            Some(None) => ensure!(parent_went, "{what} {id} references nothing, and {at:?} is there"),
            None => {
                let may_go = !surely || *deleted || (parent_went && what != "guest" && what != "gate");
                ensure!(may_go, "{what} {id} was inserted at {at:?} and is lost");
            }
        }
    }
    Ok(())
}
