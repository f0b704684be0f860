//! Which entities an expression may speak of.

/// Expressions over `Self` may be used in a query over `Q`. The index `I` is inferred; it says where in the query the
/// entity stands.
#[diagnostic::on_unimplemented(
    message = "this expression is about `{Self}`, which is not in the query",
    label = "the query is over `{Q}`"
)]
pub trait In<Q, I> {}

/// The only entity of a query.
#[derive(Debug, Clone, Copy)]
pub struct Here;

impl<E: crate::model::Entity> In<E, Here> for E {}
