//! Whether a law holds, and random search for a case where it does not.

use std::fmt;

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use rome_store::StoreError;

/// How a law was broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation(String);

impl Violation {
    /// A violation, described.
    #[must_use]
    pub fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Violation {}

impl From<StoreError> for Violation {
    fn from(error: StoreError) -> Self {
        Self(format!("the store failed with {:?}, {:?}: {error}", error.kind(), error.certainty()))
    }
}

impl From<rome_core::Error> for Violation {
    fn from(error: rome_core::Error) -> Self {
        Self(format!("the database failed: {error}"))
    }
}

/// Ok if the law holds.
pub type Verdict<T = ()> = Result<T, Violation>;

/// Returns a [`Violation`] from the function unless the condition holds.
macro_rules! ensure {
    ($holds:expr, $($message:tt)+) => {
        if !$holds {
            return Err($crate::Violation::new(format!($($message)+)));
        }
    };
}

/// Returns a [`Violation`] from the function unless both are equal.
macro_rules! ensure_eq {
    ($got:expr, $expected:expr, $($message:tt)+) => {{
        let (got, expected) = (&$got, &$expected);
        if got != expected {
            let what = format!($($message)+);
            return Err($crate::Violation::new(format!("{what}: got {got:?}, expected {expected:?}")));
        }
    }};
}

pub(crate) use {ensure, ensure_eq};

/// Runs a law on a runtime of its own.
///
/// # Panics
/// When the law is broken, with the violation.
pub fn run(law: impl Future<Output = Verdict>) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(3).enable_all().build();
    if let Err(violation) = runtime.expect("a runtime can be built").block_on(law) {
        panic!("{violation}");
    }
}

/// How often a found case is made smaller at most.
const SHRINKING: u32 = 400;

/// Tries a law on values of a strategy. The same run always tries the same values.
pub(crate) async fn for_all<S: Strategy>(cases: u32, values: S, law: impl AsyncFn(S::Value) -> Verdict) -> Verdict {
    let times = std::env::var("ROME_CONFORMANCE_CASES").ok().and_then(|times| times.parse().ok()).unwrap_or(1);
    for case in 0..cases * times {
        let mut seed = [0x52; 32];
        seed[..4].copy_from_slice(&case.to_le_bytes());
        let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &seed);
        let mut runner = TestRunner::new_with_rng(Config::default(), rng);
        let mut tree = values.new_tree(&mut runner).map_err(|reason| Violation::new(reason.message()))?;
        let Err(mut violation) = law(tree.current()).await else { continue };
        let mut smallest = tree.current();
        let mut more = tree.simplify();
        for _ in 0..SHRINKING {
            if !more {
                break;
            }
            more = match law(tree.current()).await {
                Ok(()) => tree.complicate(),
                Err(smaller) => {
                    (smallest, violation) = (tree.current(), smaller);
                    tree.simplify()
                }
            };
        }
        return Err(Violation::new(format!("{violation}\nin case {case}, made smaller: {smallest:#?}")));
    }
    Ok(())
}
