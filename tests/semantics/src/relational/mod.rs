//! Random joins, aggregates, subqueries and set operations on random rows: compared with a naive evaluator and with SQLite,
//! on every store, with several sets of indexes, and with the pending writes of a session.
//!
//! A run prints its seed. `ROME_SEMANTICS_SEED` repeats it; `ROME_SEMANTICS_CASES` sets how many cases each set of indexes
//! gets on each store.

mod calls;
mod groups;
mod indexed;
mod links;
mod mixed;
mod model;
mod naive;
mod named;
mod plain;
mod shapes;
mod sqlite;

use model::Generate;

use crate::queries::random::Random;
use crate::queries::{Case, number, seed_of};
use crate::tally::Tally;

/// The entities of one set of indexes. The attributes of each column follow its name.
macro_rules! entities {
    (
        owner [$($owner:tt)*] city [$($city:tt)*] age [$($owner_age:tt)*] code [$($owner_code:tt)*],
        dog [$($dog:tt)*] name [$($name:tt)*] age [$($age:tt)*] owner_id [$($owner_id:tt)*] boss_id [$($boss_id:tt)*]
            code [$($code:tt)*] gone [$($gone:tt)*],
        tag [$($tag:tt)*],
        link [$($link:tt)*]
    ) => {
        #[derive(Entity, Clone, Debug, PartialEq, Default)]
        $($owner)*
        pub struct Owner {
            #[rome(key)]
            pub id: u32,
            $($city)* pub city: String,
            $($owner_age)* pub age: Option<i32>,
            $($owner_code)* pub code: Option<u32>,
            #[rome(has_many(owner_id))]
            pub dogs: Many<Dog>,
        }

        #[derive(Entity, Clone, Debug, PartialEq, Default)]
        $($dog)*
        pub struct Dog {
            #[rome(key)]
            pub id: u32,
            $($name)* pub name: String,
            pub kind: String,
            $($age)* pub age: Option<i32>,
            pub big: Option<i64>,
            pub wide: u64,
            pub weight: f64,
            $($owner_id)* pub owner_id: Option<u32>,
            $($boss_id)* pub boss_id: Option<u32>,
            $($code)* pub code: Option<u32>,
            $($gone)* pub gone: Option<DateTime<Utc>>,
            #[rome(belongs_to(owner_id))]
            pub owner: One<Owner>,
            #[rome(belongs_to(boss_id))]
            pub boss: One<Dog>,
            #[rome(has_many(boss_id))]
            pub pups: Many<Dog>,
            #[rome(many_to_many(through = DogTag, dog_id, tag_id))]
            pub tags: Many<Tag>,
        }

        #[derive(Entity, Clone, Debug, PartialEq, Default)]
        $($tag)*
        pub struct Tag {
            #[rome(key)]
            pub id: u32,
            pub label: String,
            #[rome(many_to_many(through = DogTag, tag_id, dog_id))]
            pub dogs: Many<Dog>,
        }

        #[derive(Entity, Clone, Debug, PartialEq, Default)]
        $($link)*
        pub struct DogTag {
            #[rome(key)]
            pub dog_id: u32,
            #[rome(key)]
            pub tag_id: u32,
            pub note: Option<i32>,
        }

        rome_orm::alias!(pub Boss = Dog);

        /// Compares one case.
        pub async fn case(db: &Database, gen_: &mut super::Generate) {
            super::run_case!(db, gen_);
        }
    };
}
use entities;

/// One case: random rows, questions to the database, and more of them in a session that has written.
macro_rules! run_case {
    ($db:ident, $gen:ident) => {{
        use super::model::Table;
        use super::sqlite::Sqlite;
        use crate::queries::Case;
        use world::Where;

        let mut data = $gen.data();
        world::fill($db, &data).await;
        let session = $db.session();
        for round in 0..2 {
            let at = if round == 0 { Where::Database($db) } else { Where::Session(&session) };
            if round == 1 {
                world::change(&session, &mut data, $gen).await;
            }
            let sqlite = Sqlite::with(&data);
            for _ in 0..4 {
                let (ask, group) = ($gen.join_ask(), $gen.group_ask());
                let _case = Case(format!("round {round}: {ask:#?}\n{group:?}"));
                asks::check_join(at, &data, Some(&sqlite), &ask, &group).await;
            }
            for _ in 0..4 {
                let (filter, group) = ($gen.filter(Table::Dog, 1), $gen.group_ask());
                let _case = Case(format!("round {round}: groups {group:?} of {filter:#?}"));
                ask_groups::check_groups(at, &data, Some(&sqlite), &filter, &group).await;
            }
            for _ in 0..2 {
                let filter = $gen.filter(Table::Dog, 3);
                let order = $gen.orders(0, Table::Dog, 2);
                let _case = Case(format!("round {round}: dogs {filter:#?} by {order:?}"));
                asks::check_filter::<Dog>(at, &data, Some(&sqlite), &filter, &order).await;
                let filter = $gen.filter(Table::Owner, 3);
                let order = $gen.orders(0, Table::Owner, 2);
                let _case = Case(format!("round {round}: owners {filter:#?} by {order:?}"));
                asks::check_filter::<Owner>(at, &data, Some(&sqlite), &filter, &order).await;
            }
            let (a, b) = ($gen.filter(Table::Dog, 1), $gen.filter(Table::Dog, 1));
            let limit = $gen.random.one_in(2).then(|| $gen.random.below(5));
            let _case = Case(format!("round {round}: set operations on {a:#?} and {b:#?}, limit {limit:?}"));
            asks::check_sets(at, &data, Some(&sqlite), &a, &b, limit).await;
        }
        session.rollback();
    }};
}
use run_case;

/// The cases of one set of indexes, on every store.
macro_rules! run {
    ($world:ident) => {{
        let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_nanos() as u64;
        let seed = number("ROME_SEMANTICS_SEED").unwrap_or(now);
        let cases = number("ROME_SEMANTICS_CASES").unwrap_or(32);
        println!("ROME_SEMANTICS_SEED={seed}");
        let tally = Tally::begin(stringify!($world));
        for (at, place) in (0..).zip(crate::stores::places()) {
            let db = crate::stores::open!(place, [$world::Owner, $world::Dog, $world::Tag, $world::DogTag]);
            for n in 0..cases {
                let mut gen_ = Generate { random: Random::new(seed_of(seed, at, n)) };
                let _case = Case(format!(
                    "to repeat: ROME_SEMANTICS_SEED={seed} ROME_SEMANTICS_CASES={}; {} on {}",
                    n + 1,
                    stringify!($world),
                    place.name
                ));
                $world::case(&db, &mut gen_).await;
            }
        }
        tally.end();
    }};
}

#[tokio::test]
async fn relations_without_indexes_give_what_the_law_says() {
    run!(plain);
}

#[tokio::test]
async fn relations_on_single_indexes_give_what_the_law_says() {
    run!(indexed);
}

#[tokio::test]
async fn relations_on_composite_and_global_indexes_and_softly_deleted_rows_give_what_the_law_says() {
    run!(mixed);
}
