//! Sequences of random statements with random bad input: what is refused leaves nothing, in a session and outside, and the same
//! statements are answered with the same words on each store.

pub mod play;
pub mod statement;
pub mod view;
pub mod world;

use std::sync::Arc;

use rome_core::testkit::Faults;
use world::{Child, Line, Parent, Ticket};

use crate::queries::random::Random;
use crate::stores::{open, places};

/// How many sequences are played; `ROME_SEMANTICS_CASES` asks for more.
pub fn cases(few: u64) -> u64 {
    std::env::var("ROME_SEMANTICS_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(few)
}

fn bytes(seed: u64, most: usize) -> Vec<u8> {
    let mut random = Random::new(seed);
    (0..most).map(|_| random.next() as u8).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn statements_are_answered_the_same_on_each_store_and_a_refused_one_leaves_nothing() {
    for seed in 0..cases(6) {
        let bytes = bytes(seed, 1_500);
        let mut first: Option<Vec<String>> = None;
        let mut refused = 0;
        for place in places() {
            println!("seed {seed} on {}", place.name);
            let db = open!(place, [Parent, Child, Ticket, Line]);
            let answers = play::play(&db, None, &bytes).await;
            refused = answers.iter().filter(|answer| !answer.ends_with(": ok")).count();
            match &first {
                None => first = Some(answers),
                Some(first) => {
                    for (expected, answer) in first.iter().zip(&answers) {
                        assert_eq!(answer, expected, "seed {seed} on {}", place.name);
                    }
                }
            }
        }
        let all = first.map_or(0, |answers| answers.len());
        println!("seed {seed}: {refused} of {all} statements were refused");
        assert!(refused > all / 8 && refused < all, "{refused} of {all} were refused");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_statement_that_fails_or_is_dropped_at_any_call_leaves_nothing() {
    for seed in 100..100 + cases(12) {
        let bytes = bytes(seed, 1_000);
        for place in places() {
            println!("seed {seed} on {}", place.name);
            let faults = Arc::new(Faults::new(place.open().await));
            faults.yield_around_calls();
            let builder = rome_orm::Database::builder();
            let builder = builder.entity::<Parent>().entity::<Child>().entity::<Ticket>().entity::<Line>();
            let db = builder.open(faults.clone()).await.unwrap();
            play::play(&db, Some(&faults), &bytes).await;
        }
    }
}
