//! What shapes answer, in one form for ROME, the naive evaluation and SQL.

/// Rows of numbers and NULL.
pub type Answer = Vec<Vec<Option<u64>>>;

/// Rows of one number.
pub fn column(values: impl IntoIterator<Item = u64>) -> Answer {
    values.into_iter().map(|value| vec![Some(value)]).collect()
}

/// Rows of two numbers.
pub fn pairs(values: impl IntoIterator<Item = (u64, u64)>) -> Answer {
    values.into_iter().map(|(a, b)| vec![Some(a), Some(b)]).collect()
}

/// One number.
pub fn number(value: u64) -> Answer {
    column([value])
}
