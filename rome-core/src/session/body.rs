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
