//! Queries: what is asked of one entity, in types.

mod builder;
mod cursor;
mod page;
mod select;
mod stream;
mod verbs;
mod with;

pub use crate::plan::{Deleted, Explain, ScanPolicy};
pub use builder::Query;
pub use cursor::Cursor;
pub use page::{After, Page, PageQuery};
pub use select::Selection;
pub(crate) use with::load_all;
pub use with::{IntoLoad, Load};
