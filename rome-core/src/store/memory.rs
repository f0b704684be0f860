//! The in-memory store: the specification of the contract.
