//! Bounds of what one query holds in memory.

/// The most rows that a query sorts, joins or loads, and the most groups and distinct values that it keeps.
pub(crate) const MOST_ROWS: usize = 4_000_000;
