//! Metadata definitions: which properties images and other resources can have, by namespace.
//!
//! All that is in a namespace lies with it and goes with it. Resource types are shared by the namespaces, so they stay as
//! long as one is associated with them.

mod namespace;
mod object;
mod property;
mod resource_type;
mod tag;

pub use namespace::{MetadefNamespace, MetadefVisibility};
pub use object::MetadefObject;
pub use property::MetadefProperty;
pub use resource_type::{MetadefAssociation, MetadefResourceType};
pub use tag::MetadefTag;
