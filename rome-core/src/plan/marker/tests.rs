//! Which conditions are comparisons of tuples, and that they stay true of the same rows.

use super::*;
use crate::expr::eval::{Values, test};
use crate::value::{ValueError, ValueRef};

/// A row of three columns, each NULL or a small number.
struct Row([Value; 3]);

impl Values for Row {
    fn value_at(&self, _place: u8, column: u16) -> Result<ValueRef<'_>, ValueError> {
        Ok(self.0[usize::from(column)].as_ref())
    }
}

fn value(n: u64) -> Value {
    if n == 0 { Value::Null } else { Value::Int(i128::from(n)) }
}

fn rows() -> impl Iterator<Item = Row> {
    (0..125).map(|n| Row([value(n / 25), value(n / 5 % 5), value(n % 5)]))
}

fn cmp(op: Comparison, column: u16, n: u64) -> Node {
    Node::Compare(op, Box::new(Node::Column(column)), Box::new(Node::Value(value(n))))
}

fn lt(column: u16, n: u64) -> Node {
    cmp(Comparison::Lt, column, n)
}

fn gt(column: u16, n: u64) -> Node {
    cmp(Comparison::Gt, column, n)
}

fn eq(column: u16, n: u64) -> Node {
    cmp(Comparison::Eq, column, n)
}

fn null(column: u16) -> Node {
    Node::IsNull(Box::new(Node::Column(column)))
}

fn known(column: u16) -> Node {
    Node::Not(Box::new(null(column)))
}

fn and(all: impl IntoIterator<Item = Node>) -> Node {
    Node::all(all)
}

fn or(all: impl IntoIterator<Item = Node>) -> Node {
    Node::Or(all.into_iter().collect())
}

fn text(conditions: &[Node]) -> String {
    let one = |node: &Node| {
        let Node::After(after) = node else { return format!("{}", Shown(node)) };
        let part = |part: &AfterPart| {
            let Node::Column(column) = part.of else { panic!("{part:?}") };
            let nulls = if part.nulls == Nulls::First { "nulls first" } else { "nulls last" };
            let Node::Value(value) = &part.value else { panic!("{part:?}") };
            format!("c{column} {} {nulls} {value}", if part.descending { "desc" } else { "asc" })
        };
        let parts: Vec<String> = after.parts.iter().map(part).collect();
        format!("{} ({})", if after.inclusive { "at or after" } else { "after" }, parts.join(", "))
    };
    conditions.iter().map(one).collect::<Vec<_>>().join("; ")
}

struct Shown<'a>(&'a Node);

impl std::fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Node::Compare(op, left, right) => match (&**left, &**right) {
                (Node::Column(column), Node::Value(value)) => write!(f, "c{column} {op:?} {value}"),
                other => write!(f, "{other:?}"),
            },
            other => write!(f, "{other:?}"),
        }
    }
}

/// What becomes of the conditions, which have to stay true of the same rows.
fn bounded_text(conditions: Vec<Node>) -> String {
    let found = bounded(&conditions);
    for row in rows() {
        let all = |conditions: &[Node]| {
            conditions.iter().all(|node| test(node, &row).expect("values of one kind") == Some(true))
        };
        assert_eq!(all(&found), all(&conditions), "{:?}: {conditions:?} became {found:?}", row.0);
    }
    text(&found)
}

#[test]
fn a_comparison_of_two_columns_is_found_in_each_form() {
    let forms = [
        vec![or([lt(0, 2), and([eq(0, 2), lt(1, 3)])])],
        vec![or([and([lt(1, 3), eq(0, 2)]), lt(0, 2)])],
        vec![or([lt(0, 2), and([cmp(Comparison::Le, 0, 2), lt(1, 3)])])],
        vec![or([and([lt(0, 2), known(0)]), and([eq(0, 2), lt(1, 3), known(1)])])],
        vec![or([lt(0, 2), and([eq(0, 2), lt(1, 3)]), and([lt(0, 2), eq(1, 1)])])],
    ];
    for form in forms {
        assert_eq!(bounded_text(form), "after (c0 desc nulls first 2, c1 desc nulls first 3)");
    }
    let beside = [
        vec![cmp(Comparison::Le, 0, 2), or([lt(0, 2), lt(1, 3)])],
        vec![or([cmp(Comparison::Ne, 0, 2), lt(1, 3)]), cmp(Comparison::Le, 0, 2)],
    ];
    for form in beside {
        let found = bounded_text(form);
        assert!(found.contains("after (c0 desc nulls first 2, c1 desc nulls first 3)"), "{found}");
    }
}

#[test]
fn directions_null_and_the_marker_itself_are_kept() {
    for (form, found) in [
        (or([gt(0, 2), and([eq(0, 2), gt(1, 3)])]), "after (c0 asc nulls first 2, c1 asc nulls first 3)"),
        (or([lt(0, 2), and([eq(0, 2), gt(1, 3)])]), "after (c0 desc nulls first 2, c1 asc nulls first 3)"),
        (
            or([lt(0, 2), and([eq(0, 2), cmp(Comparison::Le, 1, 3)])]),
            "at or after (c0 desc nulls first 2, c1 desc nulls first 3)",
        ),
        (
            or([lt(0, 2), null(0), and([eq(0, 2), or([lt(1, 3), null(1)])])]),
            "after (c0 desc nulls last 2, c1 desc nulls last 3)",
        ),
        (or([gt(0, 2), null(0), and([eq(0, 2), gt(1, 3)])]), "after (c0 asc nulls last 2, c1 asc nulls first 3)"),
        (or([known(0), and([null(0), gt(1, 3)])]), "after (c0 asc nulls first NULL, c1 asc nulls first 3)"),
        (
            or([gt(0, 1), and([eq(0, 1), lt(1, 2)]), and([eq(0, 1), eq(1, 2), gt(2, 3)])]),
            "after (c0 asc nulls first 1, c1 desc nulls first 2, c2 asc nulls first 3)",
        ),
        (
            or([gt(0, 1), and([eq(0, 1), or([gt(1, 2), and([eq(1, 2), gt(2, 3)])])])]),
            "after (c0 asc nulls first 1, c1 asc nulls first 2, c2 asc nulls first 3)",
        ),
        (or([lt(0, 2), eq(0, 2)]), "c0 Le 2"),
        // What all branches have in common is a condition of its own.
        (
            or([and([eq(2, 1), lt(0, 2)]), and([eq(2, 1), eq(0, 2), lt(1, 3)])]),
            "c2 Eq 1; after (c0 desc nulls first 2, c1 desc nulls first 3)",
        ),
    ] {
        assert_eq!(bounded_text(vec![form]), found);
    }
}

#[test]
fn a_column_that_is_fixed_is_no_part_of_the_tuple() {
    let marker = || or([lt(0, 2), and([eq(0, 2), lt(1, 3)]), and([eq(0, 2), eq(1, 3), lt(2, 4)])]);
    for (fixed, found) in [
        (eq(0, 2), "c0 Eq 2; after (c1 desc nulls first 3, c2 desc nulls first 4)"),
        (eq(1, 3), "c1 Eq 3; after (c0 desc nulls first 2, c2 desc nulls first 4)"),
        (eq(1, 2), "c1 Eq 2; c0 Le 2"),
        (eq(1, 4), "c1 Eq 4; c0 Lt 2"),
        (eq(2, 4), "c2 Eq 4; after (c0 desc nulls first 2, c1 desc nulls first 3)"),
    ] {
        assert_eq!(bounded_text(vec![fixed, marker()]), found);
    }
    let never = bounded_text(vec![eq(0, 3), marker()]);
    assert!(never.ends_with("Known(Some(false))"), "{never}");
}

#[test]
fn what_is_no_comparison_of_tuples_stays() {
    for form in [
        or([eq(0, 1), eq(1, 2)]),
        or([lt(0, 2), and([eq(0, 3), lt(1, 3)])]),
        or([lt(0, 2), and([eq(0, 2), lt(1, 3), gt(2, 1)])]),
        or([gt(0, 2), lt(0, 2), and([eq(0, 2), lt(1, 3)])]),
        or([known(0), eq(1, 2)]),
        or([lt(0, 2), and([eq(0, 2), eq(1, 3)])]),
        or((0..70).map(|n| eq(0, n))),
    ] {
        let conditions = [form];
        assert!(matches!(bounded(&conditions), Cow::Borrowed(_)), "{conditions:?}");
    }
}

/// A small generator, so that a run can be repeated.
struct Draw(u64);

impl Draw {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }

    fn condition(&mut self, depth: u32) -> Node {
        use Comparison::{Eq, Ge, Gt, Le, Lt, Ne};
        if depth == 0 || self.below(3) == 0 {
            let column = self.below(3) as u16;
            return match self.below(9) {
                0 => null(column),
                1 => known(column),
                // Mostly one value for each column, so that they meet.
                n => {
                    let op = [Eq, Eq, Lt, Lt, Gt, Le, Ge, Ne][n as usize - 2];
                    cmp(op, column, if self.below(8) == 0 { 3 } else { 2 })
                }
            };
        }
        let parts: Vec<Node> = (0..2 + self.below(2)).map(|_| self.condition(depth - 1)).collect();
        if self.below(2) == 0 { and(parts) } else { or(parts) }
    }
}

#[test]
fn no_condition_becomes_true_of_other_rows() {
    let mut draw = Draw(7);
    let mut tuples = 0;
    for _ in 0..4_000 {
        let conditions: Vec<Node> = (0..1 + draw.below(3)).map(|_| draw.condition(3)).collect();
        tuples += u32::from(bounded_text(conditions).contains("after"));
    }
    assert!(tuples > 40, "only {tuples} were comparisons of tuples");
}
