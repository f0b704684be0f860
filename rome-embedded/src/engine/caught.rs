//! Panics of the engine, which does not expect files that were damaged behind its back, become errors here.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use rome_store::{StoreError, StoreErrorKind, StoreResult};

/// Marks code of others within [`caught`], whose panics are none of the engine's.
#[derive(Default)]
pub(crate) struct Outside(Cell<bool>);

impl Outside {
    /// Runs such code.
    pub(crate) fn run<R>(&self, code: impl FnOnce() -> R) -> R {
        self.0.set(true);
        let result = code();
        self.0.set(false);
        result
    }
}

/// Runs reads of the engine. A panic of theirs is [`StoreErrorKind::Corrupt`]; one of what runs [`Outside`] goes on.
///
/// One for a whole batch, not one for each step: catching is free, but what is caught is not inlined.
pub(crate) fn caught<T>(reads: impl FnOnce(&Outside) -> StoreResult<T>) -> StoreResult<T> {
    let outside = Outside::default();
    match catch_unwind(AssertUnwindSafe(|| reads(&outside))) {
        Ok(result) => result,
        Err(panic) if outside.0.get() => resume_unwind(panic),
        Err(_) => Err(unreadable()),
    }
}

/// What a panic of the engine means.
#[cold]
pub(crate) fn unreadable() -> StoreError {
    StoreError::new(StoreErrorKind::Corrupt, "the file is damaged: the engine cannot make sense of it")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]

    use super::*;

    #[test]
    fn a_panic_of_the_engine_is_damage_and_one_from_outside_stays_a_panic() {
        let error = caught::<()>(|outside| {
            outside.run(|| ());
            panic!("a page makes no sense")
        });
        assert_eq!(error.unwrap_err().kind(), StoreErrorKind::Corrupt);
        let panic = catch_unwind(|| caught(|outside| Ok(outside.run(|| -> u8 { panic!("a filter's own") }))));
        assert_eq!(panic.unwrap_err().downcast_ref::<&str>(), Some(&"a filter's own"));
    }
}
