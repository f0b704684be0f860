//! What most programs use: `use rome::prelude::*;`.

pub use crate::{ColumnEnum, Embedded, Entity, Id, Json, Newtype, Projection};
