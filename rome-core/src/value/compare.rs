//! The order of values.
//!
//! There is one order, [`total_order`], and the bytes of [`key`](super::key) follow it. [`compare`] is what `=` and
//! `<` of a query mean: the same order inside one kind, numbers compared by their size whatever their kind, and no
//! answer where SQL has none.

use super::{Value, ValueRef};
use std::cmp::Ordering;
use std::hash::{Hash, Hasher};

/// Compares two values as a query does: `None`, unknown, if either is NULL or if they are of different kinds.
///
/// Numbers compare by size, exactly, also an integer with a float. -0.0 equals 0.0; NaN equals itself and is above
/// all other numbers. Strings compare by UTF-8 bytes, lists element by element.
#[must_use]
#[inline]
pub fn compare(a: ValueRef<'_>, b: ValueRef<'_>) -> Option<Ordering> {
    use ValueRef::{Float, Int, List, Null, Text, Uint};
    match (a, b) {
        (Null, _) | (_, Null) => None,
        (Int(a), Int(b)) => Some(a.cmp(&b)),
        (Text(a), Text(b)) => Some(a.as_bytes().cmp(b.as_bytes())),
        (Int(a), Float(b)) => Some(int_with_float(a, b)),
        (Float(a), Int(b)) => Some(int_with_float(b, a).reverse()),
        (Uint(a), Float(b)) => Some(uint_with_float(a, b)),
        (Float(a), Uint(b)) => Some(uint_with_float(b, a).reverse()),
        (List(a), List(b)) => {
            let (mut a, mut b) = (a.iter(), b.iter());
            loop {
                match (a.next(), b.next()) {
                    (Some(a), Some(b)) => match compare(a, b) {
                        Some(Ordering::Equal) => {}
                        decided => return decided,
                    },
                    (a, b) => return Some(a.is_some().cmp(&b.is_some())),
                }
            }
        }
        (ValueRef::Label(a), b) => compare(Int(i128::from(a.place())), b),
        (a, ValueRef::Label(b)) => compare(a, Int(i128::from(b.place()))),
        _ if rank(a) == rank(b) => Some(total_order(a, b)),
        _ => None,
    }
}

/// The order of all values, that of their key bytes: NULL first, then kind by kind, and inside a kind by value.
///
/// -0.0 equals 0.0, NaN is last of the floats and equals itself, false is before true, strings go by UTF-8 bytes,
/// lists element by element with the shorter first. Integers and floats are different kinds here: all integers come
/// before all floats. To compare their sizes use [`compare`].
#[must_use]
pub fn total_order(a: ValueRef<'_>, b: ValueRef<'_>) -> Ordering {
    use ValueRef as V;
    match (a, b) {
        (V::Bool(a), V::Bool(b)) => a.cmp(&b),
        (V::Int(a), V::Int(b)) => a.cmp(&b),
        (V::Uint(a), V::Uint(b)) => a.cmp(&b),
        (V::Int(a), V::Uint(b)) => int_with_uint(a, b),
        (V::Uint(a), V::Int(b)) => int_with_uint(b, a).reverse(),
        (V::Float(a), V::Float(b)) => floats(a, b),
        (V::Text(a), V::Text(b)) | (V::Json(a), V::Json(b)) => a.as_bytes().cmp(b.as_bytes()),
        (V::Bytes(a), V::Bytes(b)) => a.cmp(b),
        (V::Uuid(a), V::Uuid(b)) => a.as_bytes().cmp(b.as_bytes()),
        (V::Date(a), V::Date(b)) => a.cmp(&b),
        (V::Time(a), V::Time(b)) | (V::Timestamp(a), V::Timestamp(b)) => a.cmp(&b),
        (V::List(a), V::List(b)) => a.iter().cmp(b.iter()),
        // The integer that keys hold.
        (V::Label(a), b) => total_order(V::Int(i128::from(a.place())), b),
        (a, V::Label(b)) => total_order(a, V::Int(i128::from(b.place()))),
        _ => rank(a).cmp(&rank(b)),
    }
}

/// The place of the kind; the type codes of keys are in the same order.
fn rank(value: ValueRef<'_>) -> u8 {
    match value {
        ValueRef::Null => 0,
        ValueRef::Bool(_) => 1,
        ValueRef::Int(_) | ValueRef::Uint(_) | ValueRef::Label(_) => 2,
        ValueRef::Float(_) => 3,
        ValueRef::Date(_) => 4,
        ValueRef::Time(_) => 5,
        ValueRef::Timestamp(_) => 6,
        ValueRef::Uuid(_) => 7,
        ValueRef::Text(_) => 8,
        ValueRef::Bytes(_) => 9,
        ValueRef::Json(_) => 10,
        ValueRef::List(_) => 11,
    }
}

fn int_with_uint(a: i128, b: u128) -> Ordering {
    u128::try_from(a).map_or(Ordering::Less, |a| a.cmp(&b))
}

fn floats(a: f64, b: f64) -> Ordering {
    a.partial_cmp(&b).unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()))
}

/// 2^127, the first float above every `i128`.
const ABOVE_INT: f64 = 170_141_183_460_469_231_731_687_303_715_884_105_728.0;
/// 2^128, the first float above every `u128`.
const ABOVE_UINT: f64 = ABOVE_INT * 2.0;

/// Exact: the float is cut to an integer, which loses nothing in range, and its fraction breaks a tie.
fn int_with_float(int: i128, float: f64) -> Ordering {
    if float.is_nan() || float >= ABOVE_INT {
        return Ordering::Less;
    }
    if float < -ABOVE_INT {
        return Ordering::Greater;
    }
    let whole = float.trunc();
    int.cmp(&(whole as i128)).then_with(|| floats(whole, float))
}

fn uint_with_float(uint: u128, float: f64) -> Ordering {
    if float.is_nan() || float >= ABOVE_UINT {
        return Ordering::Less;
    }
    if float < 0.0 {
        return Ordering::Greater;
    }
    let whole = float.trunc();
    uint.cmp(&(whole as u128)).then_with(|| floats(whole, float))
}

/// The one form of floats that are equal: 0.0 for -0.0, and one NaN.
pub(super) fn canonical(float: f64) -> f64 {
    if float.is_nan() {
        f64::NAN
    } else if float == 0.0 {
        0.0
    } else {
        float
    }
}

impl PartialEq for ValueRef<'_> {
    fn eq(&self, other: &Self) -> bool {
        total_order(*self, *other).is_eq()
    }
}

impl Eq for ValueRef<'_> {}

impl PartialOrd for ValueRef<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for ValueRef<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        total_order(*self, *other)
    }
}

impl Hash for ValueRef<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        rank(*self).hash(state);
        match *self {
            Self::Null => {}
            Self::Bool(v) => v.hash(state),
            // An `Int` and a `Uint` that are equal must hash alike; no negative number equals a `Uint`.
            Self::Int(v) => v.hash(state),
            Self::Uint(v) => (v as i128).hash(state),
            Self::Label(v) => i128::from(v.place()).hash(state),
            Self::Float(v) => canonical(v).to_bits().hash(state),
            Self::Text(v) | Self::Json(v) => v.hash(state),
            Self::Bytes(v) => v.hash(state),
            Self::Uuid(v) => v.hash(state),
            Self::Date(v) => v.hash(state),
            Self::Time(v) | Self::Timestamp(v) => v.hash(state),
            Self::List(v) => {
                for item in v.iter() {
                    item.hash(state);
                }
                // Ends the list, so that nested lists do not run into each other.
                u8::MAX.hash(state);
            }
        }
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        self.as_ref() == other.as_ref()
    }
}

impl Eq for Value {}

impl PartialOrd for Value {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Value {
    fn cmp(&self, other: &Self) -> Ordering {
        total_order(self.as_ref(), other.as_ref())
    }
}

impl Hash for Value {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_ref().hash(state);
    }
}
