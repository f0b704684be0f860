//! What can happen.

/// What can happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// Clients go away at each step of a commit.
    KillClient,
    /// A request, or its reply, gets lost with its connection, or it arrives after it was sent again.
    DropReply,
    /// A server closes all connections.
    DropConnections,
    /// A server is killed and started again.
    KillServer,
    /// A primary is killed, its replica takes over, and it comes back as a replica.
    Failover,
    /// A primary stands still for longer than the node timeout, so that its replica takes over if it has one, and goes on.
    Pause,
    /// Slots move to another primary.
    Reshard,
    /// The servers forget all scripts.
    ForgetScripts,
    /// A server has no memory left for a while.
    Full,
}

impl Fault {
    pub const ALL: [Self; 9] = [
        Self::KillClient,
        Self::DropReply,
        Self::DropConnections,
        Self::KillServer,
        Self::Failover,
        Self::Pause,
        Self::Reshard,
        Self::ForgetScripts,
        Self::Full,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::KillClient => "kill-client",
            Self::DropReply => "drop-reply",
            Self::DropConnections => "drop-connections",
            Self::KillServer => "kill-server",
            Self::Failover => "failover",
            Self::Pause => "pause",
            Self::Reshard => "reshard",
            Self::ForgetScripts => "forget-scripts",
            Self::Full => "full",
        }
    }
}
