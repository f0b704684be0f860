//! The bound of transaction bodies.

/// An async closure that can run again and whose future can be sent between threads. Implemented by every such closure;
/// [`Database::transaction`](crate::Database::transaction) takes one.
#[diagnostic::on_unimplemented(
    message = "this is not a transaction body",
    label = "expected an async closure that can run again",
    note = "write `async |s| ...` or `async move |s| ...`; the body may run several times, so it cannot change or consume what it captures"
)]
pub trait TxBody<A, R>: AsyncFnOnce(A) -> R + FnOnce(A) -> Self::Fut {
    /// The future of one run.
    type Fut: Future<Output = R>;
}

impl<F, A, R, Fut> TxBody<A, R> for F
where
    F: AsyncFnOnce(A) -> R + FnOnce(A) -> Fut,
    Fut: Future<Output = R>,
{
    type Fut = Fut;
}

/// A transaction body that can run a second time: each run has its own copy of what the body captures by `move`, and all
/// share what it borrows. Implemented for everything that is [`Clone`].
#[diagnostic::on_unimplemented(
    message = "this transaction body cannot run a second time",
    label = "it changes what it captures, or captures what cannot be cloned",
    note = "after a conflict the body runs again from the beginning, so it cannot change or use up what it captures: return \
            the value from the body, or clone it inside"
)]
pub trait Repeatable: Clone {}

#[diagnostic::do_not_recommend]
impl<F: Clone> Repeatable for F {}
