//! The mistakes in one derive, reported together.

use proc_macro2::Span;
use syn::Error;

/// Collects mistakes, so that the user sees all of them at once and not one for each build.
#[derive(Default)]
pub struct Mistakes(Option<Error>);

impl Mistakes {
    /// Adds a mistake at a place.
    pub fn add(&mut self, at: Span, message: impl std::fmt::Display) {
        self.push(Error::new(at, message));
    }

    /// Adds an error of the parser.
    pub fn push(&mut self, error: Error) {
        match &mut self.0 {
            Some(first) => first.combine(error),
            none => *none = Some(error),
        }
    }

    /// Fails with all mistakes, if there are any.
    pub fn check(self) -> Result<(), Error> {
        self.0.map_or(Ok(()), Err)
    }
}
