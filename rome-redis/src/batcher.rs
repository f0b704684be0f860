//! Calls that come together go out together, as one pipeline.
//!
//! Each pipeline costs both sides wake-ups and system calls, whatever is in it. So the small calls of many tasks are gathered.
//! If no pipeline is in flight, the caller sends its own at once. Otherwise the first caller opens a batch and spawns a task that
//! owns it. That task yields while new callers keep arriving, waits for a free pipeline slot, and then sends the batch. Because a
//! task owns the batch, no caller depends on another being polled. What may take the server long goes out by itself, so that nobody
//! waits for another's scan.
//!
//! A read begins and ends with a look at its partition. All reads that go out together share these: first come the looks that they
//! begin with, each once, then what they ask for, then the looks that they end with, each once. Commits go out with them, those of
//! one partition as one call of the script.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use redis::{Cmd, Pipeline, Value};
use rome_store::{Certainty, StoreError, StoreErrorKind, StoreResult};
use tokio::sync::{SemaphorePermit, oneshot};

use crate::link::{Link, Live, UNDER_WAY};
use crate::script::bundle::{AnswerSlot, Answers, BatchedStep, Bundles};

/// The most commands that are gathered: the replies to the first wait for the last.
const MOST: usize = 128;

/// The words of a look, of the name of the hash its end.
const LOOK: [&[u8]; 5] = [b"HMGET", b":m", b"seq", b"pending", b"gone"];

/// Where calls to a server meet.
#[derive(Debug)]
pub(crate) struct Batcher {
    link: Arc<Link>,
    gathering: Mutex<Gathering>,
}

#[derive(Debug, Default)]
struct Gathering {
    /// The connection by which it will be sent.
    by: Option<Live>,
    /// The looks before all else.
    opening: Vec<Cmd>,
    commands: Vec<Cmd>,
    /// The looks behind them.
    closing: Vec<Cmd>,
    steps: Bundles,
    callers: Vec<Caller>,
}

/// Who waits for replies.
#[derive(Debug)]
struct Caller {
    part: Part,
    replies: oneshot::Sender<StoreResult<Vec<Value>>>,
}

/// What of the replies is for a caller.
#[derive(Debug)]
enum Part {
    /// These, in this order.
    Commands(Vec<Piece>),
    /// The answers to steps.
    Steps(Vec<AnswerSlot>),
}

/// Some replies, in the order in which a caller expects them.
#[derive(Debug)]
enum Piece {
    /// The next ones of the commands, so many.
    Next(usize),
    /// A look at the beginning.
    Opening(usize),
    /// A look at the end.
    Closing(usize),
}

/// How a call takes part: it waits for its replies, or goes alone.
enum Joined<'l> {
    Waits(oneshot::Receiver<StoreResult<Vec<Value>>>),
    Alone(Option<SemaphorePermit<'l>>),
}

impl Batcher {
    pub(crate) fn new(link: Arc<Link>) -> Self {
        Self { link, gathering: Mutex::default() }
    }

    /// Sends commands, with those of others that come now.
    ///
    /// # Errors
    /// As [`Link::call`]; `Unavailable` also if the connection was given up before they were sent.
    pub(crate) async fn call(self: &Arc<Self>, live: &Live, commands: &Pipeline) -> StoreResult<Vec<Value>> {
        match self.join(live, |gathering| gathering.add(commands)) {
            Joined::Waits(replies) => replies.await.unwrap_or_else(|_| Err(given_up().with_unknown_outcome())),
            Joined::Alone(_way) => self.link.call(live, commands).await,
        }
    }

    /// Sends steps, with those of others that come now: those of one partition go out as one call of the script. Gives the answer to
    /// each.
    ///
    /// # Errors
    /// As [`Self::call`].
    pub(crate) async fn apply(self: &Arc<Self>, live: &Live, steps: &[BatchedStep<'_>]) -> StoreResult<Vec<Value>> {
        let add = |to: &mut Gathering| Part::Steps(steps.iter().map(|step| to.steps.add(step)).collect());
        match self.join(live, add) {
            Joined::Waits(replies) => replies.await.unwrap_or_else(|_| Err(given_up().with_unknown_outcome())),
            Joined::Alone(_way) => {
                let mut own = Gathering::default();
                let part = add(&mut own);
                Box::pin(own.exchange(&self.link, live, part)).await
            }
        }
    }

    fn join<'l>(self: &Arc<Self>, live: &'l Live, add: impl FnOnce(&mut Gathering) -> Part) -> Joined<'l> {
        let mut gathering = self.gathering();
        let begins = gathering.by.is_none();
        if begins && live.ways().available_permits() == UNDER_WAY {
            return Joined::Alone(live.ways().try_acquire().ok());
        }
        // Another connection may be to another process, for which the partition is not adopted.
        let fits = gathering.by.as_ref().is_none_or(|by| by.is_same(live));
        if !fits || gathering.commands.len() + gathering.steps.len() >= MOST {
            return Joined::Alone(None);
        }
        let part = add(&mut gathering);
        let (replies, receiver) = oneshot::channel();
        gathering.callers.push(Caller { part, replies });
        if begins {
            gathering.by = Some(live.clone());
        }
        drop(gathering);
        if begins {
            let begun = Begun(Some(self.clone()));
            tokio::spawn(begun.send(live.clone()));
        }
        Joined::Waits(receiver)
    }

    fn gathering(&self) -> MutexGuard<'_, Gathering> {
        self.gathering.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn end(&self) -> Gathering {
        std::mem::take(&mut *self.gathering())
    }
}

/// A gathering that a task of its own will end and send: a caller may stop to look after its call at any time, and the others
/// should not wait for that.
struct Begun(Option<Arc<Batcher>>);

impl Begun {
    async fn send(mut self, live: Live) {
        let ways = live.ways();
        let way = match ways.try_acquire() {
            Ok(way) => {
                // As long as others come, there may be more of them.
                let mut callers = 0;
                while let Some(now) = self.callers().filter(|now| *now > callers) {
                    callers = now;
                    tokio::task::yield_now().await;
                }
                Ok(way)
            }
            Err(_) => ways.acquire().await,
        };
        let Some(batcher) = self.0.take() else { return };
        let link = &batcher.link;
        // What was under way may have been lost with the connection; on this one there would be no answer either.
        if way.is_err() || !link.current().is_some_and(|now| now.is_same(&live)) {
            return refuse(batcher.end().callers, &given_up());
        }
        let (callers, (all, shape)) = {
            let mut gathering = batcher.end();
            (std::mem::take(&mut gathering.callers), gathering.pack(link, &live))
        };
        match link.call(&live, &all).await {
            Ok(replies) => {
                let mut replies = shape.unpack(replies);
                for caller in callers {
                    // Who no longer waits for them does not need them.
                    caller.replies.send(Ok(replies.of(caller.part))).ok();
                }
            }
            Err(error) => refuse(callers, &error),
        }
    }

    /// How many callers have come.
    fn callers(&self) -> Option<usize> {
        self.0.as_ref().map(|batcher| batcher.gathering().callers.len())
    }
}

impl Drop for Begun {
    /// The runtime ends: the callers learn it from their channels.
    fn drop(&mut self) {
        if let Some(batcher) = self.0.take() {
            drop(batcher.end());
        }
    }
}

impl Gathering {
    /// Adds the commands of a caller.
    fn add(&mut self, commands: &Pipeline) -> Part {
        let mut pieces = Vec::with_capacity(3);
        for (at, command) in commands.cmd_iter().enumerate() {
            if !is_look(command) {
                self.commands.push(command.clone());
                match pieces.last_mut() {
                    Some(Piece::Next(n)) => *n += 1,
                    _ => pieces.push(Piece::Next(1)),
                }
            } else if commands.cmd_iter().skip(at + 1).any(|later| same(later, command)) {
                pieces.push(Piece::Opening(once(&mut self.opening, command)));
            } else {
                pieces.push(Piece::Closing(once(&mut self.closing, command)));
            }
        }
        Part::Commands(pieces)
    }

    /// Sends it all, and waits for the replies to the one who added it.
    async fn exchange(self, link: &Link, live: &Live, part: Part) -> StoreResult<Vec<Value>> {
        let (all, shape) = self.pack(link, live);
        Ok(shape.unpack(link.call(live, &all).await?).of(part))
    }

    /// All of it as one pipeline, and where in its replies to find what.
    fn pack(self, link: &Link, live: &Live) -> (Pipeline, Shape) {
        let Self { opening, commands, closing, steps, .. } = self;
        let counts = [opening.len(), commands.len(), closing.len()];
        // Reads that see what these commits did conflict less. But those that go without a first look would not be answered then.
        let steps_first = opening.len() == closing.len();
        let mut all = Pipeline::with_capacity(counts.iter().sum::<usize>() + 1);
        let mut calls = Vec::new();
        let mut steps = Some(steps);
        let (scripts, owner) = (&link.setup.scripts, link.setup.owner(live.run()));
        if steps_first && let Some(steps) = steps.take() {
            calls = steps.finish(scripts, &owner, &mut all);
        }
        for command in opening.into_iter().chain(commands).chain(closing) {
            all.add_command(command);
        }
        if let Some(steps) = steps {
            calls = steps.finish(scripts, &owner, &mut all);
        }
        (all, Shape { counts, calls, steps_first })
    }
}

/// Tells all callers the same, and what it leaves open.
fn refuse(callers: Vec<Caller>, error: &StoreError) {
    for caller in callers {
        let told = StoreError::new(error.kind(), error.to_string());
        let told = if error.certainty() == Certainty::Unknown { told.with_unknown_outcome() } else { told };
        caller.replies.send(Err(told)).ok();
    }
}

/// Where in the replies to a pipeline what is.
struct Shape {
    /// How many looks before, commands, and looks behind.
    counts: [usize; 3],
    /// How many steps each call of the script has.
    calls: Vec<usize>,
    steps_first: bool,
}

impl Shape {
    fn unpack(self, mut replies: Vec<Value>) -> Replies {
        let first = if self.steps_first { self.calls.len() } else { self.counts.iter().sum() };
        let rest = replies.split_off(first.min(replies.len()));
        let (answers, replies) = if self.steps_first { (replies, rest) } else { (rest, replies) };
        let answers = Answers::new(&self.calls, answers.into_iter());
        let mut replies = replies.into_iter();
        let [opening, commands, closing] = self.counts.map(|n| replies.by_ref().take(n).collect::<Vec<_>>());
        Replies { opening, commands: commands.into_iter(), closing, answers }
    }
}

/// The replies to all that was gathered.
struct Replies {
    opening: Vec<Value>,
    commands: std::vec::IntoIter<Value>,
    closing: Vec<Value>,
    answers: Answers,
}

impl Replies {
    /// Those for a caller; the callers come in the order in which they added what they asked for.
    fn of(&mut self, part: Part) -> Vec<Value> {
        let look = |looks: &[Value], at: usize| looks.get(at).cloned().unwrap_or(Value::Nil);
        match part {
            Part::Steps(answer_slots) => answer_slots.into_iter().map(|slot| self.answers.take(slot)).collect(),
            Part::Commands(pieces) => {
                let mut replies = Vec::with_capacity(pieces.len());
                for piece in pieces {
                    match piece {
                        Piece::Next(n) => replies.extend(self.commands.by_ref().take(n)),
                        Piece::Opening(at) => replies.push(look(&self.opening, at)),
                        Piece::Closing(at) => replies.push(look(&self.closing, at)),
                    }
                }
                replies
            }
        }
    }
}

/// The position of a look among those that are sent, with this one among them.
fn once(looks: &mut Vec<Cmd>, look: &Cmd) -> usize {
    looks.iter().position(|sent| same(sent, look)).unwrap_or_else(|| {
        looks.push(look.clone());
        looks.len() - 1
    })
}

/// Whether a command is a look at a partition: nothing else reads these fields of the hash of this name.
fn is_look(command: &Cmd) -> bool {
    let mut words = command.args_iter();
    if words.len() != LOOK.len() {
        return false;
    }
    let is =
        |position: usize, word: &[u8]| if position == 1 { word.ends_with(LOOK[1]) } else { word == LOOK[position] };
    words.by_ref().enumerate().all(|(position, word)| matches!(word, redis::Arg::Simple(word) if is(position, word)))
}

fn same(a: &Cmd, b: &Cmd) -> bool {
    a.args_iter().len() == b.args_iter().len() && a.args_iter().zip(b.args_iter()).all(|(a, b)| a == b)
}

/// The connection by which these commands should have been sent was lost, or the runtime ended.
fn given_up() -> StoreError {
    let message = "the connection was lost by a call that this one waited for";
    StoreError::new(StoreErrorKind::Unavailable, message)
}
