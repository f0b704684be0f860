//! ROME measured against the programs that it has to justify itself to: the raw engine by hand, rusqlite, diesel, and
//! for `memory:` a hand-written BTreeMap program; for Redis the same by hand, and diesel and sea-orm on PostgreSQL. All of
//! them serve the same image table, answer the same operations, and alternate within one run, so that a slow minute of
//! the machine is a slow minute for everyone.

pub mod agree;
pub mod apart;
pub mod args;
pub mod contest;
pub mod lineup;
pub mod measure;
pub mod model;
pub mod operation;
pub mod peer;
pub mod peers;
pub mod processor;
pub mod report;
pub mod servers;
