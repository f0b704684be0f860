//! Which part of an answer is given.

use std::ops::Range;

/// The rows of an answer from `offset` on, at most `limit` of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Window {
    pub limit: Option<u64>,
    pub offset: u64,
}

impl Window {
    /// The whole answer.
    pub const ALL: Self = Self { limit: None, offset: 0 };

    /// The first rows.
    pub const fn first(limit: u64) -> Self {
        Self { limit: Some(limit), offset: 0 }
    }

    /// Whether it leaves nothing out.
    pub const fn is_all(self) -> bool {
        self.limit.is_none() && self.offset == 0
    }

    /// The same window with at most `n` rows.
    pub fn at_most(self, n: u64) -> Self {
        Self { limit: Some(self.limit.map_or(n, |limit| limit.min(n))), ..self }
    }

    /// How many rows of the answer have to be found, those that are skipped included; `None` for all.
    pub fn reach(self) -> Option<u64> {
        self.limit.map(|limit| limit.saturating_add(self.offset))
    }

    /// How many rows it has of an answer of `all` rows.
    pub fn count(self, all: u64) -> u64 {
        all.saturating_sub(self.offset).min(self.limit.unwrap_or(u64::MAX))
    }

    /// The positions of its rows in an answer of `all` rows.
    pub fn range(self, all: usize) -> Range<usize> {
        let from = usize::try_from(self.offset).unwrap_or(usize::MAX).min(all);
        let limit = self.limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
        from..from.saturating_add(limit).min(all)
    }

    /// Keeps its rows of a whole answer.
    pub fn cut<T>(self, rows: &mut Vec<T>) {
        let Range { start, end } = self.range(rows.len());
        rows.truncate(end);
        rows.drain(..start);
    }
}

#[cfg(test)]
mod tests {
    use super::Window;

    #[test]
    fn a_window_keeps_its_rows_and_no_others() {
        let cut = |window: Window| -> Vec<u32> {
            let mut rows: Vec<u32> = (0..5).collect();
            window.cut(&mut rows);
            assert_eq!(window.count(5), rows.len() as u64);
            rows
        };
        assert_eq!(cut(Window::ALL), [0, 1, 2, 3, 4]);
        assert_eq!(cut(Window::first(2)), [0, 1]);
        assert_eq!(cut(Window { limit: Some(2), offset: 2 }), [2, 3]);
        assert_eq!(cut(Window { limit: Some(9), offset: 4 }), [4]);
        assert_eq!(cut(Window { limit: Some(u64::MAX), offset: u64::MAX }), [0_u32; 0]);
        assert_eq!(cut(Window { limit: Some(3), offset: 1 }.at_most(1)), [1]);
        assert_eq!(cut(Window::first(0).at_most(1)), [0_u32; 0]);
    }

    #[test]
    fn the_reach_of_a_window_has_the_rows_that_it_skips() {
        assert_eq!(Window { limit: Some(2), offset: 3 }.reach(), Some(5));
        assert_eq!(Window { limit: Some(u64::MAX), offset: 3 }.reach(), Some(u64::MAX));
        assert_eq!(Window { limit: None, offset: 3 }.reach(), None);
    }
}
