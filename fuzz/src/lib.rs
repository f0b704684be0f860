//! The bodies of the fuzz targets, which are also tests of `rome-core`: there they run for a moment in each test run.

#[path = "../../rome-core/tests/value/decoders.rs"]
pub mod decoders;
