//! The decisions of `docs/design/public-api.md`, each as a small program against the public surface.

#![allow(clippy::unwrap_used, missing_docs)]

mod attributes;
