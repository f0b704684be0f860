//! All that a run consists of besides its clients: partitions, the network, chance, and what is recorded.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc::UnboundedSender;
use tokio::time::sleep;

use super::Survival;
use super::figures::Figures;
use super::plan::Plan;
use super::random::Random;
use super::server::{Answer, Make, Server};
use super::trace::Trace;

pub(super) struct World {
    pub(super) plan: Plan,
    pub(super) servers: Vec<Server>,
    random: Random,
    trace: Mutex<Trace>,
    figures: Mutex<Figures>,
    violations: Mutex<Vec<String>>,
    /// Faults happen while this is set.
    stormy: AtomicBool,
    /// Messages on their way.
    under_way: AtomicUsize,
    /// The longest lease that anyone asked for, in milliseconds.
    longest_lease: AtomicU32,
}

/// What a message meets on its way.
#[derive(Debug, Clone, Copy, Default)]
struct Fate {
    request: u64,
    is_request_lost: bool,
    /// When a second copy arrives.
    copy: Option<u64>,
    reply: u64,
    is_reply_lost: bool,
    /// How long its effects take to be safe.
    safe: u64,
}

impl World {
    pub(super) fn new(plan: Plan, random: Random, trace: Trace, make: &Make) -> Self {
        Self {
            servers: (0..plan.partitions).map(|_| Server::new(make.clone(), plan.survival)).collect(),
            plan,
            random,
            trace: Mutex::new(trace),
            figures: Mutex::default(),
            violations: Mutex::default(),
            stormy: AtomicBool::new(false),
            under_way: AtomicUsize::new(0),
            longest_lease: AtomicU32::new(0),
        }
    }

    pub(super) const fn random(&self) -> &Random {
        &self.random
    }

    pub(super) fn say(&self, what: std::fmt::Arguments<'_>) {
        lock(&self.trace).say(what);
    }

    pub(super) fn trace(&self) -> MutexGuard<'_, Trace> {
        lock(&self.trace)
    }

    pub(super) fn count(&self, count: impl FnOnce(&mut Figures)) {
        count(&mut lock(&self.figures));
    }

    pub(super) fn figures(&self) -> Figures {
        *lock(&self.figures)
    }

    /// Records that something is not as it must be.
    pub(super) fn violated(&self, what: impl Into<String>) {
        let what = what.into();
        self.say(format_args!("VIOLATION: {what}"));
        lock(&self.violations).push(what);
    }

    pub(super) fn violations(&self) -> MutexGuard<'_, Vec<String>> {
        lock(&self.violations)
    }

    pub(super) fn set_stormy(&self, stormy: bool) {
        self.say(format_args!("faults: {stormy}"));
        self.stormy.store(stormy, Ordering::SeqCst);
    }

    pub(super) fn is_stormy(&self) -> bool {
        self.stormy.load(Ordering::SeqCst)
    }

    /// Whether something happens now that happens so many times of a thousand while there are faults.
    pub(super) fn befalls(&self, per_mille: u64) -> bool {
        per_mille > 0 && self.is_stormy() && self.random().per_mille(per_mille)
    }

    pub(super) fn note_lease(&self, lease: u32) {
        self.longest_lease.fetch_max(lease, Ordering::SeqCst);
    }

    pub(super) fn longest_lease(&self) -> Duration {
        Duration::from_millis(self.longest_lease.load(Ordering::SeqCst).into())
    }

    /// Waits until no message is on its way, however late it is.
    pub(super) async fn quiet(&self) {
        while self.under_way.load(Ordering::SeqCst) > 0 {
            sleep(Duration::from_millis(10)).await;
        }
    }

    fn draw_fate(&self) -> Fate {
        let plan = &self.plan;
        let stormy = self.is_stormy();
        let random = self.random();
        let way = || {
            let is_long = stormy && random.per_mille(plan.uneven);
            random.between(0, if is_long { 10 * plan.slow } else { plan.slow })
        };
        let mut fate = Fate { request: way(), reply: way(), ..Fate::default() };
        if plan.survival == Survival::Acknowledged {
            fate.safe = random.between(0, plan.unsafe_for);
        }
        if !stormy {
            return fate;
        }
        fate.is_request_lost = random.per_mille(plan.lost_requests);
        fate.is_reply_lost = random.per_mille(plan.lost_replies);
        if random.per_mille(plan.duplicates) {
            fate.copy = Some(random.between(0, plan.latest));
        }
        if random.per_mille(plan.late) {
            fate.request = random.between(plan.slow, plan.latest);
        }
        self.count(|figures| {
            figures.lost += u64::from(fate.is_request_lost) + u64::from(fate.is_reply_lost);
            figures.duplicated += u64::from(fate.copy.is_some());
            figures.late += u64::from(fate.request > plan.slow);
        });
        fate
    }

    /// Sends a request on its way, once or as often as chance will have it. What comes back goes to `replies`. It goes its way
    /// whatever becomes of the sender.
    pub(super) fn send<T, H, Handled>(self: &Arc<Self>, server: usize, handle: H, replies: &UnboundedSender<T>)
    where
        T: Send + 'static,
        H: Fn(Arc<Self>) -> Handled + Clone + Send + 'static,
        Handled: Future<Output = Option<Answer<T>>> + Send,
    {
        let fate = self.draw_fate();
        if let Some(after) = fate.copy {
            self.deliver(server, handle.clone(), Fate { request: after, ..fate }, replies.clone());
        }
        if !fate.is_request_lost {
            self.deliver(server, handle, fate, replies.clone());
        }
    }

    fn deliver<T, H, Handled>(self: &Arc<Self>, at: usize, handle: H, fate: Fate, replies: UnboundedSender<T>)
    where
        T: Send + 'static,
        H: Fn(Arc<Self>) -> Handled + Send + 'static,
        Handled: Future<Output = Option<Answer<T>>> + Send,
    {
        let way = UnderWay::new(self.clone());
        tokio::spawn(async move {
            let world = &way.0;
            let pass = async |ms| {
                if ms > 0 {
                    sleep(Duration::from_millis(ms)).await;
                }
            };
            pass(fate.request).await;
            let Some(answer) = handle(world.clone()).await else { return };
            pass(fate.safe).await;
            let Some(answer) = world.servers.get(at).and_then(|server| server.release(answer)) else { return };
            if fate.is_reply_lost {
                return;
            }
            pass(fate.reply).await;
            // Whoever asked may be gone.
            let _ = replies.send(answer);
        });
    }
}

/// Counts a message while it is on its way.
struct UnderWay(Arc<World>);

impl UnderWay {
    fn new(world: Arc<World>) -> Self {
        world.under_way.fetch_add(1, Ordering::SeqCst);
        Self(world)
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.under_way.fetch_sub(1, Ordering::SeqCst);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
