//! A cluster whose nodes name proxies as their addresses, so that replies of each can be lost.

use std::thread::sleep;
use std::time::Duration;

use rome_redis::testkit::LocalCluster;

use super::bed::{Bed, Random, Soak};
use super::fault::Fault;
use super::keeps_files;
use super::proxy::Proxy;
use super::tricks::{drop_connections, drop_replies, fill, settings};

/// For longer than a node may be silent before it is taken for dead.
const SILENCE: Duration = Duration::from_secs(3);

/// How many slots move at a time.
const MOVED: usize = 4;

pub struct Cluster {
    cluster: LocalCluster,
    ways: Vec<Proxy>,
    has_replicas: bool,
}

impl Cluster {
    pub async fn new(soak: &Soak) -> Self {
        let (primaries, has_replicas) = (3, soak.has_replicas());
        let replicas = if has_replicas { primaries } else { 0 };
        let cluster = LocalCluster::with(primaries, replicas, &settings(keeps_files(soak.durability)));
        let mut ways = Vec::new();
        for node in 0..cluster.len() {
            ways.push(Proxy::to(cluster.node(node).port()).await);
        }
        let bed = Self { cluster, ways, has_replicas };
        (0..bed.cluster.len()).for_each(|node| bed.announce(node));
        bed
    }

    /// A node tells the others and its clients the port of its proxy.
    fn announce(&self, node: usize) {
        self.cluster.ask::<()>(node, &format!("CONFIG SET cluster-announce-port {}", self.ways[node].port()));
    }

    fn primaries(&self) -> Vec<usize> {
        (0..self.cluster.len()).filter(|node| self.cluster.is_primary(*node)).collect()
    }

    /// The slots of all partitions of the newest database.
    fn slots(&self) -> Vec<u16> {
        let names = |node| self.cluster.ask::<Vec<String>>(node, "KEYS {soak*:m");
        let names: Vec<String> = self.primaries().into_iter().flat_map(names).collect();
        let number = |name: &String| name.trim_start_matches("{soak").split('.').next()?.parse::<u32>().ok();
        let newest = names.iter().filter_map(number).max();
        let of_newest = names.iter().filter(|name| number(name) == newest);
        of_newest.map(|tag| self.cluster.ask(0, &format!("CLUSTER KEYSLOT {tag}"))).collect()
    }

    /// A slot of a primary.
    fn slot_of(&self, primary: usize) -> Option<u16> {
        self.slots().into_iter().find(|slot| self.cluster.serving(*slot) == primary)
    }

    fn wait_for_another(&self, primary: usize, slot: Option<u16>) {
        while self.has_replicas && slot.is_some_and(|slot| self.cluster.serving(slot) == primary) {
            sleep(Duration::from_millis(50));
        }
    }

    fn come_back(&mut self, node: usize) {
        self.cluster.restart(node);
        self.announce(node);
        self.cluster.wait_until_ok();
    }
}

impl Bed for Cluster {
    fn url(&self) -> String {
        let nodes: Vec<String> = self.ways.iter().map(|way| format!("127.0.0.1:{}", way.port())).collect();
        format!("redis-cluster://{}", nodes.join(","))
    }

    fn make(&mut self, fault: Fault, random: &Random) -> u64 {
        let primary = random.pick(&self.primaries());
        match fault {
            Fault::DropReply => return drop_replies(&self.ways[primary], random),
            Fault::DropConnections => return drop_connections(self.cluster.node(primary), random),
            Fault::KillServer => {
                self.cluster.kill(primary);
                self.come_back(primary);
            }
            Fault::Failover => {
                let slot = self.slot_of(primary);
                self.cluster.kill(primary);
                self.wait_for_another(primary, slot);
                sleep(Duration::from_millis(random.below(500)));
                self.come_back(primary);
            }
            Fault::Pause => {
                let slot = self.slot_of(primary);
                self.cluster.pause(primary);
                if self.has_replicas {
                    self.wait_for_another(primary, slot);
                    sleep(Duration::from_millis(random.below(1000)));
                } else {
                    sleep(SILENCE);
                }
                self.cluster.resume(primary);
                self.cluster.wait_until_ok();
            }
            Fault::Reshard => {
                let (slots, primaries) = (self.slots(), self.primaries());
                for _ in 0..MOVED {
                    let slot = random.pick(&slots);
                    let others: Vec<usize> =
                        primaries.iter().copied().filter(|node| *node != self.cluster.serving(slot)).collect();
                    self.cluster.move_slot(slot, random.pick(&others));
                }
                return MOVED as u64;
            }
            Fault::ForgetScripts => {
                self.primaries().into_iter().for_each(|node| self.cluster.ask(node, "SCRIPT FLUSH"));
            }
            Fault::Full => fill(self.cluster.node(primary), random),
            Fault::KillClient => return 0,
        }
        1
    }
}
