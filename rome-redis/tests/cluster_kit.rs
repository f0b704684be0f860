//! The cluster that the tests run on does what its methods say.
#![allow(clippy::unwrap_used)]

use rome_redis::testkit::LocalCluster;

#[test]
fn a_local_cluster_fails_over_and_moves_slots() {
    let mut cluster = LocalCluster::start();
    let slot: u16 = cluster.ask(0, "CLUSTER KEYSLOT {a}");
    let from = cluster.serving(slot);
    let to = (from + 1) % 3;
    for n in 0..20 {
        cluster.ask::<()>(from, &format!("SET {{a}}{n} x"));
    }
    cluster.move_slot(slot, to);
    assert_eq!(cluster.serving(slot), to);
    assert_eq!(cluster.ask::<u64>(to, &format!("CLUSTER COUNTKEYSINSLOT {slot}")), 20);

    let replica = cluster.replica_of(0);
    cluster.fail_over(replica, "");
    cluster.wait_until_ok();
    assert_eq!(cluster.serving(0), replica);
    cluster.kill(replica);
    assert_eq!(cluster.serving(0), 0, "the former primary is promoted by itself");
    cluster.restart(replica);
    cluster.wait_until_ok();
    assert_eq!(cluster.replica_of(0), replica);
}
