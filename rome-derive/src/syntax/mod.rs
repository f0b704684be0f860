//! What all derives share of reading their input: attributes, accepted shapes, names, and the list of mistakes.

mod attribute;
mod case;
mod mistakes;
mod root;
mod self_type;
mod shape;
mod suggest;

pub use attribute::{Item, Words, items};
pub use case::{Case, constant, snake};
pub use mistakes::Mistakes;
pub use root::Root;
pub use self_type::spelled_out;
pub use shape::{named_fields, owned_type};
pub use suggest::did_you_mean;
