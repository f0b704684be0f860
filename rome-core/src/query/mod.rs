//! Queries: what is asked, in types.
//!
//! [`Query`] asks one entity, [`Joined`] several, [`GroupBy`] groups of rows of either, [`SetQuery`] combines any of them.

mod asking;
mod builder;
mod choose;
mod cursor;
mod explaining;
mod group;
mod join;
mod join_asking;
mod join_stream;
mod join_verbs;
mod link;
mod loading;
mod page;
mod parts;
mod pieces;
mod row_stream;
mod rows;
mod select;
mod set_first;
mod set_operand;
mod set_tree;
mod sets;
mod stream;
mod subquery;
mod verbs;
mod watch;
mod with;

#[doc(hidden)]
pub use crate::ask::Hints;
pub use crate::ask::{ScanPolicy, SoftDeleted};
pub use crate::plan::Explain;
pub use builder::Query;
pub use choose::{Chosen, ChosenOfGroup, OrdersOf, OrdersOfGroup};
pub use cursor::Cursor;
pub use explaining::{Analysis, Explaining};
pub use group::GroupBy;
pub use join::Joined;
pub use link::{IntoLink, Link, Renamed, SameAs};
pub(crate) use loading::load_relation;
pub use page::{After, Page, PageQuery};
pub use parts::{And, Part, Parts};
pub use pieces::{Interrupted, Pieces};
pub use row_stream::RowStream;
pub use select::Selection;
pub use sets::{SetOperand, SetQuery};
pub use with::{IntoLoad, Load};
