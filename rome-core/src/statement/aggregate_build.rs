//! Aggregate indexes that are being built: which rows are counted already.
//!
//! A build counts the rows of a partition in the order of their keys, and writes down how far it is with what it counts. A
//! write has to add to the counters if the build has come past its row, and must not if the build will still come there. So
//! it reads how far the build is, and the commit tests that this is still so. That costs the first such write of a session
//! one round trip, and a conflict where the build went on meanwhile.

use super::write::Statement;
use crate::error::Result;
use crate::index::{BuildMark, mark_of};
use crate::placement::Routed;
use crate::session::Session;
use crate::store::{Read, Reply, Space};

impl Session {
    /// Finds out how far builds of aggregate indexes are where the statement has written.
    pub(super) async fn note_builds(&self, done: &Statement<'_>) -> Result<()> {
        let mut asked = Vec::new();
        let mut reads = Routed::default();
        for (table, key) in done.touched() {
            for aggregate in table.aggregates.iter().filter(|aggregate| !aggregate.is_complete()) {
                let place = (aggregate.id, self.shared.placement.of_row(table, key));
                if asked.contains(&place) || self.with_overlay(|overlay| overlay.knows_build(place.0, place.1)) {
                    continue;
                }
                reads.push(place.1, Read::Get { space: Space::Meta, key: mark_of(aggregate.id) });
                asked.push(place);
            }
        }
        if reads.is_empty() {
            return Ok(());
        }
        for ((index, partition), reply) in asked.into_iter().zip(self.read(reads).await?) {
            let mark = match reply {
                Reply::Record(record) => record.map(|(_, mark)| mark),
                _ => None,
            };
            self.state().overlay.note_build(index, partition, BuildMark::of_mark(mark));
        }
        Ok(())
    }
}
