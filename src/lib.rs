//! ROME, the relational ORM for key-value stores.

#[doc(hidden)]
#[path = "private.rs"]
pub mod __private;
pub mod prelude;

pub use rome_core::model::{self, Embedded, Entity, Id, Newtype, Projection};
pub use rome_core::value::{self, Json};
pub use rome_core::{Error, OrNotFound, Result};
pub use rome_core::{error, expr, schema, store};
pub use rome_derive::{ColumnEnum, Embedded, Entity, Newtype, Projection};
