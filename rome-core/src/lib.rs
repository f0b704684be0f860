//! The core of ROME, the relational ORM for key-value stores. Applications use the `rome` facade; backends use [`store`].

pub mod store;
pub mod testkit;
