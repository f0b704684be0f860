//! What `=` and `<` mean.

use super::any_value::{pair, value};
use proptest::prelude::*;
use rome_core::value::{Value, ValueRef, compare};
use std::cmp::Ordering::{Equal, Greater, Less};
use std::hash::{BuildHasher, RandomState};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn null_compares_with_nothing(a in value()) {
        prop_assert_eq!(compare(a.as_ref(), ValueRef::Null), None);
        prop_assert_eq!(compare(ValueRef::Null, a.as_ref()), None);
    }

    #[test]
    fn swapping_the_sides_reverses_the_order((a, b) in pair()) {
        let (a, b) = (a.as_ref(), b.as_ref());
        prop_assert_eq!(compare(a, b), compare(b, a).map(std::cmp::Ordering::reverse));
        prop_assert_eq!(a.cmp(&b), b.cmp(&a).reverse());
    }

    /// So that an index scan and a filter over rows give the same rows.
    #[test]
    fn in_one_kind_comparing_is_the_total_order((a, b) in pair()) {
        if a.kind_name() == b.kind_name() && !matches!(a, Value::Null | Value::List(_)) {
            prop_assert_eq!(compare(a.as_ref(), b.as_ref()), Some(a.cmp(&b)));
        }
    }

    #[test]
    fn equal_values_hash_alike((a, b) in pair()) {
        let state = RandomState::new();
        if a == b {
            prop_assert_eq!(state.hash_one(&a), state.hash_one(&b));
        }
        prop_assert_eq!(state.hash_one(&a), state.hash_one(a.clone().normalise()));
    }

    /// Rounding keeps the order, so two numbers that round to different floats are ordered as those; two that round to
    /// the same are compared as integers.
    #[test]
    fn an_integer_and_a_float_compare_by_their_exact_size(mantissa: i64, power in -70_i32..60, off in -1_025_i128..=1_025) {
        let float = mantissa as f64 * 2_f64.powi(power);
        let int = float as i128 + off;
        let rounded = int as f64;
        let truth = if rounded == float { int.cmp(&(float as i128)) } else { rounded.partial_cmp(&float).unwrap() };
        prop_assert_eq!(compare(ValueRef::Int(int), ValueRef::Float(float)), Some(truth));
        prop_assert_eq!(compare(ValueRef::Float(float), ValueRef::Int(int)), Some(truth.reverse()));
    }
}

#[test]
fn numbers_compare_at_the_edges_of_their_kinds() {
    let two_to_the_53 = 9_007_199_254_740_992_i128;
    let (above_int, above_uint) = (2_f64.powi(127), 2_f64.powi(128));
    let cases = [
        (ValueRef::Int(two_to_the_53 + 1), ValueRef::Float(two_to_the_53 as f64), Greater),
        (ValueRef::Int(two_to_the_53), ValueRef::Float(two_to_the_53 as f64), Equal),
        (ValueRef::Int(i128::MAX), ValueRef::Float(above_int), Less),
        (ValueRef::Int(i128::MIN), ValueRef::Float(-above_int), Equal),
        (ValueRef::Int(i128::MIN), ValueRef::Float(-above_uint), Greater),
        (ValueRef::Uint(1 << 127), ValueRef::Float(above_int), Equal),
        (ValueRef::Uint(u128::MAX), ValueRef::Float(above_uint), Less),
        (ValueRef::Uint(u128::MAX), ValueRef::Float(-1.0), Greater),
        (ValueRef::Uint(u128::MAX), ValueRef::Int(i128::MAX), Greater),
        (ValueRef::Uint(u128::MAX), ValueRef::Int(-1), Greater),
        (ValueRef::Uint(7), ValueRef::Int(7), Equal),
        (ValueRef::Int(5), ValueRef::Float(5.5), Less),
        (ValueRef::Int(-5), ValueRef::Float(-5.5), Greater),
        (ValueRef::Int(0), ValueRef::Float(-0.0), Equal),
        (ValueRef::Int(0), ValueRef::Float(-0.5), Greater),
        (ValueRef::Int(i128::MAX), ValueRef::Float(f64::NAN), Less),
        (ValueRef::Int(i128::MIN), ValueRef::Float(f64::NEG_INFINITY), Greater),
        (ValueRef::Float(f64::NAN), ValueRef::Float(f64::INFINITY), Greater),
        (ValueRef::Float(f64::NAN), ValueRef::Float(-f64::NAN), Equal),
        (ValueRef::Float(0.0), ValueRef::Float(-0.0), Equal),
    ];
    for (a, b, order) in cases {
        assert_eq!(compare(a, b), Some(order), "{a} with {b}");
        assert_eq!(compare(b, a), Some(order.reverse()), "{b} with {a}");
    }
}

#[test]
fn different_kinds_do_not_compare() {
    assert_eq!(compare(ValueRef::Text("1"), ValueRef::Int(1)), None);
    assert_eq!(compare(ValueRef::Bool(true), ValueRef::Int(1)), None);
    assert_eq!(compare(ValueRef::Date(1), ValueRef::Timestamp(1)), None);
    assert_eq!(compare(ValueRef::Text("{}"), ValueRef::Json("{}")), None);
}

#[test]
fn lists_compare_element_by_element_and_a_null_leaves_it_unknown() {
    let list = |items: &[Option<i128>]| Value::List(items.iter().map(|v| v.map_or(Value::Null, Value::Int)).collect());
    let order = |a: &Value, b: &Value| compare(a.as_ref(), b.as_ref());
    assert_eq!(order(&list(&[Some(1), Some(2)]), &list(&[Some(1), Some(3)])), Some(Less));
    assert_eq!(order(&list(&[Some(1)]), &list(&[Some(1), Some(3)])), Some(Less));
    assert_eq!(order(&list(&[Some(2)]), &list(&[Some(1), None])), Some(Greater));
    assert_eq!(order(&list(&[Some(1), None]), &list(&[Some(1), None])), None);
}

#[test]
fn text_is_in_the_order_of_its_bytes() {
    assert_eq!(compare(ValueRef::Text("Z"), ValueRef::Text("a")), Some(Less));
    assert_eq!(compare(ValueRef::Text("é"), ValueRef::Text("z")), Some(Greater));
}
