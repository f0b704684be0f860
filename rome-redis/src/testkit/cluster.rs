//! For tests: a Redis Cluster of the test's own.

use std::time::{Duration, Instant};

use redis::FromRedisValue;

use super::LocalServer;

/// How many slots a cluster has.
const SLOTS: u16 = 16_384;

/// How long the cluster may take for what it does by itself.
const PATIENCE: Duration = Duration::from_secs(60);

/// After how long a try to fail over is certainly over.
const FAILOVER: Duration = Duration::from_secs(6);

/// Primaries that share the slots evenly, and replicas of them. Node `i` below [`primaries`](Self::primaries) begins as a
/// primary, the nodes after them as replicas: the first of the first primary, and so on. All end when this is dropped.
#[derive(Debug)]
pub struct LocalCluster {
    nodes: Vec<LocalServer>,
    primaries: usize,
}

impl LocalCluster {
    /// Three primaries with a replica each, which keep nothing on disk.
    #[must_use]
    pub fn start() -> Self {
        Self::with(3, 3, &[])
    }

    /// So many primaries and replicas, with these settings on their command lines.
    ///
    /// # Panics
    /// When `redis-server` is not installed, or the cluster does not come up.
    #[must_use]
    pub fn with(primaries: usize, replicas: usize, settings: &[&str]) -> Self {
        let mut words =
            vec!["--cluster-enabled", "yes", "--cluster-config-file", "nodes.conf", "--cluster-port", "{bus}"];
        // A node that is silent for so many milliseconds is taken for dead.
        words.extend(["--cluster-node-timeout", "1500", "--appendonly", "no"]);
        // Replicas shall be there at once, and be promoted however long ago they heard from their primary.
        words.extend(["--repl-diskless-sync-delay", "0", "--cluster-replica-validity-factor", "0"]);
        words.extend(settings);
        let nodes = (0..primaries + replicas).map(|_| LocalServer::with(&words)).collect();
        let cluster = Self { nodes, primaries };
        cluster.assign_slots();
        cluster.introduce();
        cluster.attach_replicas();
        cluster.wait_until_ok();
        cluster
    }

    /// How many primaries it began with.
    #[must_use]
    pub const fn primaries(&self) -> usize {
        self.primaries
    }

    /// How many nodes it has.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether it has no nodes.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// A node.
    ///
    /// # Panics
    /// When there is no such node.
    #[must_use]
    pub fn node(&self, node: usize) -> &LocalServer {
        self.nodes.get(node).expect("the cluster has this node")
    }

    /// A URL that names all nodes, without parameters.
    #[must_use]
    pub fn url(&self) -> String {
        let nodes: Vec<String> = self.nodes.iter().map(|node| format!("127.0.0.1:{}", node.port())).collect();
        format!("redis-cluster://{}", nodes.join(","))
    }

    /// Kills a node at once (`SIGKILL`).
    pub fn kill(&mut self, node: usize) {
        self.node_mut(node).kill();
    }

    /// Starts a node again after [`kill`](Self::kill).
    pub fn restart(&mut self, node: usize) {
        self.node_mut(node).restart();
    }

    /// Stops a node without ending it, so that it hangs (`SIGSTOP`).
    pub fn pause(&self, node: usize) {
        self.node(node).signal("STOP");
    }

    /// Lets a node go on after [`pause`](Self::pause).
    pub fn resume(&self, node: usize) {
        self.node(node).signal("CONT");
    }

    /// Asks a node and gives its answer.
    ///
    /// # Panics
    /// When it refuses or does not answer.
    pub fn ask<T: FromRedisValue>(&self, node: usize, command: &str) -> T {
        self.try_ask(node, command).unwrap_or_else(|error| panic!("`{command}` at node {node}: {error}"))
    }

    /// Asks a node.
    ///
    /// # Errors
    /// When it refuses or does not answer.
    pub fn try_ask<T: FromRedisValue>(&self, node: usize, command: &str) -> redis::RedisResult<T> {
        self.node(node).try_ask(command)
    }

    /// The node that serves a slot: of the running ones that say so, the one that was chosen last.
    ///
    /// # Panics
    /// When none does within a minute.
    #[must_use]
    pub fn serving(&self, slot: u16) -> usize {
        self.wait_for("a node that serves the slot", || {
            let claims = (0..self.len()).filter_map(|node| Some((self.claim(node, slot)?, node)));
            claims.max().map(|(_, node)| node)
        })
    }

    /// A running replica of a node.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn replica_of(&self, primary: usize) -> usize {
        let id = self.id(primary);
        self.wait_for("a replica", || {
            (0..self.len())
                .filter(|node| *node != primary)
                .find(|node| self.myself(*node).is_some_and(|line| line.contains("slave") && line.contains(&id)))
        })
    }

    /// Makes a replica the primary in the place of its own, and waits until it is: `how` is empty, so that the two agree and
    /// nothing is lost, or `FORCE` or `TAKEOVER`.
    ///
    /// # Panics
    /// When that takes more than a minute.
    pub fn fail_over(&self, replica: usize, how: &str) {
        if how.is_empty() {
            let in_step = || self.says(replica, "INFO replication", "master_link_status:up").then_some(());
            self.wait_for("a replica in step", in_step);
        }
        self.wait_for("a failover", || {
            // Asked again before the first try is over, a node may promote itself without a vote.
            self.try_ask::<redis::Value>(replica, &format!("CLUSTER FAILOVER {how}")).ok();
            let until = Instant::now() + FAILOVER;
            while !self.is_primary(replica) && Instant::now() < until {
                std::thread::sleep(Duration::from_millis(10));
            }
            self.is_primary(replica).then_some(())
        });
    }

    /// Whether a running node takes itself for a primary.
    #[must_use]
    pub fn is_primary(&self, node: usize) -> bool {
        self.myself(node).is_some_and(|line| line.contains("master"))
    }

    /// Begins to move a slot to another primary; its keys stay for now.
    pub fn begin_move(&self, slot: u16, from: usize, to: usize) {
        let (source, target) = (self.id(from), self.id(to));
        self.ask::<()>(to, &format!("CLUSTER SETSLOT {slot} IMPORTING {source}"));
        self.ask::<()>(from, &format!("CLUSTER SETSLOT {slot} MIGRATING {target}"));
    }

    /// Moves up to `most` keys of a slot that is being moved; gives how many it were.
    pub fn move_keys(&self, slot: u16, from: usize, to: usize, most: usize) -> usize {
        let keys: Vec<Vec<u8>> = self.ask(from, &format!("CLUSTER GETKEYSINSLOT {slot} {most}"));
        if keys.is_empty() {
            return 0;
        }
        let mut migrate = redis::cmd("MIGRATE");
        migrate.arg("127.0.0.1").arg(self.node(to).port()).arg("").arg(0).arg(10_000).arg("KEYS").arg(&keys);
        let mut connection = self.node(from).connect().expect("the node runs");
        migrate.query::<redis::Value>(&mut connection).expect("the keys can be moved");
        keys.len()
    }

    /// Ends the move of a slot.
    pub fn end_move(&self, slot: u16, from: usize, to: usize) {
        let target = self.id(to);
        self.ask::<()>(to, &format!("CLUSTER SETSLOT {slot} NODE {target}"));
        self.ask::<()>(from, &format!("CLUSTER SETSLOT {slot} NODE {target}"));
    }

    /// Moves a slot with all of its keys, a few at a time.
    pub fn move_slot(&self, slot: u16, to: usize) {
        let from = self.serving(slot);
        if from == to {
            return;
        }
        self.begin_move(slot, from, to);
        while self.move_keys(slot, from, to, 3) > 0 {}
        self.end_move(slot, from, to);
    }

    /// Waits until all running nodes serve and all running replicas are in step.
    ///
    /// # Panics
    /// When that takes more than a minute.
    pub fn wait_until_ok(&self) {
        let running: Vec<usize> = (0..self.len()).filter(|node| self.myself(*node).is_some()).collect();
        self.wait_for("a cluster that serves", || {
            running.iter().all(|node| self.says(*node, "CLUSTER INFO", "cluster_state:ok")).then_some(())
        });
        self.wait_for("replicas in step", || {
            let in_step =
                |node: &usize| self.is_primary(*node) || self.says(*node, "INFO replication", "master_link_status:up");
            running.iter().all(in_step).then_some(())
        });
    }

    fn assign_slots(&self) {
        let share = |node: usize| {
            let slot = usize::from(SLOTS) * node / self.primaries;
            u16::try_from(slot).expect("it is at most the number of slots")
        };
        for node in 0..self.primaries {
            self.ask::<()>(node, &format!("CLUSTER ADDSLOTSRANGE {} {}", share(node), share(node + 1) - 1));
            self.ask::<()>(node, &format!("CLUSTER SET-CONFIG-EPOCH {}", node + 1));
        }
    }

    fn introduce(&self) {
        for node in self.nodes.iter().skip(1) {
            self.ask::<()>(0, &format!("CLUSTER MEET 127.0.0.1 {} {}", node.port(), node.bus_port));
        }
        let all = format!("cluster_known_nodes:{}\r\n", self.len());
        self.wait_for("nodes that know each other", || {
            (0..self.len()).all(|node| self.says(node, "CLUSTER INFO", &all)).then_some(())
        });
    }

    fn attach_replicas(&self) {
        for replica in self.primaries..self.len() {
            let primary = self.id((replica - self.primaries) % self.primaries);
            self.wait_for("a replica that knows its primary", || {
                self.try_ask::<()>(replica, &format!("CLUSTER REPLICATE {primary}")).ok()
            });
        }
        // Each node has to have heard of each replica, or it would not be asked for its vote.
        let flags = |node: usize| self.try_ask::<String>(node, "CLUSTER NODES").unwrap_or_default();
        self.wait_for("nodes that know the replicas", || {
            let replicas = |node| flags(node).lines().filter(|line| line.contains("slave")).count();
            (0..self.len()).all(|node| replicas(node) == self.len() - self.primaries).then_some(())
        });
    }

    /// The configuration epoch under which a node serves a slot; none if it does not.
    fn claim(&self, node: usize, slot: u16) -> Option<u64> {
        let line = self.myself(node).filter(|line| line.contains("master"))?;
        // After eight fields come the ranges of slots; those in brackets are on the move.
        let mut ranges = line.split(' ').skip(8).filter(|range| !range.starts_with('['));
        let serves = ranges.any(|range| {
            let (first, last) = range.split_once('-').unwrap_or((range, range));
            let number = |text: &str| text.parse::<u16>().ok();
            number(first).is_some_and(|first| first <= slot) && number(last).is_some_and(|last| slot <= last)
        });
        line.split(' ').nth(6).filter(|_| serves)?.parse().ok()
    }

    fn id(&self, node: usize) -> String {
        self.ask(node, "CLUSTER MYID")
    }

    /// What a node says of itself; none if it does not run.
    fn myself(&self, node: usize) -> Option<String> {
        let nodes: String = self.try_ask(node, "CLUSTER NODES").ok()?;
        nodes.lines().find(|line| line.contains("myself")).map(str::to_owned)
    }

    fn says(&self, node: usize, command: &str, words: &str) -> bool {
        self.try_ask::<String>(node, command).is_ok_and(|answer| answer.contains(words))
    }

    fn wait_for<T>(&self, what: &str, mut ready: impl FnMut() -> Option<T>) -> T {
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(found) = ready() {
                return found;
            }
            assert!(Instant::now() < until, "still no {what}; the first node's log: {}", self.node(0).log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn node_mut(&mut self, node: usize) -> &mut LocalServer {
        self.nodes.get_mut(node).expect("the cluster has this node")
    }
}
