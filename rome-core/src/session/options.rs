//! How a transaction runs.

use std::time::Duration;

use crate::ask::ScanPolicy;
use crate::store::Durability;

/// How long conflicts are tried again if nobody says otherwise. A number of attempts would say little: how many fit into a
/// second depends on the store and on how busy the machine is.
const RETRY_FOR: Duration = Duration::from_secs(10);

/// How a transaction or session runs; by default serializable, as durable as the
/// [database](crate::DatabaseBuilder::durability), and tried again after conflicts for 10 seconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransactionOptions {
    pub(crate) max_attempts: u32,
    pub(crate) retry_for: Duration,
    pub(crate) timeout: Option<Duration>,
    pub(crate) read_only: bool,
    /// None: that of the database.
    pub(crate) durability: Option<Durability>,
    pub(crate) scan_policy: Option<ScanPolicy>,
}

impl Default for TransactionOptions {
    fn default() -> Self {
        Self {
            max_attempts: u32::MAX,
            retry_for: RETRY_FOR,
            timeout: None,
            read_only: false,
            durability: None,
            scan_policy: None,
        }
    }
}

impl TransactionOptions {
    /// The defaults.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How often the body runs at most before a conflict is returned; at least once. By default only
    /// [`retry_for`](Self::retry_for) bounds it.
    #[must_use]
    pub const fn max_attempts(mut self, attempts: u32) -> Self {
        self.max_attempts = attempts;
        self
    }

    /// After how long a conflict is returned rather than tried again; by default 10 seconds. It ends no attempt that runs: for
    /// that see [`timeout`](Self::timeout).
    #[must_use]
    pub const fn retry_for(mut self, time: Duration) -> Self {
        self.retry_for = time;
        self
    }

    /// Ends the transaction that has not begun to commit after this time, wherever its body is, with
    /// [`is_timed_out`](crate::Error::is_timed_out): nothing is stored then. A commit that has begun is waited for, so that its
    /// outcome is known; the time-outs of the store bound it. By default there is none, and a session that is begun by
    /// [`session_with`](crate::Database::session_with) takes none.
    #[must_use]
    pub const fn timeout(mut self, time: Duration) -> Self {
        self.timeout = Some(time);
        self
    }

    /// Whether writes are refused. What a read-only session saw is one consistent state if its commit succeeds; before that, reads
    /// of different moments may mix.
    #[must_use]
    pub const fn read_only(mut self, read_only: bool) -> Self {
        self.read_only = read_only;
        self
    }

    /// How safe the commit is when it is acknowledged.
    #[must_use]
    pub const fn durability(mut self, durability: Durability) -> Self {
        self.durability = Some(durability);
        self
    }

    /// What happens to queries that read a whole table, unless a query itself says otherwise.
    #[must_use]
    pub const fn scan_policy(mut self, policy: ScanPolicy) -> Self {
        self.scan_policy = Some(policy);
        self
    }
}

/// For what a session was begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// For any number of statements, which see what those before them did.
    Transaction,
    /// For one statement. Nobody sees the session between it and the commit, so the commit alone tests constraints.
    OneStatement,
    /// For reads of one consistent snapshot. Nothing is recorded of what is read but the states of the partitions.
    SnapshotRead,
}
