//! An image service with the OpenStack Images API v2, as a model of a real application on ROME.
//!
//! The parts depend on each other in one direction:
//!
//! - [`db`]: the database layer, plain async functions over ROME entities. It knows nothing of HTTP or files.
//! - [`data`]: image data in files: streamed in with checksums, moved in place atomically, streamed out.
//! - [`identity`]: who asks, from the headers of a request.
//! - [`http`]: the routes, which turn requests into calls of the three above and results into answers.
//! - [`mend`]: what a start makes of the uploads and imports that killed services left.
//! - [`server`]: connections, their times and their number. [`slots`]: how many of something there may be at once.
//! - [`log`]: lines of the log, which are not longer than a bound.
//! - [`service`]: a configured service that listens, and stops gracefully.
//! - [`client`] and [`demo`]: a small HTTP client, and the one-command demonstration.

pub mod client;
pub mod config;
pub mod data;
pub mod db;
pub mod demo;
pub mod http;
pub mod identity;
pub mod log;
pub mod mend;
pub mod server;
pub mod service;
pub mod slots;
