//! Text of bounded length: what logs, errors and debug output show of things that users make as long as they like.

use std::fmt::{self, Write};

/// How many characters a log line shows of a query, or an error of a piece of what it is about.
pub(crate) const BRIEF: usize = 1_000;

/// How many characters an error has, and how many the debug output of an expression.
pub(crate) const LONG: usize = 10_000;

/// The first `most` characters of what is shown, and how many more there are. Needs no memory for those.
pub(crate) const fn cut<T: ?Sized>(of: &T, most: usize) -> Cut<'_, T> {
    Cut { of, most }
}

/// See [`cut`].
pub(crate) struct Cut<'a, T: ?Sized> {
    of: &'a T,
    most: usize,
}

impl<T: fmt::Display + ?Sized> fmt::Display for Cut<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = Bounded { out: f, left: self.most, more: 0 };
        write!(out, "{}", self.of)?;
        out.finish()
    }
}

impl<T: fmt::Debug + ?Sized> fmt::Debug for Cut<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pretty = f.alternate();
        let mut out = Bounded { out: f, left: self.most, more: 0 };
        if pretty {
            write!(out, "{:#?}", self.of)?
        } else {
            write!(out, "{:?}", self.of)?
        }
        out.finish()
    }
}

/// Passes characters on until there were enough, and counts the others.
struct Bounded<'a, 'f> {
    out: &'a mut fmt::Formatter<'f>,
    left: usize,
    more: usize,
}

impl Bounded<'_, '_> {
    fn finish(self) -> fmt::Result {
        match self.more {
            0 => Ok(()),
            1 => self.out.write_str("… (1 character more)"),
            more => write!(self.out, "… ({more} characters more)"),
        }
    }
}

impl Write for Bounded<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if text.len() <= self.left {
            self.left -= text.chars().count();
            return self.out.write_str(text);
        }
        let end = text.char_indices().nth(self.left).map_or(text.len(), |(at, _)| at);
        let (shown, rest) = text.split_at(end);
        self.left -= shown.chars().count();
        self.more += rest.chars().count();
        self.out.write_str(shown)
    }
}

#[cfg(test)]
mod tests {
    use super::cut;

    #[test]
    fn what_is_too_long_is_cut_between_characters_and_the_rest_is_counted() {
        assert_eq!(cut("abc", 3).to_string(), "abc");
        assert_eq!(cut("äöü", 2).to_string(), "äö… (1 character more)");
        assert_eq!(cut("", 0).to_string(), "");
        assert_eq!(cut(&"x".repeat(100), 10).to_string(), format!("{}… (90 characters more)", "x".repeat(10)));
        assert_eq!(format!("{:?}", cut(&[1, 22, 333], 6)), "[1, 22… (6 characters more)");
        // In pieces, too.
        assert_eq!(cut(&format_args!("{}{}{}", "ab", "cd", "ef"), 3).to_string(), "abc… (3 characters more)");
    }
}
