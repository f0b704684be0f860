//! What a column can be compared with.

use std::borrow::Cow;

use super::column::Column;
use super::compare::Expr;
use super::node::Node;
use super::size::Size;
use crate::sealed::Sealed;
use crate::value::{Element, Field, Json, Value};

/// Something that can stand beside a column of type `T` of `S`: a value of that type, a borrowed form of it, or a column
/// or an arithmetic expression of the same `S`.
#[diagnostic::on_unimplemented(
    message = "a column of type `{T}` cannot be compared with or set to a `{Self}`",
    label = "expected a `{T}`, or a column of the same entity that holds such values",
    note = "both sides have the same type; a column of another entity is not in the query"
)]
pub trait IntoOperand<S, T> {
    #[doc(hidden)]
    const SEALED: Sealed;

    /// The value or column as an expression.
    #[doc(hidden)]
    fn into_operand(self) -> Operand;
}

/// A type-checked operand.
#[derive(Debug, Clone)]
#[doc(hidden)]
pub struct Operand {
    pub(crate) node: Node,
    pub(super) size: Size,
}

impl Operand {
    pub(super) fn new(node: Node) -> Self {
        let (node, size) = Size::of(&node).limit(|| node);
        Self { node, size }
    }

    pub(super) const fn column(position: u16) -> Self {
        Self { node: Node::Column(position), size: Size::LEAF }
    }

    fn value(value: Value) -> Self {
        Self::new(Node::Value(value))
    }

    /// A condition on it, with so many bytes of its own.
    fn wrapped(self, bytes: usize, condition: impl FnOnce(Box<Node>) -> Node) -> Self {
        let (node, size) = self.size.wrapped().and_bytes(bytes).limit(|| condition(Box::new(self.node)));
        Self { node, size }
    }
}

#[diagnostic::do_not_recommend]
impl<S, T: Field> IntoOperand<S, T> for T {
    const SEALED: Sealed = Sealed;

    fn into_operand(self) -> Operand {
        Operand::new(Node::value(&self))
    }
}

#[diagnostic::do_not_recommend]
impl<S, T: Field> IntoOperand<S, Option<T>> for T
where
    Option<T>: Field,
{
    const SEALED: Sealed = Sealed;

    fn into_operand(self) -> Operand {
        Operand::new(Node::value(&self))
    }
}

#[diagnostic::do_not_recommend]
impl<S, T: Field> IntoOperand<S, T> for &T {
    const SEALED: Sealed = Sealed;

    fn into_operand(self) -> Operand {
        Operand::new(Node::value(self))
    }
}

#[diagnostic::do_not_recommend]
impl<S, T: Field> IntoOperand<S, Option<T>> for &T
where
    Option<T>: Field,
{
    const SEALED: Sealed = Sealed;

    fn into_operand(self) -> Operand {
        Operand::new(Node::value(self))
    }
}

macro_rules! text_operands {
    ($($from:ty => $to:ty),* $(,)?) => { $(
        #[diagnostic::do_not_recommend]
        impl<S> IntoOperand<S, $to> for $from {
            const SEALED: Sealed = Sealed;

            fn into_operand(self) -> Operand {
                Operand::value(Value::Text(self.to_string()))
            }
        }
    )* };
}

text_operands! {
    &str => String,
    &str => Option<String>,
    &&str => String,
    &&str => Option<String>,
    Cow<'_, str> => String,
    Cow<'_, str> => Option<String>,
}

#[diagnostic::do_not_recommend]
impl<E, T> IntoOperand<E, T> for Column<E, T> {
    const SEALED: Sealed = Sealed;

    fn into_operand(self) -> Operand {
        Operand::column(self.position())
    }
}

#[diagnostic::do_not_recommend]
impl<E, T> IntoOperand<E, Option<T>> for Column<E, T> {
    const SEALED: Sealed = Sealed;

    fn into_operand(self) -> Operand {
        Operand::column(self.position())
    }
}

#[diagnostic::do_not_recommend]
impl<E, T> IntoOperand<E, T> for Expr<E, T> {
    const SEALED: Sealed = Sealed;

    fn into_operand(self) -> Operand {
        self.into_sized()
    }
}

#[diagnostic::do_not_recommend]
impl<E, T> IntoOperand<E, Option<T>> for Expr<E, T> {
    const SEALED: Sealed = Sealed;

    fn into_operand(self) -> Operand {
        self.into_sized()
    }
}

#[diagnostic::do_not_recommend]
impl<S, T> IntoOperand<S, Json<T>> for T
where
    Json<T>: Field,
{
    const SEALED: Sealed = Sealed;

    fn into_operand(self) -> Operand {
        Operand::new(Node::value(&Json(self)))
    }
}

/// What a column of type `T` may contain: text in a text, an element in a list.
#[diagnostic::on_unimplemented(
    message = "a column of type `{T}` cannot contain a `{Self}`",
    note = "`contains` looks for text in a text column, or for an element in a `Vec` column"
)]
pub trait ContainedIn<S, T> {
    #[doc(hidden)]
    const SEALED: Sealed;

    /// The condition.
    #[doc(hidden)]
    fn contained_in(self, of: Operand) -> Operand;
}

macro_rules! contained_in_text {
    ($($text:ty),*) => { $(
        impl<S, P: AsRef<str>> ContainedIn<S, $text> for P {
            const SEALED: Sealed = Sealed;

            fn contained_in(self, of: Operand) -> Operand {
                let part = self.as_ref().to_owned();
                of.wrapped(part.len(), |of| Node::ContainsText(of, part))
            }
        }
    )* };
}

contained_in_text!(String, Option<String>);

fn contains_element(element: Operand, of: Operand) -> Operand {
    let size = of.size.beside(element.size).wrapped();
    let (node, size) = size.limit(|| match element.node {
        Node::Value(value) => Node::ContainsElement(Box::new(of.node), value),
        refused @ Node::Unstorable(_) => refused,
        _ => Node::Known(None),
    });
    Operand { node, size }
}

impl<S, T: Element, V: IntoOperand<S, T>> ContainedIn<S, Vec<T>> for V {
    const SEALED: Sealed = Sealed;

    fn contained_in(self, of: Operand) -> Operand {
        contains_element(self.into_operand(), of)
    }
}

impl<S, T: Element, V: IntoOperand<S, T>> ContainedIn<S, Option<Vec<T>>> for V {
    const SEALED: Sealed = Sealed;

    fn contained_in(self, of: Operand) -> Operand {
        contains_element(self.into_operand(), of)
    }
}

/// A number that may be added to, subtracted from, multiplied with or divided by a column of type `T`.
#[diagnostic::on_unimplemented(message = "a column of type `{T}` does not calculate with a `{Self}`")]
pub trait Summand<S, T>: IntoOperand<S, T> {
    #[doc(hidden)]
    const SEALED: Sealed;
}

impl<S, T: crate::value::Numeric, V: IntoOperand<S, T>> Summand<S, T> for V {
    const SEALED: Sealed = Sealed;
}
