//! Tracked counts. The server counts without looking at members, so a count with a digest is a scan that returns nothing.

use rome_store::{Partition, Read, ReadReply, Reply};

/// The same reads with scans in the place of tracked counts; `None` if there are no such counts.
pub(crate) fn counts_as_scans(batch: &[(Partition, Vec<Read>)]) -> Option<Vec<(Partition, Vec<Read>)>> {
    batch.iter().flat_map(|(_, reads)| reads).any(is_tracked_count).then(|| {
        let mut batch = batch.to_vec();
        for read in batch.iter_mut().flat_map(|(_, reads)| reads) {
            if let Read::Count { span, track: true } = read {
                *read = Read::Scan { span: span.clone(), filter: None, want: None, track: true };
            }
        }
        batch
    })
}

/// Makes the replies to those scans replies to the counts.
pub(crate) fn scans_as_counts(batch: &[(Partition, Vec<Read>)], replies: &mut [ReadReply]) {
    for ((_, reads), reply) in batch.iter().zip(replies) {
        for (read, reply) in reads.iter().zip(&mut reply.replies) {
            if let Reply::Scanned(scanned) = reply
                && is_tracked_count(read)
            {
                *reply = Reply::Count(std::mem::take(scanned).into());
            }
        }
    }
}

const fn is_tracked_count(read: &Read) -> bool {
    matches!(read, Read::Count { track: true, .. })
}
