//! The lives of processes and partitions.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rome_core::Database;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::Survival;
use super::clients::{Application, work};
use super::process::{CLIENT, Process};
use super::tables;
use super::world::World;

/// How long a time that is of no interest may be, before something hangs.
pub(super) const AGES: Duration = Duration::from_secs(3_600);
/// The most applies that a failover forgets where acknowledged ones may get lost.
const LAST: u64 = 12;

/// The processes that live now.
#[derive(Default)]
struct Living(Mutex<Vec<Arc<Process>>>);

/// Runs all processes, with faults, until they have done what they have to do, or are killed.
pub(super) async fn storm(app: &Arc<Application>) {
    let world = &app.world;
    world.set_stormy(true);
    let failovers = tokio::spawn(fail_over(world.clone()));
    let living = Arc::new(Living::default());
    let mut all: JoinSet<()> = (0..world.plan.processes).map(|slot| live(app.clone(), living.clone(), slot)).collect();
    let length = if world.plan.ends_by_kill { Duration::from_millis(world.random().between(200, 6_000)) } else { AGES };
    if timeout(length, finish(world, &mut all)).await.is_err() {
        if !world.plan.ends_by_kill {
            world.violated("clients are still at work after an hour");
        }
        living.0.lock().unwrap_or_else(PoisonError::into_inner).iter().for_each(|process| {
            process.kill();
            world.count(|figures| figures.kills += 1);
        });
        all.shutdown().await;
    }
    world.set_stormy(false);
    if failovers.await.is_err() {
        world.violated("a failover panicked");
    }
}

/// The lives of one process: it starts again where it was killed.
async fn live(app: Arc<Application>, living: Arc<Living>, slot: u32) {
    let world = &app.world;
    let left = Arc::new(AtomicU64::new(world.plan.actions.into()));
    for life in 0.. {
        let process = Process::new(world.clone(), format!("P{slot}.{life}"));
        living.0.lock().unwrap_or_else(PoisonError::into_inner).push(process.clone());
        let Some(db) = open(&process, world).await else { return };
        let mut clients: JoinSet<()> =
            (0..world.plan.clients).map(|n| CLIENT.scope(n, work(app.clone(), db.clone(), left.clone()))).collect();
        let is_killed = world.befalls(world.plan.kills);
        let length = if is_killed { Duration::from_millis(world.random().between(1, 1_500)) } else { AGES };
        if timeout(length, finish(world, &mut clients)).await.is_ok() || left.load(Ordering::SeqCst) == 0 {
            return;
        }
        process.kill();
        world.count(|figures| figures.kills += 1);
        living.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|other| !Arc::ptr_eq(other, &process));
        clients.shutdown().await;
    }
}

/// Opens the database, however many tries it takes; none if that is a violation.
pub(super) async fn open(process: &Arc<Process>, world: &World) -> Option<Database> {
    loop {
        match tables::builder(world.plan.operator).open(process.clone()).await {
            Ok(db) => return Some(db),
            Err(error) if error.is_unavailable() || error.is_outcome_unknown() || error.is_conflict() => {}
            Err(error) => {
                world.violated(format!("the database cannot be opened: {error}"));
                return None;
            }
        }
        sleep(Duration::from_millis(20)).await;
    }
}

async fn finish(world: &World, tasks: &mut JoinSet<()>) {
    while let Some(result) = tasks.join_next().await {
        if let Err(error) = result {
            world.violated(format!("a client panicked: {error}"));
        }
    }
}

/// Lets partitions crash and come back, one at a time, while there are faults.
async fn fail_over(world: Arc<World>) {
    if world.plan.failovers == 0 {
        return;
    }
    loop {
        let pause = world.random().between(1, 2 * world.plan.failovers);
        sleep(Duration::from_millis(pause)).await;
        if !world.is_stormy() {
            return;
        }
        let at = world.random().below(world.servers.len() as u64) as usize;
        let server = &world.servers[at];
        let (at_risk, all) = server.at_risk();
        let most = match world.plan.survival {
            Survival::Acknowledged => at_risk as u64,
            Survival::Prefix => LAST.min(at_risk as u64),
        };
        let (forgotten, down) = {
            let random = world.random();
            (random.between(0, most), random.pick([0, 10, 300]))
        };
        world.say(format_args!("partition {at} crashes, and forgets {forgotten} of {all} applies"));
        world.count(|figures| {
            (figures.failovers, figures.forgotten) = (figures.failovers + 1, figures.forgotten + forgotten);
        });
        server.crash(forgotten as usize).await;
        sleep(Duration::from_millis(down)).await;
        world.say(format_args!("partition {at} is back"));
        server.come_back();
    }
}
