//! A histogram of durations that many tasks add to without waiting for each other.
//!
//! It is log-linear, as HdrHistogram is: each power of two of nanoseconds is cut into equal buckets, so that what is read out of
//! it is at most one sixteenth above the truth, whatever the scale.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Each power of two is cut into 2 to the power of this many buckets.
const FINE: u32 = 4;
/// All that takes 2 to the power of this many nanoseconds, which is 4.9 hours, or longer is in the last bucket.
const TOP: u32 = 44;
/// The first `2^FINE` nanoseconds have a bucket each; then come the powers of two up to `TOP`.
const BUCKETS: usize = ((TOP - FINE + 1) << FINE) as usize;

/// How many durations there were of each length.
#[derive(Debug)]
pub(super) struct Histogram {
    buckets: Box<[AtomicU64]>,
    sum: AtomicU64,
    max: AtomicU64,
}

impl Histogram {
    pub fn new() -> Self {
        let buckets = (0..BUCKETS).map(|_| AtomicU64::new(0)).collect();
        Self { buckets, sum: AtomicU64::new(0), max: AtomicU64::new(0) }
    }

    /// Adds one.
    pub fn add(&self, duration: Duration) {
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        if let Some(bucket) = self.buckets.get(bucket_of(nanos)) {
            bucket.fetch_add(1, Ordering::Relaxed);
        }
        self.sum.fetch_add(nanos, Ordering::Relaxed);
        self.max.fetch_max(nanos, Ordering::Relaxed);
    }

    pub fn counts(&self) -> Counts {
        let counts = self.buckets.iter().map(|bucket| bucket.load(Ordering::Relaxed)).collect();
        Counts { counts, sum: self.sum.load(Ordering::Relaxed), max: self.max.load(Ordering::Relaxed) }
    }
}

/// What was in a histogram at some time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Counts {
    counts: Vec<u64>,
    sum: u64,
    max: u64,
}

impl Counts {
    pub fn total(&self) -> u64 {
        self.counts.iter().sum()
    }

    pub fn mean(&self) -> Duration {
        Duration::from_nanos(self.sum.checked_div(self.total()).unwrap_or_default())
    }

    pub fn max(&self) -> Duration {
        Duration::from_nanos(self.max)
    }

    /// What this many of a thousand are not above; none of nothing is zero.
    pub fn per_mille(&self, share: u64) -> Duration {
        let wanted = (self.total() * share).div_ceil(1000);
        let mut below = 0;
        for (at, count) in self.counts.iter().enumerate() {
            below += count;
            if below >= wanted && wanted > 0 {
                return Duration::from_nanos(end_of(at).min(self.max));
            }
        }
        Duration::ZERO
    }

    /// What came after `earlier`. The longest of it is known only if it is the longest of all, else where its bucket ends.
    pub fn since(&self, earlier: &Self) -> Self {
        let counts: Vec<u64> =
            self.counts.iter().zip(&earlier.counts).map(|(now, then)| now.saturating_sub(*then)).collect();
        let longest = counts.iter().rposition(|count| *count > 0).map_or(0, end_of);
        Self { counts, sum: self.sum.wrapping_sub(earlier.sum), max: longest.min(self.max) }
    }
}

/// The bucket of a duration.
const fn bucket_of(nanos: u64) -> usize {
    let top = u64::BITS - nanos.leading_zeros();
    if top <= FINE {
        return nanos as usize;
    }
    if top > TOP {
        return BUCKETS - 1;
    }
    let power = top - FINE;
    (((power as u64) << FINE) + ((nanos >> (power - 1)) & ((1 << FINE) - 1))) as usize
}

/// The longest duration in a bucket.
const fn end_of(bucket: usize) -> u64 {
    if bucket == BUCKETS - 1 {
        return u64::MAX;
    }
    let next = (bucket + 1) as u64;
    let (power, rest) = (next >> FINE, next & ((1 << FINE) - 1));
    if power == 0 {
        return next - 1;
    }
    (((1 << FINE) + rest) << (power - 1)) - 1
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn each_duration_is_in_the_bucket_that_ends_at_most_a_sixteenth_above_it() {
        let edges = (0..44).flat_map(|power| [(1_u64 << power) - 1, 1 << power, (1 << power) + 1]);
        for nanos in (0..200_000).chain(edges).filter(|nanos| bucket_of(*nanos) < BUCKETS - 1) {
            let end = end_of(bucket_of(nanos));
            assert!(nanos <= end && end - nanos <= nanos / 16, "{nanos} is in the bucket that ends at {end}");
        }
        for bucket in 0..BUCKETS - 1 {
            assert_eq!(bucket_of(end_of(bucket)), bucket);
            assert_eq!(bucket_of(end_of(bucket) + 1), bucket + 1);
        }
        assert_eq!(bucket_of(u64::MAX), BUCKETS - 1);
    }

    #[test]
    fn percentiles_are_of_what_was_added() {
        let histogram = Histogram::new();
        assert_eq!(histogram.counts().per_mille(500), Duration::ZERO);
        for micros in 1..=1000 {
            histogram.add(Duration::from_micros(micros));
        }
        let early = histogram.counts();
        let close = |got: Duration, micros: u64| {
            let truth = Duration::from_micros(micros);
            assert!(got >= truth && got <= truth + truth / 16, "{got:?} for {truth:?}");
        };
        close(early.per_mille(500), 500);
        close(early.per_mille(990), 990);
        assert_eq!((early.max(), early.total()), (Duration::from_millis(1), 1000));
        assert_eq!(early.mean(), Duration::from_nanos(500_500));
        for _ in 0..10 {
            histogram.add(Duration::from_micros(7));
        }
        let late = histogram.counts().since(&early);
        close(late.per_mille(500), 7);
        close(late.max(), 7);
        assert_eq!((late.total(), late.mean()), (10, Duration::from_micros(7)));
    }
}
