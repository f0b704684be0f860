//! Stores for tests: one that counts what is asked of it, one that fails on purpose.
//!
//! Both wrap any store and are stores themselves, so they can be put around each other. Tests use [`Recorder`] to assert
//! how many store calls a query costs, and [`Faults`] to see that outcomes are reported honestly when requests or
//! replies get lost. Nothing here is for production.

mod faults;
mod recorder;

pub use faults::{Fault, Faults};
pub use recorder::{Call, ReadKind, Recorder, Tally, Visits};

#[cfg(test)]
mod tests;
