//! The service over HTTP, on each store.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

mod bad_input;
mod children;
mod costs;
mod data;
mod database;
mod database_list;
mod images;
mod limits;
mod list;
mod locations;
mod members;
mod metadefs;
mod restart;
mod service;
#[path = "../stores/mod.rs"]
mod stores;
mod tasks;
