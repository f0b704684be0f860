//! Transactions that were left behind: prepared, not decided, and their lease is over. Whoever meets one decides it, so a
//! check does too.

use super::{Checker, Finding, FindingKind};
use crate::error::Result;
use crate::store::{Partition, Read, Space, Span};

impl Checker<'_> {
    pub(super) async fn prepared(&mut self) -> Result<()> {
        let shared = self.shared;
        if shared.placement.is_one() {
            return Ok(());
        }
        let tables = || shared.catalog.tables();
        let spaces = tables().map(|table| table.rows());
        let spaces = spaces.chain(tables().flat_map(|table| &table.indexes).map(|index| index.space()));
        let spaces = spaces.chain(tables().flat_map(|table| &table.aggregates).map(|aggregate| aggregate.space()));
        // Counts of nothing: who is in the way of them is told all the same.
        let looks: Vec<Read> =
            spaces.chain([Space::Meta]).map(|space| Read::count(Span::all(space).limited(Some(0)))).collect();
        let batch: Vec<(Partition, Vec<Read>)> =
            shared.placement.all().map(|partition| (partition, looks.clone())).collect();
        let replies = shared.committer.peek(&batch).await?;
        for ((partition, _), reply) in batch.iter().zip(replies) {
            for met in reply.blockers.into_iter().filter(|met| met.expired) {
                let mended = shared.committer.push(*partition, met, shared.durability).await?;
                let key = met.id.to_string();
                let finding = Finding { kind: FindingKind::Abandoned, table: None, index: None, key, mended };
                self.report.findings.push(finding);
            }
        }
        Ok(())
    }
}
