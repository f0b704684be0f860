//! Aggregate indexes: counts and sums that are kept beside the rows.

/// An aggregate index as the entity declares it: for each group of rows how many there are and, if it sums a column, the
/// sum of it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AggregateDef {
    /// Its name, unique among the indexes and aggregate indexes of the table.
    pub name: String,
    /// The position of the column that it sums, an integer of at most 64 bits; none if it only counts rows.
    pub sum: Option<u16>,
    /// The positions of the columns that make the groups, most significant first; none: all rows are one group.
    pub by: Vec<u16>,
    /// The position of a column that leaves a row out where it is not NULL: that of soft deletion.
    pub unless: Option<u16>,
}
