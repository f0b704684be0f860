//! What was counted.

use std::fmt;

macro_rules! figures {
    ($($(#[doc = $doc:literal])* $name:ident: $label:literal,)*) => {
        /// What happened in one run, or in several.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
        #[non_exhaustive]
        pub struct Figures {
            $($(#[doc = $doc])* pub $name: u64,)*
        }

        impl Figures {
            /// Adds those of another run.
            pub const fn add(&mut self, other: &Self) {
                $(self.$name += other.$name;)*
            }
        }

        impl fmt::Display for Figures {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let all = [$(($label, self.$name)),*];
                for (at, (label, n)) in all.iter().enumerate() {
                    let separator = if at == 0 { "" } else { ", " };
                    write!(f, "{separator}{n} {label}")?;
                }
                Ok(())
            }
        }
    };
}

figures! {
    /// Runs.
    runs: "runs",
    /// Actions of clients that ended well.
    committed: "committed",
    /// Actions that failed for certain, mostly after many attempts.
    failed: "failed",
    /// Actions whose outcome their client does not know, or that were dropped.
    unknown: "unknown",
    /// Minitransactions that were refused because of a check.
    conflicts: "conflicts",
    /// Minitransactions that met a prepared transaction.
    blocked: "blocked",
    /// Parts of transactions that were prepared.
    prepared: "prepared",
    /// Steps that asked for an outcome.
    pushes: "pushes",
    /// Those that decided a transaction in the place of its client.
    tombstones: "tombstones",
    /// Messages that got lost.
    lost: "messages lost",
    /// Requests that arrived twice.
    duplicated: "duplicated",
    /// Messages that arrived late.
    late: "late",
    /// Calls that were sent again.
    resent: "resent",
    /// Actions that were dropped at an await.
    drops: "drops",
    /// Processes that were killed.
    kills: "kills",
    /// Times at which a process stood still.
    pauses: "pauses",
    /// Partitions that crashed and came back.
    failovers: "failovers",
    /// Applies that were gone after a failover.
    forgotten: "applies forgotten",
    /// Acknowledged appends among them; only where acknowledged writes may be lost.
    lost_appends: "acknowledged appends lost",
    /// Transactions that were still prepared when all was over, and nobody had met.
    left_prepared: "left prepared",
}
