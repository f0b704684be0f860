//! Evaluation on a row, with SQL's three-valued logic.

use std::cmp::Ordering;

use super::like;
use super::node::{Arithmetic, Node, ValueList};
use super::tuples::tuple_of;
use crate::row::RowView;
use crate::value::{ValueError, ValueRef, compare, total_order};

/// A row that expressions are evaluated on: of a table, of a join, or of a group.
pub(crate) trait Values {
    /// The value of a column of the entity at a place.
    fn value_at(&self, place: u8, column: u16) -> Result<ValueRef<'_>, ValueError>;
}

impl Values for RowView<'_> {
    #[inline]
    fn value_at(&self, _place: u8, column: u16) -> Result<ValueRef<'_>, ValueError> {
        self.value(column)
    }
}

/// Whether a condition is true for a row; `None` is unknown.
pub(crate) fn test<R: Values>(node: &Node, row: &R) -> Result<Option<bool>, ValueError> {
    Ok(match node {
        Node::Known(known) => *known,
        Node::Unstorable(why) => return Err(ValueError::clone(why)),
        Node::Compare(op, left, right) => {
            compare(scalar(left, row)?, scalar(right, row)?).map(|ordering| op.holds(ordering))
        }
        Node::In(of, list) => is_in(scalar(of, row)?, list),
        Node::Like { of, pattern, ignore_case } => {
            text(scalar(of, row)?).map(|text| like::matches(pattern, text, *ignore_case))
        }
        Node::StartsWith(of, prefix) => text(scalar(of, row)?).map(|text| text.starts_with(prefix.as_str())),
        Node::ContainsText(of, part) => text(scalar(of, row)?).map(|text| text.contains(part.as_str())),
        Node::ContainsElement(of, value) => has_element(scalar(of, row)?, value.as_ref())?,
        Node::IsNull(of) => Some(scalar(of, row)?.is_null()),
        Node::And(all) => {
            let mut result = Some(true);
            for node in all {
                match test(node, row)? {
                    Some(false) => return Ok(Some(false)),
                    Some(true) => {}
                    None => result = None,
                }
            }
            result
        }
        Node::Or(all) => {
            let mut result = Some(false);
            for node in all {
                match test(node, row)? {
                    Some(true) => return Ok(Some(true)),
                    Some(false) => {}
                    None => result = None,
                }
            }
            result
        }
        Node::Not(of) => test(of, row)?.map(|known| !known),
        Node::NotTrue(of) => Some(test(of, row)? != Some(true)),
        Node::InTuples(of, tuples) => Some(tuple_of(of, row)?.is_some_and(|tuple| tuples.contains(&tuple))),
        Node::After(after) => Some(after.test(row)?),
        Node::Column(_) | Node::Of(..) | Node::Value(_) | Node::Calculation(..) => match scalar(node, row)? {
            ValueRef::Bool(known) => Some(known),
            _ => None,
        },
        Node::Aggregate(_) => unreachable!("aggregates become columns of their group before a group is tested"),
        Node::Exists(_) | Node::InQuery(_) => unreachable!("subqueries are answered before a row is tested"),
        Node::Refused(_) => unreachable!("what is too large is refused before it is planned"),
    })
}

/// The value of a scalar for a row. A condition in the place of a scalar is a boolean.
pub(crate) fn scalar<'a, R: Values>(node: &'a Node, row: &'a R) -> Result<ValueRef<'a>, ValueError> {
    Ok(match node {
        Node::Column(position) => row.value_at(0, *position)?,
        Node::Of(place, position) => row.value_at(*place, *position)?,
        Node::Value(value) => value.as_ref(),
        Node::Calculation(start, steps) => {
            let mut so_far = scalar(start, row)?;
            for step in steps {
                let operand = scalar(&step.operand, row)?;
                let (left, right) = if step.before { (operand, so_far) } else { (so_far, operand) };
                so_far = calculate(step.op, left, right)?;
            }
            so_far
        }
        condition => test(condition, row)?.map_or(ValueRef::Null, ValueRef::Bool),
    })
}

fn is_in(value: ValueRef<'_>, list: &ValueList) -> Option<bool> {
    if list.values.is_empty() && !list.has_null {
        return Some(false);
    }
    if value.is_null() {
        return None;
    }
    if list.values.binary_search_by(|listed| total_order(listed.as_ref(), value)).is_ok() {
        return Some(true);
    }
    if list.has_null { None } else { Some(false) }
}

const fn text<'a>(value: ValueRef<'a>) -> Option<&'a str> {
    match value {
        ValueRef::Text(text) => Some(text),
        _ => None,
    }
}

/// True if an element equals the value; unknown if none does but one is NULL.
fn has_element(list: ValueRef<'_>, value: ValueRef<'_>) -> Result<Option<bool>, ValueError> {
    let ValueRef::List(list) = list else { return Ok(None) };
    if value.is_null() {
        return Ok(None);
    }
    let mut result = Some(false);
    for element in list.iter() {
        match compare(element, value) {
            Some(Ordering::Equal) => return Ok(Some(true)),
            Some(_) => {}
            None => result = None,
        }
    }
    Ok(result)
}

fn calculate<'a>(op: Arithmetic, left: ValueRef<'a>, right: ValueRef<'a>) -> Result<ValueRef<'a>, ValueError> {
    use ValueRef::{Float, Int, Null, Uint};
    Ok(match (left, right) {
        (Null, _) | (_, Null) => Null,
        (Int(a), Int(b)) => match op {
            Arithmetic::Add => a.checked_add(b).map(Int),
            Arithmetic::Sub => a.checked_sub(b).map(Int),
            Arithmetic::Mul => a.checked_mul(b).map(Int),
            Arithmetic::Div | Arithmetic::Rem if b == 0 => Some(Null),
            Arithmetic::Div => a.checked_div(b).map(Int),
            Arithmetic::Rem => a.checked_rem(b).map(Int),
        }
        .ok_or_else(|| out_of_range(op, left, right))?,
        (Float(a), Float(b)) => match op {
            Arithmetic::Add => Float(a + b),
            Arithmetic::Sub => Float(a - b),
            Arithmetic::Mul => Float(a * b),
            Arithmetic::Div | Arithmetic::Rem if b == 0.0 => Null,
            Arithmetic::Div => Float(a / b),
            Arithmetic::Rem => Float(a % b),
        },
        (Uint(_), Int(_) | Uint(_)) | (Int(_), Uint(_)) => large(op, left, right)?,
        _ => return Err(out_of_range(op, left, right)),
    })
}

/// Arithmetic where a number is above the range of `i128`.
fn large<'a>(op: Arithmetic, left: ValueRef<'a>, right: ValueRef<'a>) -> Result<ValueRef<'a>, ValueError> {
    let unsigned = |value: ValueRef<'_>| match value {
        ValueRef::Uint(n) => Some(n),
        ValueRef::Int(n) => u128::try_from(n).ok(),
        _ => None,
    };
    let result = match (unsigned(left), unsigned(right)) {
        (Some(a), Some(b)) => match op {
            Arithmetic::Add => a.checked_add(b),
            Arithmetic::Sub => a.checked_sub(b),
            Arithmetic::Mul => a.checked_mul(b),
            Arithmetic::Div | Arithmetic::Rem if b == 0 => return Ok(ValueRef::Null),
            Arithmetic::Div => a.checked_div(b),
            Arithmetic::Rem => a.checked_rem(b),
        },
        _ => None,
    };
    let result = result.ok_or_else(|| out_of_range(op, left, right))?;
    Ok(i128::try_from(result).map_or(ValueRef::Uint(result), ValueRef::Int))
}

#[cold]
fn out_of_range(op: Arithmetic, left: ValueRef<'_>, right: ValueRef<'_>) -> ValueError {
    ValueError::out_of_range(format!("{} {} {}", left.to_value(), op.sign(), right.to_value()), "a number")
}
