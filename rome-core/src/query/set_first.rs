//! The first rows of a set operation, from the first rows of its queries.
//!
//! Each query is asked for as many rows as are wanted, in the order of the whole. What they give is known up to the least of the last
//! rows of those that may have more; if that is too little, all are asked for more. The right side of an intersection or a difference is
//! asked for those rows alone that the left one gave.

use futures::future::BoxFuture;

use super::set_operand::Part;
use super::set_tree::{Operation, Placed, SetRows, Tree};
use crate::ask::Window;
use crate::error::Result;
use crate::session::Reader;
use crate::value::Value;

/// By how many times as many rows each query is asked for if the first ones were too few.
const GROWTH: u64 = 4;
/// More rows than this are not asked for by their values: the other query is read whole.
const MOST_AMONG: usize = 4_096;

/// Rows of a set operation that begin it in its order.
struct First {
    all: SetRows,
    /// How far they are known; `None` for all of them.
    bound: Option<Vec<u8>>,
}

impl First {
    const fn whole(all: SetRows) -> Self {
        Self { all, bound: None }
    }
}

impl Tree {
    /// Its rows as far as a window reaches, and maybe more; all of them if it has no limit. Has to run in a session.
    pub(super) async fn as_far_as(&self, target: Reader<'_>, order: &Placed, window: Window) -> Result<SetRows> {
        let (Some(wanted), Self::Chain(_, steps, _)) = (window.reach(), self) else { return self.rows(target).await };
        let leaves_out = steps.iter().any(|(step, _)| matches!(step, Operation::Intersect | Operation::Except));
        let mut n = if leaves_out { wanted.saturating_mul(GROWTH) } else { wanted };
        loop {
            let First { all, bound } = self.first(target, order, n).await?;
            if bound.is_none() || all.len() as u64 >= wanted {
                return Ok(all);
            }
            n = n.saturating_mul(GROWTH);
        }
    }

    /// What the first `n` rows of each of its queries tell.
    fn first<'s>(&'s self, target: Reader<'s>, order: &'s Placed, n: u64) -> BoxFuture<'s, Result<First>> {
        Box::pin(async move {
            match self {
                Self::Leaf(operand) => {
                    let part = Part { order: order.clone(), first: Some(n), among: None };
                    let Some(read) = operand.part(target, part) else {
                        return self.rows(target).await.map(First::whole);
                    };
                    let all = SetRows::of_leaf(read.await?);
                    let bound = (all.len() as u64 >= n).then(|| all.last_place(order));
                    Ok(First { all, bound })
                }
                Self::Chain(first, steps, _) => {
                    let First { mut all, mut bound } = first.first(target, order, n).await?;
                    for (operation, other) in steps {
                        match operation {
                            Operation::Union | Operation::UnionAll => {
                                let right = other.first(target, order, n).await?;
                                all.combine(*operation, right.all);
                                bound = [bound, right.bound].into_iter().flatten().min();
                                if let Some(bound) = &bound {
                                    all.cut_behind(order, bound);
                                }
                            }
                            Operation::Intersect | Operation::Except => {
                                let right = other.among(target, all.values()).await?;
                                all.combine(*operation, right);
                            }
                        }
                    }
                    Ok(First { all, bound })
                }
                Self::Cut(..) | Self::Refused => self.rows(target).await.map(First::whole),
            }
        })
    }

    /// Its rows that have the values of one of these, and maybe others.
    async fn among(&self, target: Reader<'_>, values: Vec<Vec<Value>>) -> Result<SetRows> {
        if let Self::Leaf(operand) = self
            && values.len() <= MOST_AMONG
        {
            let part = Part { order: Placed::default(), first: None, among: Some(values) };
            if let Some(read) = operand.part(target, part) {
                return read.await.map(SetRows::of_leaf);
            }
        }
        self.rows(target).await
    }
}
