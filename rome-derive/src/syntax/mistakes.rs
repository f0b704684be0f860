//! The mistakes in one derive, reported together.

use proc_macro2::{Span, TokenStream};
use syn::Error;

/// Collects mistakes, so that the user sees all of them at once and not one for each build.
#[derive(Default)]
pub struct Mistakes {
    error: Option<Error>,
    hopeless: bool,
}

impl Mistakes {
    /// Adds a mistake at a place.
    pub fn add(&mut self, at: Span, message: impl std::fmt::Display) {
        self.push(Error::new(at, message));
    }

    /// Adds a mistake after which code that is derived all the same would only give errors of its own.
    pub fn add_hopeless(&mut self, at: Span, message: impl std::fmt::Display) {
        self.hopeless = true;
        self.add(at, message);
    }

    /// Adds an error of the parser.
    pub fn push(&mut self, error: Error) {
        match &mut self.error {
            Some(first) => first.combine(error),
            none => *none = Some(error),
        }
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.error.is_none()
    }

    /// Whether there is one after which nothing should be derived.
    pub const fn is_hopeless(&self) -> bool {
        self.hopeless
    }

    /// Fails with all mistakes, if there are any.
    pub fn check(self) -> Result<(), Error> {
        self.error.map_or(Ok(()), Err)
    }

    /// The code that makes the compiler report them; nothing if there are none.
    pub fn into_compile_errors(self) -> TokenStream {
        self.error.map(Error::into_compile_error).unwrap_or_default()
    }
}
