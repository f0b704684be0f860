//! The suite that every ROME store passes.
