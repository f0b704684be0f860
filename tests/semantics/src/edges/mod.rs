//! Values and conditions at their ends, each with the answer written down or worked out beside it: what random queries meet rarely.

mod batches;
mod numbers;
mod ranges;
mod texts;
