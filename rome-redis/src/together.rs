//! Calls that come together go out together, as one pipeline.
//!
//! Each pipeline costs both sides wake-ups and system calls, whatever is in it. So the small calls of many tasks are gathered:
//! whoever finds nobody gathering leads, lets the other tasks run once if such calls are under way at all, waits while
//! several pipelines are, and sends what has come. A lone caller waits for nobody. What may take the server long goes out by itself,
//! so that nobody waits for another's scan.
//!
//! A read begins and ends with a look at its partition. All reads that go out together share these: first come the looks that they
//! begin with, each once, then what they ask for, then the looks that they end with, each once. Commits go out with them, those of
//! one partition as one call of the script.

use std::sync::{Mutex, MutexGuard, PoisonError};

use redis::{Cmd, Pipeline, Value};
use rome_core::store::{StoreError, StoreErrorKind, StoreResult};
use tokio::sync::{Semaphore, oneshot};

use crate::apply::bundle::{Answers, Bundles, Passenger, Ticket};
use crate::link::{Link, Live};

/// The most commands that are gathered: the replies to the first wait for the last.
const MOST: usize = 128;

/// The words of a look, of the name of the hash its end.
const LOOK: [&[u8]; 4] = [b"HMGET", b":m", b"seq", b"pending"];

/// How many pipelines are under way at most: one on its way, one that is worked on, one whose replies are. What comes meanwhile goes
/// out together.
const UNDER_WAY: usize = 3;

/// Where calls to a server meet.
#[derive(Debug)]
pub(crate) struct Together {
    gathering: Mutex<Gathering>,
    ways: Semaphore,
}

impl Default for Together {
    fn default() -> Self {
        Self { gathering: Mutex::default(), ways: Semaphore::new(UNDER_WAY) }
    }
}

#[derive(Debug, Default)]
struct Gathering {
    /// The connection of the one who will send it.
    by: Option<Live>,
    /// The looks before all else.
    opening: Vec<Cmd>,
    commands: Vec<Cmd>,
    /// The looks behind them.
    closing: Vec<Cmd>,
    steps: Bundles,
    followers: Vec<Follower>,
}

/// A call that another task sends.
#[derive(Debug)]
struct Follower {
    part: Part,
    replies: oneshot::Sender<Vec<Value>>,
}

/// What of the replies is for a caller.
#[derive(Debug)]
enum Part {
    /// These, in this order.
    Commands(Vec<Piece>),
    /// The answers to steps.
    Steps(Vec<Ticket>),
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

/// How a call takes part: it leads, waits for its replies, or goes alone.
enum Joined {
    Leads(Part),
    Follows(oneshot::Receiver<Vec<Value>>),
    NotAtAll,
}

impl Together {
    /// Sends commands, with those of others that come now.
    ///
    /// # Errors
    /// As [`Link::call`]; `Unavailable` also if the caller who should have sent them was dropped or could not.
    pub(crate) async fn call(&self, link: &Link, live: &Live, commands: &Pipeline) -> StoreResult<Vec<Value>> {
        match self.join(live, |gathering| gathering.add(commands)) {
            Joined::Leads(part) => self.lead(link, live, part).await,
            Joined::Follows(replies) => replies.await.map_err(|_| given_up()),
            Joined::NotAtAll => link.call(live, commands).await,
        }
    }

    /// Sends steps, with those of others that come now: those of one partition go out as one call of the script. Gives the answer to
    /// each.
    ///
    /// # Errors
    /// As [`Self::call`].
    pub(crate) async fn apply(&self, link: &Link, live: &Live, steps: &[Passenger<'_>]) -> StoreResult<Vec<Value>> {
        let add = |to: &mut Bundles| steps.iter().map(|step| to.add(step)).collect();
        match self.join(live, |gathering| Part::Steps(add(&mut gathering.steps))) {
            Joined::Leads(part) => self.lead(link, live, part).await,
            Joined::Follows(replies) => replies.await.map_err(|_| given_up()),
            Joined::NotAtAll => {
                let mut own = Gathering::default();
                let part = Part::Steps(add(&mut own.steps));
                own.send(link, live, part).await
            }
        }
    }

    fn join(&self, live: &Live, add: impl FnOnce(&mut Gathering) -> Part) -> Joined {
        let mut gathering = self.gathering();
        // Another connection may be to another process, for which the partition is not adopted.
        let fits = gathering.by.as_ref().is_none_or(|by| by.is_same(live));
        if !fits || gathering.commands.len() + gathering.steps.len() >= MOST {
            return Joined::NotAtAll;
        }
        let part = add(&mut gathering);
        if gathering.by.is_none() {
            gathering.by = Some(live.clone());
            return Joined::Leads(part);
        }
        let (replies, receiver) = oneshot::channel();
        gathering.followers.push(Follower { part, replies });
        Joined::Follows(receiver)
    }

    /// Sends what was gathered, of which the first part is the leader's.
    async fn lead(&self, link: &Link, live: &Live, own: Part) -> StoreResult<Vec<Value>> {
        let lead = Lead(Some(self));
        let _way = match self.ways.try_acquire() {
            Ok(way) => {
                if self.ways.available_permits() + 1 < UNDER_WAY {
                    tokio::task::yield_now().await;
                }
                Some(way)
            }
            Err(_) => {
                let way = self.ways.acquire().await.ok();
                // What was under way may have been lost with the connection; on this one there would be no answer either.
                if !link.current().is_some_and(|now| now.is_same(live)) {
                    return Err(given_up());
                }
                way
            }
        };
        lead.end().send(link, live, own).await
    }

    fn gathering(&self) -> MutexGuard<'_, Gathering> {
        self.gathering.lock().unwrap_or_else(PoisonError::into_inner)
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

    /// Sends it all, gives each follower its part, and the leader's back.
    async fn send(self, link: &Link, live: &Live, own: Part) -> StoreResult<Vec<Value>> {
        let Self { opening, commands, closing, steps, followers, .. } = self;
        let counts = [opening.len(), commands.len(), closing.len()];
        // Reads that see what these commits did conflict less. But those that go without a first look would not be answered then.
        let steps_first = opening.len() == closing.len();
        let mut all = Pipeline::with_capacity(counts.iter().sum::<usize>() + 1);
        let mut calls = Vec::new();
        let mut steps = Some(steps);
        if steps_first && let Some(steps) = steps.take() {
            calls = steps.finish(&link.setup, live.run(), &mut all);
        }
        for command in opening.into_iter().chain(commands).chain(closing) {
            all.add_command(command);
        }
        if let Some(steps) = steps {
            calls = steps.finish(&link.setup, live.run(), &mut all);
        }
        let mut replies = link.call(live, &all).await?;
        let first = if steps_first { calls.len() } else { counts.iter().sum() };
        let rest = replies.split_off(first.min(replies.len()));
        let (answers, replies) = if steps_first { (replies, rest) } else { (rest, replies) };
        let mut answers = Answers::new(&calls, answers.into_iter());
        let mut replies = replies.into_iter();
        let [opening, commands, closing] = counts.map(|n| replies.by_ref().take(n).collect::<Vec<_>>());
        let mut commands = commands.into_iter();
        let look = |looks: &[Value], at: usize| looks.get(at).cloned().unwrap_or(Value::Nil);
        let mut of = |part: Part| match part {
            Part::Steps(tickets) => tickets.into_iter().map(|ticket| answers.take(ticket)).collect(),
            Part::Commands(pieces) => {
                let mut replies = Vec::with_capacity(pieces.len());
                for piece in pieces {
                    match piece {
                        Piece::Next(n) => replies.extend(commands.by_ref().take(n)),
                        Piece::Opening(at) => replies.push(look(&opening, at)),
                        Piece::Closing(at) => replies.push(look(&closing, at)),
                    }
                }
                replies
            }
        };
        let own = of(own);
        for follower in followers {
            // Who no longer waits for them does not need them.
            follower.replies.send(of(follower.part)).ok();
        }
        Ok(own)
    }
}

/// The place of a look among those that are sent, with this one among them.
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
    let is = |place: usize, word: &[u8]| if place == 1 { word.ends_with(LOOK[1]) } else { word == LOOK[place] };
    words.by_ref().enumerate().all(|(place, word)| matches!(word, redis::Arg::Simple(word) if is(place, word)))
}

fn same(a: &Cmd, b: &Cmd) -> bool {
    a.args_iter().len() == b.args_iter().len() && a.args_iter().zip(b.args_iter()).all(|(a, b)| a == b)
}

/// Ends the gathering, also when the leader is dropped: then its followers learn it from their channels.
struct Lead<'t>(Option<&'t Together>);

impl Lead<'_> {
    fn end(mut self) -> Gathering {
        self.0.take().map(|together| std::mem::take(&mut *together.gathering())).unwrap_or_default()
    }
}

impl Drop for Lead<'_> {
    fn drop(&mut self) {
        if let Some(together) = self.0.take() {
            drop(std::mem::take(&mut *together.gathering()));
        }
    }
}

/// The caller who sent these commands was dropped, or could not send them.
fn given_up() -> StoreError {
    let message = "the connection was lost by the call that this one went out with";
    StoreError::new(StoreErrorKind::Unavailable, message).with_unknown_outcome()
}
