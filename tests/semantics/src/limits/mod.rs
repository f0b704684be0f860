//! Depth and size are limits with errors of their own: whatever is built, in whatever shape, is answered or refused, on the
//! stack that a worker of Tokio has.

mod cascades;
mod nests;
mod shapes;

use std::future::Future;

use rome_orm::prelude::*;

/// A row of a tree.
#[derive(Entity, Clone, Debug, PartialEq, Default)]
#[rome(table = "knots")]
struct Knot {
    #[rome(key)]
    id: u32,
    #[rome(index)]
    age: u32,
    size: Option<i64>,
    weight: f64,
    name: String,
    #[rome(index)]
    parent: Option<u32>,
    #[rome(belongs_to(parent))]
    up: One<Knot>,
    #[rome(has_many(parent))]
    down: Many<Knot>,
}

/// Ten rows, each the child of the one before it.
fn knots() -> impl Iterator<Item = Knot> {
    (0..10).map(|id| Knot {
        id,
        age: id,
        size: (id % 3 != 0).then(|| i64::from(id) - 4),
        weight: f64::from(id) / 8.0,
        name: "a".repeat(id as usize),
        parent: id.checked_sub(1),
        ..Default::default()
    })
}

/// Runs a test on the stack that a worker of Tokio has.
fn on_a_worker<F: Future<Output = ()>>(test: impl FnOnce() -> F + Send + 'static) {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let thread = std::thread::Builder::new().stack_size(2 << 20).spawn(move || runtime().block_on(test()));
    if let Err(panic) = thread.unwrap().join() {
        std::panic::resume_unwind(panic);
    }
}
