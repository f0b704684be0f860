//! The on-disk store of ROME.
//!
//! [`EmbeddedStore`] keeps a database in a folder of the local disk and implements the store contract
//! ([`rome_store`]) with one partition. Reads look at a shared snapshot on the caller's own thread; writes go to
//! one commit thread, which validates and applies everything that is waiting in one engine transaction, syncs the disk
//! once, and then answers all of it (group commit).
//!
//! One process at a time may have a folder open. The store knows nothing of entities, sessions or queries, and does not
//! replicate.

mod check;
mod commit;
mod draft;
mod engine;
mod folder;
mod job;
mod lane;
mod layout;
mod options;
mod place;
mod plan;
mod private;
mod request;
mod scan;
mod shared;
mod store;
#[doc(hidden)]
pub mod testkit;
mod url;
mod vanished;

pub use options::{EmbeddedOptions, Recovery, Verify};
pub use store::EmbeddedStore;
pub use url::folder_of;
