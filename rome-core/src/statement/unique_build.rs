//! Unique indexes that are being built: rows that were there before may not have their claims yet, and two of them may have
//! one value.
//!
//! A row that gives a value up lets its claim go. While the index is built the claim may be another row's, so it is read
//! first, and the commit tests that it is as it was read. That costs such a write one round trip.

use super::write::Statement;
use crate::error::Result;
use crate::placement::Routed;
use crate::session::{Session, unique_violation};
use crate::store::{Read, Reply};

impl Session {
    /// Finds the claims that the statement's rows give up and that are not theirs.
    pub(super) async fn spare_claims(&self, done: &Statement<'_>) -> Result<()> {
        let mut asked = Vec::new();
        let mut reads = Routed::default();
        for (table, key) in done.touched() {
            let unbuilt = |at: usize| table.indexes.get(at).filter(|index| !index.is_complete());
            if !table.indexes.iter().any(|index| index.def.unique && !index.is_complete()) {
                continue;
            }
            let given_up: Vec<_> = self.with_overlay(|overlay| overlay.given_up(table.id, key).cloned().collect());
            for (at, claim) in given_up {
                let Some(index) = unbuilt(at) else { continue };
                let read = Read::Get { space: index.space(), key: claim.clone() };
                reads.push(self.shared.placement.of_claim(table, index, &claim), read);
                asked.push((table, at, claim, key));
            }
        }
        if reads.is_empty() {
            return Ok(());
        }
        for ((table, at, claim, key), reply) in asked.into_iter().zip(self.read(reads).await?) {
            let holder = match reply {
                Reply::Record(Some((_, holder))) => Some(holder),
                _ => None,
            };
            if holder.as_ref() == Some(key) {
                continue;
            }
            // Another row of the session takes what this one gives up, and a third one has it. Told here, and not by the
            // commit, so that it is tested first whether all that was read is of one state.
            let is_taken = self.with_overlay(|overlay| {
                let taken = overlay.holders(table.id, at, &claim).is_some_and(|takers| !takers.is_empty());
                taken && holder.is_some_and(|holder| overlay.get(table.id, &holder).is_none())
            });
            if is_taken {
                return Err(unique_violation(table, at, &claim));
            }
            self.state().overlay.spare(table.id, at, claim, key.clone());
        }
        Ok(())
    }
}
