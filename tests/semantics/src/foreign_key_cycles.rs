//! Foreign keys that lead in circles: between entities, and between rows of one.

use rome_orm::Hooks;
use rome_orm::prelude::*;

use crate::sessions::laws;

/// A ring of rows of one entity; each goes with the one that it references.
#[derive(Entity, Clone, Debug, PartialEq, Default)]
#[rome(table = "nodes", hooks)]
struct Node {
    #[rome(key)]
    id: u64,
    #[rome(references = Self, on_delete = cascade)]
    next: Option<u64>,
}

/// Which nodes were deleted, each time that they were.
#[derive(Entity, Clone, Debug, PartialEq, Default)]
#[rome(table = "gone")]
struct Gone {
    #[rome(key, auto)]
    id: Id<Gone>,
    node: u64,
}

impl Hooks for Node {
    async fn after_delete(&self, session: &Session) -> rome_orm::Result<()> {
        session.insert(Gone { node: self.id, ..Default::default() }).await.map(drop)
    }
}

/// Goes with its captain, who goes with it.
#[derive(Entity, Clone, Debug, PartialEq, Default)]
#[rome(table = "teams")]
struct Team {
    #[rome(key)]
    id: u64,
    #[rome(references = Player, on_delete = cascade)]
    captain: Option<u64>,
    #[rome(references = Player)]
    mascot: Option<u64>,
}

#[derive(Entity, Clone, Debug, PartialEq, Default)]
#[rome(table = "players")]
struct Player {
    #[rome(key)]
    id: u64,
    #[rome(references = Team, on_delete = cascade)]
    team: Option<u64>,
}

/// Rows that keep each other.
#[derive(Entity, Clone, Debug, PartialEq, Default)]
#[rome(table = "stones")]
struct Stone {
    #[rome(key)]
    id: u64,
    #[rome(references = Self)]
    on: Option<u64>,
}

fn node(id: u64, next: Option<u64>) -> Node {
    Node { id, next }
}

async fn nodes(db: &Database) -> Vec<u64> {
    db.query::<Node>().order_by(Node::ID.asc()).select(Node::ID).all().await.unwrap()
}

async fn gone(db: &Database) -> Vec<u64> {
    let gone = db.query::<Gone>().order_by(Gone::NODE.asc()).select(Gone::NODE).all().await.unwrap();
    db.query::<Gone>().delete().await.unwrap();
    gone
}

/// A team of so many players whose captain is the first of them; numbers begin at this one.
async fn team(db: &Database, first: u64, players: u64) {
    let s = db.session();
    let mut team = s.insert(Team { id: first, ..Default::default() }).await.unwrap();
    s.insert_many((first..first + players).map(|id| Player { id, team: Some(first) })).await.unwrap();
    team.captain = Some(first);
    s.update(&team).await.unwrap();
    s.commit().await.unwrap();
}

async fn counts(db: &Database) -> (u64, u64) {
    (db.query::<Team>().count().await.unwrap(), db.query::<Player>().count().await.unwrap())
}

laws! { [Node, Gone, Team, Player, Stone]
    async fn a_cascade_takes_a_ring_of_rows_and_each_of_them_once(db) {
        // A ring of three, one row that hangs on it, one that references itself, and a chain that goes out of the ring's way.
        let ring = [node(1, Some(2)), node(2, Some(3)), node(3, Some(1)), node(4, Some(1))];
        let others = [node(5, Some(5)), node(6, None), node(7, Some(6))];
        for first in 1..=4 {
            db.insert_many(ring.iter().chain(&others).cloned()).await.unwrap();
            db.delete_by_key::<Node>(first).await.unwrap();
            // What the fourth references stays.
            let expected = if first == 4 { vec![4] } else { vec![1, 2, 3, 4] };
            assert_eq!(gone(&db).await, expected, "beginning with {first}");
            assert_eq!(nodes(&db).await, (1..=7).filter(|id| !expected.contains(id)).collect::<Vec<_>>());
            db.query::<Node>().delete().await.unwrap();
            gone(&db).await;
        }
        db.insert(node(5, Some(5))).await.unwrap();
        db.delete_by_key::<Node>(5).await.unwrap();
        assert_eq!(gone(&db).await, [5]);
    }

    async fn a_delete_by_query_that_meets_a_ring_takes_all_of_it(db) {
        db.insert_many((0..40).map(|id| node(id, Some((id + 1) % 40)))).await.unwrap();
        let some = db.query::<Node>().filter(Node::ID.is_in([3_u64, 4, 30]));
        assert_eq!(some.delete().await.unwrap(), 3, "the statement's own rows are counted");
        assert_eq!(gone(&db).await, (0..40).collect::<Vec<_>>());
        assert_eq!(nodes(&db).await, Vec::<u64>::new());
    }

    async fn a_cascade_goes_round_between_two_entities(db) {
        team(&db, 10, 3).await;
        team(&db, 20, 3).await;
        assert!(db.delete_by_key::<Team>(10_u64).await.unwrap());
        assert_eq!(counts(&db).await, (1, 3));
        // By the captain, with whom the team goes, and the others with it.
        assert!(db.delete_by_key::<Player>(20_u64).await.unwrap());
        assert_eq!(counts(&db).await, (0, 0));
        // One who is not captain goes alone.
        team(&db, 30, 3).await;
        assert!(db.delete_by_key::<Player>(31_u64).await.unwrap());
        assert_eq!(counts(&db).await, (1, 2));
    }

    async fn what_goes_with_the_ring_does_not_keep_it_and_what_stays_does(db) {
        team(&db, 10, 2).await;
        team(&db, 20, 2).await;
        // The own mascot goes with the team.
        db.update(&Team { id: 10, captain: Some(10), mascot: Some(11) }).await.unwrap();
        assert!(db.delete_by_key::<Player>(11_u64).await.unwrap_err().is_foreign_key_violation(), "the team stays");
        assert!(db.delete_by_key::<Team>(10_u64).await.unwrap());
        assert_eq!(counts(&db).await, (1, 2));
        // That of another team keeps it, and then all of the ring is kept.
        team(&db, 10, 2).await;
        db.update(&Team { id: 20, captain: Some(20), mascot: Some(11) }).await.unwrap();
        assert!(db.delete_by_key::<Team>(10_u64).await.unwrap_err().is_foreign_key_violation());
        assert_eq!(counts(&db).await, (2, 4));
        assert_eq!(db.query::<Team>().delete().await.unwrap(), 2, "both go together");
        assert_eq!(counts(&db).await, (0, 0));
    }

    async fn rows_that_keep_each_other_go_in_one_statement(db) {
        let stones = [Stone { id: 1, on: Some(2) }, Stone { id: 2, on: Some(1) }, Stone { id: 3, on: Some(3) }];
        db.insert_many(stones.clone()).await.unwrap();
        for one in &stones[..2] {
            assert!(db.delete(one).await.unwrap_err().is_foreign_key_violation());
        }
        db.delete(&stones[2]).await.expect("it is kept by nobody else");
        assert_eq!(db.delete_many(&stones[..2]).await.unwrap(), 2);
        assert_eq!(db.query::<Stone>().count().await.unwrap(), 0);
    }
}
