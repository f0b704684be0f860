//! Bounds of what one query holds in memory.

/// The most rows that a query sorts, joins or loads, and the most groups and distinct values that it keeps. Unit tests reach a smaller one.
pub(crate) const MOST_ROWS: usize = if cfg!(test) { 1_000 } else { 4_000_000 };
