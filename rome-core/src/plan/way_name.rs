//! What the ways that compete do, for people to read. Whoever runs them says by the same names which was done first, so that an analysis finds
//! it in the tree.

/// Stops as soon as there are enough rows.
pub(crate) const WALK: &str = "the walk in the order of the query";
/// Reads all rows that an index narrows, and then puts them in order.
pub(crate) const COLLECT: &str = "all that the index narrows, put in order";
/// Answers subqueries before it looks for rows.
pub(crate) const INSIDE_OUT: &str = "the subqueries, and what they lead to";
/// Leaps through two indexes.
pub(crate) const INTERSECT: &str = "what two indexes have in common";
/// Seeks the values of a column that no condition fixes.
pub(crate) const AHEAD: &str = "seeks in an index over the values of its free column";
/// The same of joins: stops as soon as there are enough joined rows.
pub(crate) const JOIN_WALK: &str = "the walk in the order of the first table";
/// Joins all rows of the smallest table.
pub(crate) const JOIN_COLLECT: &str = "all of the smallest table with its partners, put in order";
