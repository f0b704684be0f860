//! Many seeds at once.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{Figures, Simulation};

/// A seed whose run was not as it must be.
#[derive(Debug, Clone)]
pub struct Failed {
    /// The seed.
    pub seed: u64,
    /// What was wrong.
    pub violations: Vec<String>,
}

/// Runs seeds from `first` on, `runs` of them, in as many threads as there are processors; stops soon after the first that
/// fails. Returns what was counted, and the lowest seed that failed.
///
/// A run does not depend on what else runs.
///
/// # Panics
/// When a run panics.
#[must_use]
pub fn run_many(simulation: &Simulation, first: u64, runs: u64) -> (Figures, Option<Failed>) {
    let next = AtomicU64::new(first);
    let counted = Mutex::new((Figures::default(), None::<Failed>));
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::SeqCst);
                    if seed - first >= runs {
                        return;
                    }
                    let run = simulation.run(seed);
                    let mut counted = counted.lock().unwrap_or_else(PoisonError::into_inner);
                    counted.0.add(&run.figures);
                    if !run.violations.is_empty() {
                        if counted.1.as_ref().is_none_or(|failed| seed < failed.seed) {
                            counted.1 = Some(Failed { seed, violations: run.violations });
                        }
                        next.store(first + runs, Ordering::SeqCst);
                        return;
                    }
                }
            });
        }
    });
    counted.into_inner().unwrap_or_else(PoisonError::into_inner)
}
