//! Recorded transactions, and whether they are strictly serializable.
