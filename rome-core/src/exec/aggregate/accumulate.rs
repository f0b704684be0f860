//! Accumulators: one aggregate of one group.

use std::collections::HashSet;

use super::float::FloatSum;
use crate::expr::aggregate::Func;
use crate::value::{Value, ValueError, ValueRef, key, total_order};

/// What has been aggregated so far.
#[derive(Debug)]
pub(super) enum Accumulator {
    Count(u64),
    Distinct(HashSet<Vec<u8>>),
    Min(Option<Value>),
    Max(Option<Value>),
    Sum(Sum),
    Avg(Sum),
}

impl Accumulator {
    pub fn new(func: Func) -> Self {
        match func {
            Func::Count => Self::Count(0),
            Func::CountDistinct => Self::Distinct(HashSet::new()),
            Func::Min => Self::Min(None),
            Func::Max => Self::Max(None),
            Func::Sum => Self::Sum(Sum::default()),
            Func::Avg => Self::Avg(Sum::default()),
        }
    }

    /// Counts `n` rows.
    pub const fn count(&mut self, n: u64) {
        if let Self::Count(count) = self {
            *count += n;
        }
    }

    /// Adds the sum of `n` integers.
    pub fn add_sum(&mut self, n: u64, sum: i128) {
        if let (Self::Sum(own) | Self::Avg(own), true) = (self, n > 0) {
            own.add(ValueRef::Int(sum));
            own.values += n - 1;
        }
    }

    /// Adds a value; NULL is skipped. Says whether one more value has to be kept.
    pub fn add(&mut self, value: ValueRef<'_>) -> bool {
        if value.is_null() {
            return false;
        }
        match self {
            Self::Count(count) => *count += 1,
            Self::Distinct(seen) => {
                let mut encoded = Vec::new();
                key::encode(value, false, &mut encoded);
                return seen.insert(encoded);
            }
            Self::Min(least) => {
                if least.as_ref().is_none_or(|least| total_order(value, least.as_ref()).is_lt()) {
                    *least = Some(value.to_value());
                }
            }
            Self::Max(greatest) => {
                if greatest.as_ref().is_none_or(|greatest| total_order(value, greatest.as_ref()).is_gt()) {
                    *greatest = Some(value.to_value());
                }
            }
            Self::Sum(sum) | Self::Avg(sum) => sum.add(value),
        }
        false
    }

    /// How many values it keeps.
    pub fn kept(&self) -> usize {
        if let Self::Distinct(seen) = self { seen.len() } else { 0 }
    }

    /// The aggregate.
    ///
    /// # Errors
    /// A sum that 128 bits cannot hold.
    pub fn finish(self) -> Result<Value, ValueError> {
        Ok(match self {
            Self::Count(count) => Value::Int(count.into()),
            Self::Distinct(seen) => Value::Int(i128::try_from(seen.len()).unwrap_or(i128::MAX)),
            Self::Min(value) | Self::Max(value) => value.map_or(Value::Null, Value::normalise),
            Self::Sum(sum) => sum.total()?,
            Self::Avg(sum) => sum.mean(),
        })
    }
}

/// An exact sum.
#[derive(Debug, Default)]
pub(super) struct Sum {
    values: u64,
    /// Integers in units of 2^64, and what is left of them, so that no order of adding them overflows.
    high: i128,
    low: u128,
    floats: Option<Box<FloatSum>>,
}

impl Sum {
    fn add(&mut self, value: ValueRef<'_>) {
        match value {
            ValueRef::Int(v) => {
                self.high += v >> 64;
                self.low += u128::from(v as u64);
            }
            ValueRef::Uint(v) => {
                self.high += (v >> 64) as i128;
                self.low += u128::from(v as u64);
            }
            ValueRef::Float(v) => self.floats.get_or_insert_default().add(v),
            _ => return,
        }
        self.values += 1;
    }

    fn total(&self) -> Result<Value, ValueError> {
        if self.values == 0 {
            return Ok(Value::Null);
        }
        if let Some(floats) = &self.floats {
            return Ok(Value::Float(floats.finish()));
        }
        let high = self.high + (self.low >> 64) as i128;
        let low = u128::from(self.low as u64);
        match (i64::try_from(high), u64::try_from(high)) {
            (Ok(high), _) => Ok(Value::Int((i128::from(high) << 64) | low as i128)),
            (_, Ok(high)) => Ok(Value::Uint((u128::from(high) << 64) | low)),
            _ => Err(ValueError::out_of_range(
                "the sum",
                "an integer of 128 bits: divide what is summed, or narrow the rows by a filter",
            )),
        }
    }

    fn mean(&self) -> Value {
        if self.values == 0 {
            return Value::Null;
        }
        let total = match &self.floats {
            Some(floats) => floats.finish(),
            // 2^64 times the one and the other, each of them exact or rounded once.
            None => match self.total() {
                Ok(Value::Int(total)) => total as f64,
                Ok(Value::Uint(total)) => total as f64,
                _ => (self.high + (self.low >> 64) as i128) as f64 * 18_446_744_073_709_551_616.0,
            },
        };
        Value::Float(total / self.values as f64)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::Accumulator;
    use crate::expr::aggregate::Func;
    use crate::value::{Value, ValueRef};

    fn sum(values: &[ValueRef<'_>]) -> Option<Value> {
        let mut sum = Accumulator::new(Func::Sum);
        for value in values {
            sum.add(*value);
        }
        sum.finish().ok()
    }

    #[test]
    fn an_integer_sum_is_exact_in_128_bits_in_any_order() {
        use ValueRef::{Int, Null, Uint};
        assert_eq!(sum(&[]), Some(Value::Null));
        assert_eq!(sum(&[Null]), Some(Value::Null));
        assert_eq!(sum(&[Int(i128::MAX), Int(1), Int(-1)]), Some(Value::Int(i128::MAX)));
        assert_eq!(sum(&[Int(i128::MIN), Int(-1), Int(1)]), Some(Value::Int(i128::MIN)));
        assert_eq!(sum(&[Int(i128::MIN), Int(-1)]), None);
        assert_eq!(sum(&[Int(-5), Int(3), Null]), Some(Value::Int(-2)));
        assert_eq!(sum(&[Uint(u128::MAX), Int(1), Int(-1)]), Some(Value::Uint(u128::MAX)));
        assert_eq!(sum(&[Uint(u128::MAX), Int(1)]), None);
        assert_eq!(sum(&[Uint(u128::MAX), Int(-7)]), Some(Value::Uint(u128::MAX - 7)));
    }
}
