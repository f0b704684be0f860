//! One server, perhaps with a replica, behind an address that can be moved.

use std::thread::sleep;
use std::time::Duration;

use rome_redis::testkit::LocalServer;

use super::bed::{Bed, Random, Soak};
use super::fault::Fault;
use super::keeps_files;
use super::proxy::Proxy;
use super::tricks::{ask, drop_connections, drop_replies, fill, settings, wait_until_in_step};

pub struct Single {
    primary: LocalServer,
    replica: Option<LocalServer>,
    way: Proxy,
    keeps_files: bool,
}

impl Single {
    pub async fn new(soak: &Soak) -> Self {
        let keeps_files = keeps_files(soak.durability);
        let primary = LocalServer::with(&settings(keeps_files));
        let replica = soak.has_replicas().then(|| LocalServer::with(&settings(keeps_files)));
        if let Some(replica) = &replica {
            follow(replica, &primary);
        }
        let way = Proxy::to(primary.port()).await;
        Self { primary, replica, way, keeps_files }
    }

    /// The replica takes over; the server that was the primary comes back as its replica.
    fn fail_over(&mut self) {
        let Some(replica) = &mut self.replica else { return };
        self.primary.kill();
        ask::<()>(replica, "REPLICAOF NO ONE").unwrap();
        std::mem::swap(&mut self.primary, replica);
        self.way.lead_to(self.primary.port());
        sleep(Duration::from_millis(500));
        replica.restart();
        follow(replica, &self.primary);
    }
}

/// Makes a server the replica of another and waits until it is in step.
fn follow(replica: &LocalServer, primary: &LocalServer) {
    ask::<()>(replica, &format!("REPLICAOF 127.0.0.1 {}", primary.port())).unwrap();
    wait_until_in_step(replica);
}

impl Bed for Single {
    fn url(&self) -> String {
        self.way.url()
    }

    fn make(&mut self, fault: Fault, random: &Random) -> u64 {
        match fault {
            Fault::DropReply => return drop_replies(&self.way, random),
            Fault::DropConnections => return drop_connections(&self.primary, random),
            Fault::KillServer => {
                if !self.keeps_files {
                    ask::<()>(&self.primary, "SAVE").unwrap();
                    sleep(Duration::from_millis(random.below(300)));
                }
                self.primary.kill();
                self.primary.restart();
                self.replica.iter().for_each(wait_until_in_step);
            }
            Fault::Failover => self.fail_over(),
            Fault::Pause => {
                self.primary.signal("STOP");
                sleep(Duration::from_millis(1500 + random.below(1500)));
                self.primary.signal("CONT");
                ask::<()>(&self.primary, "PING").unwrap();
            }
            Fault::ForgetScripts => ask::<()>(&self.primary, "SCRIPT FLUSH").unwrap(),
            Fault::Full => fill(&self.primary, random),
            Fault::KillClient | Fault::Reshard => return 0,
        }
        1
    }
}
