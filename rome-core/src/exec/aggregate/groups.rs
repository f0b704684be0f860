//! Groups of rows, and what is calculated of each.

use std::collections::HashMap;

use super::accumulate::Accumulator;
use super::entries::{Entry, Same};
use crate::ask::{GROUP, GroupSpec, OrderPart, distinct_parts};
use crate::error::{Error, Kind, Result};
use crate::exec::sort::sort_key_of_values;
use crate::expr::aggregate::Aggregate;
use crate::expr::eval::{self, Values};
use crate::expr::node::Node;
use crate::expr::{Nulls, size};
use crate::index::aggregate::Totals;
use crate::value::{Value, ValueError, ValueRef, key};

/// How many aggregates are calculated of each group at most.
const MOST_AGGREGATES: usize = 1_000;

/// A group-by that is ready to run: its aggregates are numbered, and its conditions are about them.
#[derive(Debug)]
pub(crate) struct Grouping {
    by: Vec<Node>,
    aggregates: Vec<Aggregate>,
    having: Vec<Node>,
    output: Vec<Node>,
    order: Vec<(Node, bool, Nulls)>,
}

impl Grouping {
    /// Prepares it; `name` says what a column is called.
    ///
    /// # Errors
    /// A column that is neither grouped by nor inside an aggregate; conditions or orders that are too large.
    pub fn new(spec: &GroupSpec, name: &dyn Fn(u8, u16) -> String) -> Result<Self> {
        let orders = spec.order.iter().map(|order| &order.node);
        size::check(spec.having.iter().chain(&spec.output).chain(orders), || "what is asked of groups".to_owned())?;
        let mut grouping = Self {
            by: spec.by.clone(),
            aggregates: Vec::new(),
            having: Vec::new(),
            output: Vec::new(),
            order: Vec::new(),
        };
        for node in &spec.having {
            let node = grouping.numbered(node.clone(), name)?;
            grouping.having.push(node);
        }
        for node in &spec.output {
            let node = grouping.numbered(node.clone(), name)?;
            grouping.output.push(node);
        }
        for order in &spec.order {
            let node = grouping.numbered(order.node.clone(), name)?;
            grouping.order.push((node, order.descending, order.nulls));
        }
        // Ties go by the columns of the group, in the direction of the last part.
        if let Some((_, descending, _)) = grouping.order.last() {
            let (descending, nulls) = (*descending, Nulls::natural(*descending));
            for at in 0..grouping.by.len() {
                grouping.order.push((of_group(at), descending, nulls));
            }
        }
        if grouping.aggregates.len() > MOST_AGGREGATES {
            return Err(Kind::Limit(format!(
                "a query asks for {} aggregates of its groups, at most {MOST_AGGREGATES} are allowed; ask in several queries",
                grouping.aggregates.len()
            ))
            .into());
        }
        Ok(grouping)
    }

    /// The aggregates.
    pub fn aggregates(&self) -> &[Aggregate] {
        &self.aggregates
    }

    /// The columns that it groups by.
    pub fn by(&self) -> &[Node] {
        &self.by
    }

    /// The expression with columns and aggregates replaced by their places in the group.
    fn numbered(&mut self, node: Node, name: &dyn Fn(u8, u16) -> String) -> Result<Node> {
        let mut stray = None;
        let node = node.map_leaves(&mut |leaf| match &leaf {
            Node::Column(_) | Node::Of(..) => match self.by.iter().position(|by| same(by, &leaf)) {
                Some(at) => of_group(at),
                None => {
                    leaf.for_each_place(&mut |place, column| stray = stray.take().or(Some((place, column))));
                    leaf
                }
            },
            Node::Aggregate(aggregate) => of_group(self.by.len() + self.number(aggregate)),
            _ => leaf,
        });
        match stray {
            None => Ok(node),
            Some((place, column)) => Err(Error::invalid(format!(
                "column `{}` is neither grouped by nor inside an aggregate: it has many values in a group; add it to \
                 `group_by`, or take `min` or `max` of it",
                name(place, column)
            ))),
        }
    }

    fn number(&mut self, aggregate: &Aggregate) -> usize {
        let is_same = |other: &Aggregate| {
            other.func == aggregate.func
                && match (&other.of, &aggregate.of) {
                    (None, None) => true,
                    (Some(a), Some(b)) => same(a, b),
                    _ => false,
                }
        };
        self.aggregates.iter().position(is_same).unwrap_or_else(|| {
            self.aggregates.push(aggregate.clone());
            self.aggregates.len() - 1
        })
    }
}

fn of_group(at: usize) -> Node {
    Node::Of(GROUP, u16::try_from(at).unwrap_or(u16::MAX))
}

/// Whether two expressions are the same column.
const fn same(a: &Node, b: &Node) -> bool {
    match (a, b) {
        (Node::Column(a), Node::Column(b)) => *a == *b,
        (Node::Of(a, b), Node::Of(c, d)) => *a == *c && *b == *d,
        _ => false,
    }
}

/// The groups of the rows so far.
#[derive(Debug)]
pub(crate) struct Groups<'a> {
    grouping: &'a Grouping,
    places: HashMap<Vec<u8>, usize>,
    groups: Vec<Group>,
    /// How many groups and distinct values there are.
    kept: usize,
    /// The group of the last row.
    last: Option<usize>,
    /// The most of them.
    most: usize,
    scratch: Vec<u8>,
}

#[derive(Debug)]
struct Group {
    values: Vec<Value>,
    accumulators: Vec<Accumulator>,
}

/// What is given of a group, behind its place in the order.
type Placed = (Vec<u8>, Vec<Value>);

impl Values for Group {
    fn value_at(&self, _place: u8, column: u16) -> Result<ValueRef<'_>, ValueError> {
        Ok(self.values.get(usize::from(column)).map_or(ValueRef::Null, Value::as_ref))
    }
}

impl<'a> Groups<'a> {
    /// Without any group; `most` is how many groups and distinct values are kept at most.
    pub fn new(grouping: &'a Grouping, most: usize) -> Self {
        let (places, scratch) = (HashMap::new(), Vec::with_capacity(32));
        let mut groups = Self { grouping, places, groups: Vec::new(), kept: 0, most, last: None, scratch };
        if grouping.by.is_empty() {
            // Without columns to group by all rows are one group, also if there are none.
            groups.begin(Vec::new());
        }
        groups
    }

    fn begin(&mut self, values: Vec<Value>) -> usize {
        let accumulators = self.grouping.aggregates.iter().map(|aggregate| Accumulator::new(aggregate.func)).collect();
        self.groups.push(Group { values, accumulators });
        self.groups.len() - 1
    }

    /// Adds a row to its group.
    pub fn add<R: Values>(&mut self, row: &R) -> Result<(), ValueError> {
        let at = if self.grouping.by.is_empty() { 0 } else { self.group_of(row)? };
        self.add_to(at, row)
    }

    /// Adds an entry of an index to its group if the condition is true of it.
    pub(super) fn add_entry(&mut self, entry: &Entry, same: Same, condition: Option<&Node>) -> Result<(), ValueError> {
        if let Some(condition) = condition
            && eval::test(condition, entry)? != Some(true)
        {
            return Ok(());
        }
        match self.last {
            Some(at) if same == Same::Yes => self.add_to(at, entry),
            _ => self.add(entry),
        }
    }

    fn add_to<R: Values>(&mut self, at: usize, row: &R) -> Result<(), ValueError> {
        self.last = Some(at);
        let Some(group) = self.groups.get_mut(at) else { return Ok(()) };
        for (aggregate, accumulator) in self.grouping.aggregates.iter().zip(&mut group.accumulators) {
            match &aggregate.of {
                None => accumulator.count(1),
                Some(of) => self.kept += usize::from(accumulator.add(eval::scalar(of, row)?)),
            }
        }
        Ok(())
    }

    /// Adds many rows that have the columns `of_row` in common, which are all that `row` has, and add up to `totals`. Aggregates are
    /// counts of rows or of values, sums and means of the column `summed`.
    pub fn add_many<R: Values>(
        &mut self,
        (row, of_row): (&R, &[u16]),
        totals: Totals,
        summed: Option<u16>,
    ) -> Result<(), ValueError> {
        let at = if self.grouping.by.is_empty() { 0 } else { self.group_of(row)? };
        let Some(group) = self.groups.get_mut(at) else { return Ok(()) };
        let rows = u64::try_from(totals.rows).unwrap_or_default();
        let values = u64::try_from(totals.rows - totals.nulls).unwrap_or_default();
        for (aggregate, accumulator) in self.grouping.aggregates.iter().zip(&mut group.accumulators) {
            match &aggregate.of {
                None => accumulator.count(rows),
                Some(Node::Column(column)) if summed == Some(*column) => {
                    accumulator.count(values);
                    accumulator.add_sum(values, totals.sum);
                }
                // One of the group's; any other is never NULL.
                Some(Node::Column(column)) if of_row.contains(column) && row.value_at(0, *column)?.is_null() => {}
                Some(_) => accumulator.count(rows),
            }
        }
        Ok(())
    }

    fn group_of<R: Values>(&mut self, row: &R) -> Result<usize, ValueError> {
        let mut encoded = std::mem::take(&mut self.scratch);
        encoded.clear();
        for node in &self.grouping.by {
            key::encode(eval::scalar(node, row)?, false, &mut encoded);
        }
        let at = match self.places.get(&encoded) {
            Some(at) => *at,
            None => {
                let values = self.grouping.by.iter().map(|node| eval::scalar(node, row).map(ValueRef::to_value));
                let values = values.map(|value| value.map(Value::normalise)).collect::<Result<_, _>>()?;
                let at = self.begin(values);
                self.kept += 1;
                self.places.insert(encoded.clone(), at);
                at
            }
        };
        self.scratch = encoded;
        Ok(at)
    }

    /// Counts rows for the aggregate at a place, where there is one group.
    pub fn count(&mut self, at: usize, n: u64) {
        if let Some(accumulator) = self.only(at) {
            accumulator.count(n);
        }
    }

    /// Adds a value to the aggregate at a place, where there is one group.
    pub fn set(&mut self, at: usize, value: ValueRef<'_>) -> Result<(), ValueError> {
        let more = self.only(at).is_some_and(|accumulator| accumulator.add(value));
        self.kept += usize::from(more);
        Ok(())
    }

    fn only(&mut self, at: usize) -> Option<&mut Accumulator> {
        self.groups.first_mut()?.accumulators.get_mut(at)
    }

    /// Refuses to keep more than fits in memory.
    pub fn check_size(&self) -> Result<()> {
        if self.kept <= self.most {
            return Ok(());
        }
        Err(Kind::Limit(format!(
            "the query would keep more than {} groups and distinct values in memory; narrow it by a filter",
            self.most
        ))
        .into())
    }

    /// The place in the order of the groups of a row's group, if the groups are in an order of their columns.
    pub fn place_of<R: Values>(&self, row: &R) -> Result<Vec<u8>, ValueError> {
        let values = self.grouping.by.iter().map(|node| eval::scalar(node, row).map(ValueRef::to_value));
        let group = Group { values: values.collect::<Result<_, _>>()?, accumulators: Vec::new() };
        self.grouping.place_of(&group)
    }

    /// Takes the groups whose place in the order is before this one, or all of them: the rows of those for which the conditions
    /// hold, in order. No row may be added to them later.
    pub fn take_before(&mut self, bound: Option<&[u8]>, table: &'static str) -> Result<Vec<Vec<Value>>> {
        let overflow = |source| Error::from(Kind::Overflow { table, column: None, source });
        let mut rows = Vec::new();
        let mut left = Vec::new();
        self.last = None;
        for group in std::mem::take(&mut self.groups) {
            let is_before = match bound {
                Some(bound) => self.grouping.place_of(&group).map_err(overflow)?.as_slice() < bound,
                None => true,
            };
            if is_before {
                rows.extend(self.grouping.row_of(group).map_err(overflow)?);
            } else {
                left.push(group);
            }
        }
        self.places.clear();
        self.kept =
            left.len() + left.iter().flat_map(|group| &group.accumulators).map(Accumulator::kept).sum::<usize>();
        for (at, group) in left.iter().enumerate() {
            self.places.insert(encoded(group, self.grouping.by.len()), at);
        }
        self.groups = left;
        rows.sort_by(|a, b| a.0.cmp(&b.0));
        Ok(rows.into_iter().map(|(_, row)| row).collect())
    }

    /// The rows of the groups for which the conditions hold, in order, cut to offset and limit.
    pub fn finish(mut self, spec: &GroupSpec, table: &'static str) -> Result<Vec<Vec<Value>>> {
        let mut rows = self.take_before(None, table)?;
        spec.window.cut(&mut rows);
        Ok(rows)
    }
}

impl Grouping {
    /// The place of a group in the order, as far as that is by its columns where its aggregates are not calculated yet.
    fn place_of(&self, group: &Group) -> Result<Vec<u8>, ValueError> {
        if self.order.is_empty() {
            return Ok(encoded(group, self.by.len()));
        }
        let order = self
            .order
            .iter()
            .map(|(node, descending, nulls)| eval::scalar(node, group).map(|value| (value, *descending, *nulls)));
        Ok(sort_key_of_values(order.collect::<Result<Vec<_>, _>>()?))
    }

    /// What is given of a group and its place in the order; `None` if its conditions do not hold.
    fn row_of(&self, mut group: Group) -> Result<Option<Placed>, ValueError> {
        for accumulator in std::mem::take(&mut group.accumulators) {
            group.values.push(accumulator.finish()?);
        }
        let mut passed = true;
        for condition in &self.having {
            passed &= eval::test(condition, &group)? == Some(true);
        }
        if !passed {
            return Ok(None);
        }
        let output = self.output.iter().map(|node| eval::scalar(node, &group).map(ValueRef::to_value));
        Ok(Some((self.place_of(&group)?, output.collect::<Result<_, _>>()?)))
    }

    /// The order of the groups as one of columns of the table; `None` if aggregates have a say.
    pub fn order_of_columns(&self) -> Option<Vec<OrderPart>> {
        let column = |at: usize| self.by.get(at).and_then(Node::as_column);
        if self.order.is_empty() {
            return (0..self.by.len()).map(|at| Some(OrderPart::new(column(at)?, false))).collect();
        }
        let part = |(node, descending, nulls): &(Node, bool, Nulls)| match node {
            Node::Of(GROUP, at) => {
                Some(OrderPart { nulls: *nulls, ..OrderPart::new(column(usize::from(*at))?, *descending) })
            }
            _ => None,
        };
        self.order.iter().map(part).collect::<Option<Vec<_>>>().map(distinct_parts)
    }
}

/// The group's columns as bytes, so that groups come in the same order on each store.
fn encoded(group: &Group, columns: usize) -> Vec<u8> {
    let mut out = Vec::new();
    group.values.iter().take(columns).for_each(|value| key::encode(value.as_ref(), false, &mut out));
    out
}
