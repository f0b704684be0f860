//! Databases under load, one after the other, on servers to which everything happens.
#![allow(clippy::unwrap_used)]

mod bed;
mod cluster;
mod fault;
#[path = "../../../tests/harness/proxy.rs"]
mod proxy;
mod single;
mod tricks;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use rome_conformance::Subject;
use rome_conformance::soak::{Figures, Load};
use rome_redis::{RedisOptions, RedisStore};
use rome_store::{Durability, Store, StoreResult};

pub use bed::Soak;
use bed::{Bed, Random};
pub use fault::Fault;

/// What became of it.
#[derive(Debug)]
pub struct Report {
    soak: Soak,
    took: Duration,
    /// How often each fault was made.
    faults: BTreeMap<&'static str, u64>,
    pub figures: Figures,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Soak { cluster, durability, clients, seed, .. } = &self.soak;
        let store = if *cluster { "cluster" } else { "single" };
        let took = self.took.as_secs();
        writeln!(f, "store {store}, {durability:?}, {clients} clients, seed {seed}, {took} s")?;
        self.faults.iter().try_for_each(|(name, n)| writeln!(f, "{name:38} {n}"))?;
        write!(f, "{}", self.figures)
    }
}

/// A prefix of its own for each database on the bed.
struct OnBed {
    url: String,
}

impl Subject for OnBed {
    type Place = String;

    fn place(&self) -> String {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        format!("soak{}", NEXT.fetch_add(1, Ordering::Relaxed))
    }

    async fn open(&self, prefix: &String) -> StoreResult<Arc<dyn Store>> {
        let options = RedisOptions::default().prefix(prefix).patience(Duration::from_secs(20));
        Ok(Arc::new(RedisStore::open_with(&self.url, options).await?))
    }
}

/// Soaks for as long as was asked for, at least one round.
pub fn run(soak: &Soak) -> Report {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(3).enable_all().build().unwrap();
    runtime.block_on(async {
        let mut bed: Box<dyn Bed> = if soak.cluster {
            Box::new(cluster::Cluster::new(soak).await)
        } else {
            Box::new(single::Single::new(soak).await)
        };
        let subject = OnBed { url: bed.url() };
        let random = Random::new(soak.seed);
        let began = Instant::now();
        let mut report =
            Report { soak: soak.clone(), took: Duration::ZERO, faults: BTreeMap::new(), figures: Figures::default() };
        while report.took < soak.time {
            let load = Load {
                clients: soak.clients,
                durability: soak.durability,
                may_lose: soak.may_lose(),
                kill_clients: soak.faults.contains(&Fault::KillClient),
                seed: random.next(),
                late: soak.late,
            };
            let (hand_back, back) = tokio::sync::oneshot::channel();
            let (round, faults, choices) = (soak.round, soak.faults.clone(), random.next());
            let misfortune = async {
                let misfortune = tokio::task::spawn_blocking(move || {
                    let made = bed::make_faults(&mut *bed, &faults, round, &Random::new(choices));
                    (bed, made)
                });
                hand_back.send(misfortune.await.expect("the servers can be handled")).ok();
            };
            let figures = load.run(&subject, misfortune).await.unwrap_or_else(|violation| {
                let mut figures = Figures::default();
                figures.violations.push(violation.to_string());
                figures
            });
            figures.violations.iter().for_each(|violation| eprintln!("VIOLATION {violation}"));
            report.figures.add(figures);
            let Ok((same, made)) = back.await else { break };
            bed = same;
            made.into_iter().for_each(|(name, n)| *report.faults.entry(name).or_default() += n);
            report.took = began.elapsed();
            eprintln!(
                "{:4} s: {} commits, {} lost, {} violations",
                report.took.as_secs(),
                report.figures.committed,
                report.figures.lost,
                report.figures.violations.len()
            );
        }
        report
    })
}

/// How safe acknowledged commits are asked to be, for the settings of the servers.
fn keeps_files(durability: Durability) -> bool {
    durability == Durability::Local
}
