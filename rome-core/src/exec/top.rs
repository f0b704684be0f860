//! The first rows by any order: a heap of as many rows as are wanted, in place of sorting all that were found.
//!
//! Rows are read in batches where nothing else may change them meanwhile, so that no more than a batch is in memory besides those
//! that are kept.

use std::collections::BinaryHeap;
use std::sync::Arc;

use super::batches;
use super::fetch::Own;
use super::hit::Hit;
use super::sort::{sort_key, sort_key_of};
use crate::ask::{OrderPart, Spec};
use crate::catalog::StoredTable;
use crate::error::Result;
use crate::plan::Plan;
use crate::schema::Table;
use crate::session::Reader;

/// The first rows of those that are pushed, in the order of a query and behind its cursor.
pub(super) struct Top {
    table: &'static Table,
    order: Vec<OrderPart>,
    after: Option<Vec<u8>>,
    wanted: usize,
    /// The rows that are the first so far; the last of them is on top.
    first: BinaryHeap<Placed>,
}

/// A row by its place in the order.
struct Placed(Vec<u8>, Hit);

impl PartialEq for Placed {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl Eq for Placed {}

impl PartialOrd for Placed {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Placed {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.cmp(&other.0)
    }
}

impl Top {
    /// Keeps as many rows as the query wants with those before its offset; all of them if it has no limit.
    pub fn new(table: &'static Table, spec: &Spec) -> Self {
        let order = spec.full_order();
        let after = spec.after.as_ref().map(|values| sort_key(&order, values.iter().map(|value| value.as_ref())));
        let wanted = spec.window.reach().map_or(usize::MAX, |rows| usize::try_from(rows).unwrap_or(usize::MAX));
        Self { table, order, after, wanted, first: BinaryHeap::new() }
    }

    /// Keeps the row if it is among the first so far.
    pub fn push(&mut self, hit: Hit) -> Result<()> {
        let place = sort_key_of(self.table, &self.order, &hit.key, &hit.body)?;
        if self.after.as_ref().is_some_and(|after| place <= *after) {
            return Ok(());
        }
        if self.first.len() < self.wanted {
            self.first.push(Placed(place, hit.apart()));
        } else if let Some(mut last) = self.first.peek_mut()
            && place < last.0
        {
            *last = Placed(place, hit.apart());
        }
        Ok(())
    }

    /// The rows, in order.
    pub fn finish(self) -> Vec<Hit> {
        self.first.into_sorted_vec().into_iter().map(|Placed(_, hit)| hit).collect()
    }
}

/// Whether the first rows of a plan are to be read in batches: it has a limit and gives them in another order, and they may be many.
pub(super) fn is_in_batches(target: Reader<'_>, spec: &Spec, plan: &Plan) -> bool {
    let sorted = !spec.order.is_empty() || spec.after.is_some();
    sorted && !plan.ordered && spec.window.limit.is_some() && batches::is_in_batches(target, plan)
}

/// The first rows of a query, in order, those before its offset among them; `None` if they cannot be read in batches. Costs a round trip
/// for each batch.
pub(super) async fn top(
    target: Reader<'_>,
    table: &Arc<StoredTable>,
    spec: &Spec,
    plan: &Plan,
    own: Own,
) -> Result<Option<Vec<Hit>>> {
    let mut top = Top::new(table.def, spec);
    let done = batches::each(target, table, spec, plan, own, |hit| top.push(hit)).await?;
    Ok(done.then(|| top.finish()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use rome_derive::Entity;

    use super::Top;
    use crate::ask::{OrderPart, Spec, Window};
    use crate::exec::fetch::sort_rows;
    use crate::exec::hit::Hit;
    use crate::model::Entity as _;
    use crate::value::{RowWriter, Value};

    #[derive(Entity)]
    #[rome(crate = "crate")]
    struct Dog {
        #[rome(key)]
        id: u64,
        age: u64,
    }

    fn hits(n: u64) -> Vec<Hit> {
        let hit = |id: u64| {
            let mut row = RowWriter::new();
            row.uint64(id);
            row.uint64(id * 7 % 10);
            Hit { key: id.to_be_bytes().to_vec().into(), body: row.finish().into() }
        };
        (0..n).map(hit).collect()
    }

    fn keys(hits: &[Hit]) -> Vec<&[u8]> {
        hits.iter().map(|hit| &*hit.key).collect()
    }

    #[test]
    fn a_heap_gives_what_a_sort_gives_and_keeps_no_more() {
        for after in [None, Some(vec![Value::Int(3), Value::Int(9)])] {
            for descending in [false, true] {
                for (limit, offset) in [(0, 0), (1, 0), (7, 3), (100, 0)] {
                    let order = vec![OrderPart::new(1, descending)];
                    let window = Window { limit: None, offset };
                    let spec = Spec { order, window, after: after.clone(), ..Spec::new(Dog::table()) };
                    let mut sorted = hits(40);
                    sort_rows(Dog::table(), &spec, &mut sorted).unwrap();
                    let mut top =
                        Top::new(Dog::table(), &Spec { window: Window { limit: Some(limit), offset }, ..spec });
                    for hit in hits(40) {
                        top.push(hit).unwrap();
                        assert!(top.first.len() as u64 <= limit + offset);
                    }
                    let wanted = sorted.len().min((limit + offset) as usize);
                    assert_eq!(keys(&top.finish()), keys(&sorted[..wanted]));
                }
            }
        }
    }
}
