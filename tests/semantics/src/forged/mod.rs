//! Forged records, on each store.

pub mod forge;

use forge::{fill, forge};

use crate::queries::random::Random;
use crate::sequences::cases;
use crate::stores::places;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_forged_record_is_an_error_of_what_reads_it_and_no_panic() {
    for place in places() {
        println!("on {}", place.name);
        let store = place.open().await;
        fill(store.clone()).await;
        let few = if place.name.contains("memory") { 150 } else { 15 };
        for seed in 0..cases(few) {
            let mut random = Random::new(seed);
            let data: Vec<u8> = (0..80).map(|_| random.next() as u8).collect();
            forge(&store, &data).await;
        }
    }
}
