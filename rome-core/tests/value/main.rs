//! The laws of values: one order for keys, comparisons and sorts; each form comes back as what it was; no bytes panic.

#![allow(clippy::unwrap_used)]

mod any_value;
mod arbitrary_bytes;
mod compare;
mod decoders;
mod field;
mod key;
mod row;
mod text;
