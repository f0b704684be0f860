//! Expressions: what filters, orders and assignments are made of.
//!
//! The typed surface ([`Column`], [`Expr`], [`Condition`]) is thin: it checks types at compile time and builds one run-time
//! tree, `node::Node`, which planning and evaluation work on.

pub(crate) mod after;
pub(crate) mod aggregate;
mod assign;
mod column;
mod compare;
mod dynamic;
pub(crate) mod eval;
pub(crate) mod like;
pub(crate) mod node;
mod operand;
mod order;
mod predicate;
pub(crate) mod scope;
pub(crate) mod show;
pub(crate) mod size;
pub(crate) mod subquery;
pub(crate) mod tuples;
mod with;

pub use after::{Mark, Marked};
pub use aggregate::{ExprOrder, Term, avg, count, count_distinct, count_of, max, min, sum};
pub use assign::{Assignment, Assignments};
pub use column::Column;
pub use compare::Expr;
pub use dynamic::DynColumn;
pub use operand::{ContainedIn, IntoOperand, Summand};
pub(crate) use order::OrderPart;
pub use order::{Nulls, Order, Orders};
pub use predicate::{Condition, Conditions};
pub use scope::{At, Found, Groups, Here, In, InGroups, MaybeAt, Source};
