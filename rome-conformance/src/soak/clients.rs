//! Clients that do one thing after the other until they are told to stop.

use std::pin::pin;
use std::sync::Arc;

use futures::future::{Either, select};
use rome_core::Database;
use rome_store::Store;

use super::Shared;
use super::deed::Deed;
use super::figures::STEPS;
use super::ledger::Ledger;
use super::seats::SEATS;
use crate::Verdict;
use crate::simulation::random::Random;
use crate::workloads::lists;
use crate::workloads::mortal::Mortal;

pub(super) struct Client {
    n: u64,
    db: Database,
    store: Arc<dyn Store>,
    shared: Arc<Shared>,
    random: Random,
    ledger: Ledger,
    /// How many things it has done.
    done: u64,
}

impl Client {
    pub(super) fn new(n: u64, db: Database, store: Arc<dyn Store>, shared: Arc<Shared>) -> Self {
        let random = Random::new(shared.load.seed ^ (n << 32));
        Self { n, db, store, shared, random, ledger: Ledger::default(), done: 0 }
    }

    /// Works until it is told to stop, and says what it was told.
    pub(super) async fn run(mut self) -> Verdict<(u64, Ledger)> {
        let mut stop = self.shared.stop.subscribe();
        while !*stop.borrow() {
            self.done += 1;
            let deed = self.choose();
            let was = match &deed {
                Deed::Leave { holder, .. } => self.ledger.seats.get(holder).map(|seat| seat.1),
                _ => None,
            };
            self.ledger.begin(&deed);
            let dies = self.shared.load.kill_clients && self.random.below(10) == 0;
            let end = {
                let doing = async {
                    if dies {
                        return self.die_at(&deed).await;
                    }
                    Some(deed.carry_out(&self.db, &self.shared.log).await)
                };
                match select(pin!(doing), pin!(stop.wait_for(|stop| *stop))).await {
                    Either::Left((end, _)) => end,
                    // Its future is dropped, and what it left behind is ended in the background.
                    Either::Right(_) => None,
                }
            };
            self.ledger.end(&deed, was, end);
        }
        Ok((self.n, self.ledger))
    }

    fn choose(&self) -> Deed {
        let holder = self.n * 1_000_000 + self.done;
        match self.random.below(12) {
            0..=1 => Deed::Lists(lists::plan(self.n, self.done)),
            2 | 3 => {
                let (from, to) = (self.random.below(64), self.random.below(64));
                let amount = i64::try_from(self.random.below(7)).unwrap_or_default();
                Deed::Transfer { from, to, amount: amount * 10 }
            }
            4 => Deed::Look,
            5 => Deed::Count { in_one_statement: self.random.below(2) == 0 },
            6 | 7 => match self.ledger.seats.iter().next() {
                Some((holder, (number, _))) => Deed::Leave { number: *number, holder: *holder },
                None => Deed::Take { number: self.random.below(SEATS), holder },
            },
            _ => Deed::Pair { pair: self.n, n: self.done },
        }
    }

    /// Does it as a program that is gone before the end, or not long after it. What it sent last may arrive when the next one
    /// has begun.
    async fn die_at(&mut self, deed: &Deed) -> Option<super::deed::End> {
        let mortal = Mortal::new(self.store.clone());
        // A program that cannot begin does nothing.
        let Ok(db) = self.shared.builder().open(mortal.clone()).await else {
            return Some(super::deed::End::Failed);
        };
        let halves = self.random.below(STEPS);
        mortal.dies_after(halves);
        let end = mortal.while_alive(deed.carry_out(&db, &self.shared.log)).await;
        if mortal.is_dead() {
            self.shared.note_death();
            if let Some(deaths) = usize::try_from(halves).ok().and_then(|at| self.ledger.deaths.get_mut(at)) {
                *deaths += 1;
            }
            if self.random.below(3) == 0 {
                mortal.arrive_late().await;
                self.shared.note_death();
            }
        }
        end
    }
}
