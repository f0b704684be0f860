//! Named laws.
