//! Random numbers that depend on nothing but a seed.

use std::sync::atomic::{AtomicU64, Ordering};

/// A generator of random numbers: SplitMix64 (Steele, Lea and Flood, OOPSLA 2014).
#[derive(Debug)]
pub(crate) struct Random(AtomicU64);

impl Random {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }

    pub(crate) fn next(&self) -> u64 {
        const STEP: u64 = 0x9E37_79B9_7F4A_7C15;
        let z = self.0.fetch_add(STEP, Ordering::SeqCst).wrapping_add(STEP);
        let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `n`, which is not zero. The bias is no matter here.
    pub(crate) fn below(&self, n: u64) -> u64 {
        self.next() % n
    }

    /// A number from `least` to `most`, both included.
    pub(crate) fn between(&self, least: u64, most: u64) -> u64 {
        least + self.below(most - least + 1)
    }

    /// True so many times of a thousand.
    pub(crate) fn per_mille(&self, times: u64) -> bool {
        self.below(1000) < times
    }

    /// One of these.
    pub(crate) fn pick<T: Copy, const N: usize>(&self, of: [T; N]) -> T {
        of[self.below(N as u64) as usize]
    }
}
