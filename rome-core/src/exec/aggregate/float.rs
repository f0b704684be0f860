//! Exact sums of floats.
//!
//! Every finite `f64` is a whole number of 2^-1074. The sum is kept as such a number, wide enough for all of them, and
//! rounded once at the end (after Kulisch's accumulator). So it does not depend on the order of the rows, which is
//! different on each store and under each plan.

/// How many digits of 32 bits there are: 2,098 bits for the floats themselves, and the rest for carries.
const DIGITS: usize = 70;
/// After how many additions the carries are propagated; each adds less than 2^32 to a digit of 63 bits.
const BEFORE_CARRY: u32 = 1 << 29;

/// A sum of floats.
#[derive(Debug, Clone)]
pub(super) struct FloatSum {
    /// Digits of 32 bits, least first, in two's complement once carries are propagated.
    digits: [i64; DIGITS],
    pending: u32,
    /// What is no number: the sum of infinities and NaN, as IEEE 754 adds them.
    special: Option<f64>,
}

impl Default for FloatSum {
    fn default() -> Self {
        Self { digits: [0; DIGITS], pending: 0, special: None }
    }
}

impl FloatSum {
    pub fn add(&mut self, value: f64) {
        if !value.is_finite() {
            self.special = Some(self.special.map_or(value, |special| special + value));
            return;
        }
        let bits = value.to_bits();
        let exponent = (bits >> 52) & 0x7FF;
        let fraction = bits & ((1 << 52) - 1);
        let (mantissa, position) = if exponent == 0 { (fraction, 0) } else { (fraction | (1 << 52), exponent - 1) };
        let wide = u128::from(mantissa) << (position % 32);
        let first = usize::try_from(position / 32).unwrap_or_default();
        for (at, digit) in self.digits.iter_mut().skip(first).take(3).enumerate() {
            let part = i64::from((wide >> (32 * at)) as u32);
            *digit += if value.is_sign_negative() { -part } else { part };
        }
        self.pending += 1;
        if self.pending >= BEFORE_CARRY {
            carry(&mut self.digits);
            self.pending = 0;
        }
    }

    /// The sum, rounded to the nearest float.
    pub fn finish(&self) -> f64 {
        if let Some(special) = self.special {
            return special;
        }
        let mut digits = self.digits;
        carry(&mut digits);
        let negative = digits.last().is_some_and(|last| *last < 0);
        if negative {
            digits.iter_mut().for_each(|digit| *digit = -*digit);
            carry(&mut digits);
        }
        let size = magnitude(&digits);
        if negative { -size } else { size }
    }
}

/// Leaves 32 bits in each digit but the last, which keeps the sign.
fn carry(digits: &mut [i64; DIGITS]) {
    let mut carried = 0;
    let (last, rest) = digits.split_last_mut().expect("there are digits");
    for digit in rest {
        let sum = *digit + carried;
        carried = sum >> 32;
        *digit = sum & 0xFFFF_FFFF;
    }
    *last += carried;
}

/// The float nearest to digits that are not negative; of two that are equally near, the even one.
fn magnitude(digits: &[i64; DIGITS]) -> f64 {
    let bit = |at: usize| digits.get(at / 32).is_some_and(|digit| (digit >> (at % 32)) & 1 == 1);
    let Some(top) = digits.iter().rposition(|digit| *digit != 0) else { return 0.0 };
    let digit = digits.get(top).copied().unwrap_or_default();
    let highest = 32 * top + (63 - digit.leading_zeros() as usize);
    let bits = |from: usize, to: usize| (from..=to).rev().fold(0_u64, |bits, at| (bits << 1) | u64::from(bit(at)));
    if highest <= 52 {
        // Below 2^53 steps the steps are the bits of the float.
        return f64::from_bits(bits(0, highest));
    }
    let lowest = highest - 52;
    let mut mantissa = bits(lowest, highest);
    let half = bit(lowest - 1);
    let beyond = (0..lowest - 1).any(bit);
    if half && (beyond || mantissa & 1 == 1) {
        mantissa += 1;
    }
    let mut exponent = lowest as u64 + 1;
    if mantissa >> 53 == 1 {
        mantissa >>= 1;
        exponent += 1;
    }
    if exponent >= 0x7FF {
        return f64::INFINITY;
    }
    f64::from_bits((exponent << 52) | (mantissa & ((1 << 52) - 1)))
}

#[cfg(test)]
mod tests {
    use super::FloatSum;

    fn sum(values: &[f64]) -> f64 {
        let mut sum = FloatSum::default();
        values.iter().for_each(|value| sum.add(*value));
        sum.finish()
    }

    #[test]
    fn one_value_is_its_own_sum() {
        for value in [
            0.0,
            1.0,
            -1.5,
            0.1,
            f64::MAX,
            f64::MIN,
            f64::MIN_POSITIVE,
            f64::from_bits(1),
            f64::from_bits((1 << 52) - 1),
            -f64::from_bits(3),
            1e300,
            -1e-300,
        ] {
            assert_eq!(sum(&[value]).to_bits(), (value + 0.0).to_bits(), "{value:e}");
        }
    }

    #[test]
    fn a_sum_is_rounded_once_and_does_not_depend_on_the_order() {
        assert_eq!(sum(&[0.1; 10]), 1.0);
        assert_eq!(sum(&[1e100, 1.0, -1e100]), 1.0);
        assert_eq!(sum(&[f64::MAX, f64::MAX, -f64::MAX]), f64::MAX);
        assert_eq!(sum(&[f64::MAX, f64::MAX]), f64::INFINITY);
        assert_eq!(sum(&[1.0, f64::EPSILON / 2.0]), 1.0);
        assert_eq!(sum(&[1.0, f64::EPSILON / 2.0, f64::EPSILON / 2.0]), 1.0 + f64::EPSILON);
        let mut values: Vec<f64> = (0..1000).map(|n| (f64::from(n) - 500.0) * 10_f64.powi(n % 37 - 18)).collect();
        let forwards = sum(&values);
        values.reverse();
        assert_eq!(sum(&values), forwards);
        values.sort_by(f64::total_cmp);
        assert_eq!(sum(&values), forwards);
    }

    #[test]
    fn infinities_and_nan_add_as_they_do_elsewhere() {
        assert_eq!(sum(&[1.0, f64::INFINITY]), f64::INFINITY);
        assert!(sum(&[f64::NEG_INFINITY, 1.0, f64::INFINITY]).is_nan());
        assert!(sum(&[f64::NAN, f64::INFINITY]).is_nan());
    }
}
