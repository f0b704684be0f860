//! The derive macros of ROME.
