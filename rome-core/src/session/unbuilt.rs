//! Unique indexes that are being built: rows that were there before may not have their claims yet, and two of them may have
//! one value.
//!
//! A row that gives a value up lets its claim go. While the index is built the claim may be another row's, so it is read
//! first, and the commit tests that it is as it was read. That costs such a write one round trip.

use super::Session;
use super::write::Statement;
use crate::error::Result;
use crate::place::Routed;
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
                asked.push((table.id, at, claim, key.clone()));
            }
        }
        if reads.is_empty() {
            return Ok(());
        }
        for ((table, at, claim, key), reply) in asked.into_iter().zip(self.read(reads).await?) {
            let is_own = matches!(&reply, Reply::Record(Some((_, holder))) if *holder == key);
            if !is_own {
                self.state().overlay.spare(table, at, claim, key);
            }
        }
        Ok(())
    }
}
