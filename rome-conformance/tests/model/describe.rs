//! Scenarios and steps in words, for counterexamples.

use std::fmt;

use super::scenario::{Action, Model, Register};
use super::state::{Phase, State};
use super::step::bits;

impl fmt::Display for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "  {}:", self.name)?;
        for (place, tx) in self.txs.iter().enumerate() {
            write!(f, "    T{} = {}.{} at P{}:", place + 1, tx.lane, tx.number, tx.primary)?;
            tx.reads.iter().try_for_each(|register| write!(f, " reads {register}"))?;
            tx.puts.iter().try_for_each(|register| write!(f, " puts {register}"))?;
            tx.deletes.iter().try_for_each(|register| write!(f, " deletes {register}"))?;
            writeln!(f)?;
        }
        if let Some(plan) = &self.reader {
            write!(f, "    R:")?;
            plan.reads.iter().try_for_each(|register| write!(f, " reads {register}"))?;
            writeln!(f, "{}", if plan.one_batch { " in one batch" } else { "" })?;
        }
        Ok(())
    }
}

impl fmt::Display for Register {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@P{}", self.name, self.at)
    }
}

impl Model {
    /// Does a step, and says what happened.
    pub fn describe(&self, state: &mut State, action: Action) -> String {
        let before = *state;
        let answer = self.take(state, action).map(|answer| format!("{answer:?}")).unwrap_or_default();
        let lost = |heard| if heard { "" } else { " (unheard)" };
        match action {
            Action::Begin { tx } => self.describe_begin(&before, state, tx),
            Action::Prepare { tx, at, heard } => format!("P{at}: Prepare of T{}: {answer}{}", tx + 1, lost(heard)),
            Action::One { tx, heard } => {
                format!("P{}: One of T{}: {answer}{}", self.txs[tx].primary, tx + 1, lost(heard))
            }
            Action::Finish { tx, at, decision, heard } => {
                format!("P{at}: Finish({decision:?}) of T{}: {answer}{}", tx + 1, lost(heard))
            }
            Action::Push { tx, met_at, heard } => {
                let primary = self.txs[tx].primary;
                format!("P{primary}: Push(abort) of T{}, met at P{met_at}: {answer}{}", tx + 1, lost(heard))
            }
            Action::GiveUp { tx } => format!("T{} waits no longer", tx + 1),
            Action::Resolve { tx } => format!("P{}: T{} pushes itself: {answer}", self.txs[tx].primary, tx + 1),
            Action::ReaderPush { tx, abort } => {
                format!("P{}: R pushes T{}, abort {abort}: {answer}", self.txs[tx].primary, tx + 1)
            }
            Action::ReaderAsk { tx } => format!("P{}: R asks for T{} again: {answer}", self.txs[tx].primary, tx + 1),
            Action::Read { place } => self.describe_read(state, place, "reads"),
            Action::ReaderLook { place } if state.reader.ended == Some(false) => {
                format!("{}, and gives up", self.describe_read(state, place, "looks at"))
            }
            Action::ReaderLook { place } => self.describe_read(state, place, "looks at"),
            Action::Replicate => "the replica catches up".to_owned(),
            Action::Failover => "the replica takes over".to_owned(),
        }
    }

    fn describe_begin(&self, before: &State, after: &State, tx: usize) -> String {
        let reads = &self.txs[tx].reads;
        let place = if let Phase::Reading(done) = before.clients[tx].phase { usize::from(done) } else { 0 };
        let read =
            reads.get(place).map(|register| format!(" reads {register}: {}", writer(after.clients[tx].read[place])));
        let sends = if place + 1 < reads.len() { "" } else { ", and sends its first step" };
        format!("T{}{}{sends}", tx + 1, read.unwrap_or_else(|| " begins".to_owned()))
    }

    fn describe_read(&self, state: &State, place: usize, does: &str) -> String {
        let register = self.reader.as_ref().expect("a step of the reader").reads[place];
        let partition = &state.partitions[register.at];
        let version = writer(partition.version(register.slot));
        let blockers: Vec<_> = bits(state.reader.blockers[place]).map(|tx| format!(" beside T{}", tx + 1)).collect();
        let confirmed = if state.reader.ended == Some(true) { ", and is confirmed" } else { "" };
        format!(
            "P{}: R {does} {register}: {version}{} at seq {}{confirmed}",
            register.at,
            blockers.concat(),
            partition.seq
        )
    }
}

fn writer(version: u8) -> String {
    if version == 0 { "absent".to_owned() } else { format!("of T{version}") }
}
