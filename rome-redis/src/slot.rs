//! Slots of Redis Cluster, and the hash tags that choose them.
//!
//! The slots are cut into as many equal slices as there are partitions, and each partition gets a tag whose slot lies in a
//! slice of its own. So partitions lie evenly over slots, and slots over primaries.

/// How many slots a cluster has.
pub(crate) const SLOTS: u16 = 16_384;

/// The slot of a hash tag.
pub(crate) fn slot(tag: &str) -> u16 {
    let crc = tag.bytes().fold(0_u16, |crc, byte| {
        (0..8)
            .fold(crc ^ (u16::from(byte) << 8), |crc, _| if crc & 0x8000 == 0 { crc << 1 } else { (crc << 1) ^ 0x1021 })
    });
    crc % SLOTS
}

/// The hash tag of a partition, without its braces.
///
/// That of partition 0 does not depend on how many partitions there are, for the number of them is stored there. The slice
/// that it happens to lie in is the first one; those of the others follow it, and begin anew after the last.
pub(crate) fn tag(prefix: &str, partition: u32, partitions: u32) -> String {
    let first = format!("{prefix}.0");
    if partition == 0 {
        return first;
    }
    let slice = |tag: &str| u32::from(slot(tag)) * partitions / u32::from(SLOTS);
    let own = (slice(&first) + partition) % partitions;
    // A prefix has no slash, so that no other prefix has the same tag.
    let mut tags = (0_u64..).map(|n| format!("{prefix}.{partition}/{n}"));
    tags.find(|tag| slice(tag) == own).expect("tags fall into each slice sooner or later")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_those_of_redis() {
        // The check value of CRC-16/XMODEM, and what `CLUSTER KEYSLOT` answers.
        assert_eq!(slot("123456789"), 0x31C3);
        assert_eq!((slot("foo"), slot("a"), slot("")), (12182, 15495, 0));
    }

    #[test]
    fn each_slice_of_the_slots_has_one_partition() {
        for prefix in ["rome", "glance", "a.1", "0"] {
            for partitions in [1, 2, 3, 16, 100, 1024] {
                let slots = (0..partitions).map(|partition| u32::from(slot(&tag(prefix, partition, partitions))));
                let mut slices: Vec<u32> = slots.map(|slot| slot * partitions / u32::from(SLOTS)).collect();
                slices.sort_unstable();
                assert!(slices.iter().copied().eq(0..partitions), "{prefix} in {partitions}: {slices:?}");
            }
        }
    }

    #[test]
    fn the_first_partition_is_found_without_knowing_how_many_there_are() {
        assert_eq!(tag("rome", 0, 1), "rome.0");
        assert_eq!(tag("rome", 0, 16), "rome.0");
        assert_eq!(tag("rome", 3, 16), tag("rome", 3, 16));
        assert_ne!(tag("rome", 3, 16), tag("rome.3", 0, 16));
    }
}
