//! The union of ways that serve the branches of an `or`.

use super::candidate::{Access, Candidate, Question};
use super::constraint::{self, Reading};
use super::{candidates, marker};
use crate::ask::{Spec, Window, conjuncts};
use crate::catalog::StoredTable;
use crate::expr::node::Node;

/// How many branches of an `or` are looked up each by itself at most.
const MOST_BRANCHES: usize = 10_000;

/// How many conditions are looked at for the branches of an `or` at most.
const MOST_LOOKS: usize = 1_000_000;

/// For a condition `a or b`: the union of the ways that serve `a` and those that serve `b`. In the order that is asked for, if each of
/// them gives it.
pub(super) fn union(table: &StoredTable, spec: &Spec, conditions: &[&Node], asked: &Question<'_>) -> Option<Candidate> {
    let branch_spec =
        Spec { window: if asked.order.is_empty() { Window::ALL } else { Window::first(1) }, ..Spec::new(spec.table) };
    conditions.iter().enumerate().find_map(|(at_or, condition)| {
        let Node::Or(branches) = condition else { return None };
        // More lookups than that are no better than a scan, and each branch looks at all other conditions.
        if branches.len() > MOST_BRANCHES || branches.len() * conditions.len() > MOST_LOOKS {
            return None;
        }
        let mut all = Vec::new();
        // Which of the other conditions each branch serves, and whether each serves its own.
        let mut served: Option<Vec<usize>> = None;
        let mut serves_own = true;
        for branch in branches {
            let parts = conjuncts(branch.clone());
            let parts = marker::bounded(&parts);
            let mut own = Vec::new();
            let mut possible = true;
            for (at, part) in parts.iter().enumerate() {
                match constraint::read(part, table.def) {
                    Reading::Never => possible = false,
                    Reading::Constraint(constraint) => own.push((conditions.len() + at, constraint)),
                    Reading::Opaque => {}
                }
            }
            if !possible {
                continue;
            }
            let asked = asked.with(own);
            let best = candidates(table, &branch_spec, &asked).ok()?.into_iter().max_by_key(|candidate| {
                (candidate.is_lookup(), candidate.narrowed, candidate.ordered, candidate.leading, candidate.equalities)
            })?;
            if !best.narrowed {
                return None;
            }
            serves_own &= (0..parts.len()).all(|at| best.served.contains(&(conditions.len() + at)));
            let others = best.served.iter().copied().filter(|at| *at < conditions.len());
            served = Some(match served {
                None => others.collect(),
                Some(served) => others.filter(|at| served.contains(at)).collect(),
            });
            all.push(best);
        }
        let mut served = served.unwrap_or_default();
        if serves_own {
            served.push(at_or);
        }
        // Rows that are looked up are few, and are put in order by themselves.
        let ordered = !asked.order.is_empty() && all.iter().all(|one| one.ordered || one.is_lookup());
        let leading_of = |one: &Candidate| if one.ordered || one.is_lookup() { usize::MAX } else { one.leading };
        let leading = all.iter().map(leading_of).min().filter(|_| !ordered).unwrap_or(0);
        let resumed = asked.after.is_none() || all.iter().all(|one| one.resumed || one.is_lookup());
        Some(Candidate {
            access: Access::Union(all.into_iter().map(|one| one.access).collect()),
            served,
            equalities: 1,
            narrowed: true,
            ordered: ordered && resumed,
            leading,
            resumed: ordered && resumed,
        })
    })
}
