//! Who comes before whom, and cycles of that.

use std::collections::VecDeque;

use super::lists::Lists;
use super::{Outcome, Transaction};

/// Kinds of edges, as bits.
pub(super) const WW: u8 = 1;
pub(super) const WR: u8 = 2;
pub(super) const RW: u8 = 4;
/// One ended before the other began.
pub(super) const TIME: u8 = 8;

#[derive(Debug, Clone, Copy)]
pub(super) struct Edge {
    pub(super) to: usize,
    pub(super) kind: u8,
    /// The list that it comes from.
    pub(super) key: u64,
}

/// Nodes are the transactions, and after them one for each moment at which one ended.
#[derive(Debug)]
pub(super) struct Graph {
    transactions: usize,
    edges: Vec<Vec<Edge>>,
}

/// A cycle: each transaction with its edge to the next one.
pub(super) type Cycle = Vec<(usize, Edge)>;

impl Graph {
    pub(super) fn of(history: &[Transaction], lists: &Lists) -> Self {
        let mut graph = Self { transactions: history.len(), edges: vec![Vec::new(); history.len()] };
        for (key, list) in &lists.lists {
            let writer = |value: &u64| lists.writer.get(&(*key, *value)).copied();
            for pair in list.order.windows(2) {
                graph.add(writer(&pair[0]), writer(&pair[1]), WW, *key);
            }
            let last = list.order.last().and_then(writer);
            list.unseen.iter().for_each(|unseen| graph.add(last, Some(*unseen), WW, *key));
        }
        for seen in &lists.seen {
            let Some(list) = lists.lists.get(&seen.key) else { continue };
            let writer =
                |at: usize| list.order.get(at).and_then(|value| lists.writer.get(&(seen.key, *value)).copied());
            if let Some(last) = seen.length.checked_sub(1) {
                graph.add(writer(last), Some(seen.reader), WR, seen.key);
            }
            if seen.length < list.order.len() {
                graph.add(Some(seen.reader), writer(seen.length), RW, seen.key);
            } else {
                list.unseen.iter().for_each(|unseen| graph.add(Some(seen.reader), Some(*unseen), RW, seen.key));
            }
        }
        graph.add_time(history, &lists.live);
        graph
    }

    fn add(&mut self, from: Option<usize>, to: Option<usize>, kind: u8, key: u64) {
        if let (Some(from), Some(to)) = (from, to)
            && from != to
        {
            self.edges[from].push(Edge { to, kind, key });
        }
    }

    /// A chain of moments, so that there are as many edges as transactions and not as many as pairs.
    fn add_time(&mut self, history: &[Transaction], live: &[bool]) {
        let mut ends: Vec<(u64, usize)> = Vec::new();
        for (at, transaction) in history.iter().enumerate() {
            if transaction.outcome == Outcome::Committed {
                ends.push((transaction.ended, at));
            }
        }
        ends.sort_unstable();
        self.edges.resize(self.transactions + ends.len(), Vec::new());
        for (moment, (_, ended)) in ends.iter().enumerate() {
            let node = self.transactions + moment;
            self.add(Some(*ended), Some(node), TIME, 0);
            if moment > 0 {
                self.add(Some(node - 1), Some(node), TIME, 0);
            }
        }
        for (at, transaction) in history.iter().enumerate().filter(|(at, _)| live[*at]) {
            let before = ends.partition_point(|(ended, _)| *ended < transaction.began);
            if let Some(moment) = before.checked_sub(1) {
                self.add(Some(self.transactions + moment), Some(at), TIME, 0);
            }
        }
    }

    /// A cycle that begins with an edge of `first` and goes on by edges of `rest`, short if there is one.
    pub(super) fn cycle(&self, first: u8, rest: u8) -> Option<Cycle> {
        let component = self.components(first | rest);
        for from in 0..self.transactions {
            for edge in &self.edges[from] {
                if edge.kind & first != 0
                    && component[from] == component[edge.to]
                    && let Some(mut path) = self.path(edge.to, from, rest, &component)
                {
                    path.insert(0, (from, *edge));
                    return Some(path);
                }
            }
        }
        None
    }

    /// Whether a node is a transaction and not a moment.
    pub(super) const fn is_transaction(&self, node: usize) -> bool {
        node < self.transactions
    }

    fn path(&self, from: usize, to: usize, kinds: u8, component: &[usize]) -> Option<Cycle> {
        let mut came: Vec<Option<(usize, Edge)>> = vec![None; self.edges.len()];
        let mut queue = VecDeque::from([from]);
        while let Some(node) = queue.pop_front() {
            for edge in self.edges[node].iter().filter(|edge| edge.kind & kinds != 0) {
                if came[edge.to].is_some() || edge.to == from || component[edge.to] != component[from] {
                    continue;
                }
                came[edge.to] = Some((node, *edge));
                if edge.to == to {
                    let mut path: Cycle = std::iter::successors(came[to], |(node, _)| came[*node]).collect();
                    path.reverse();
                    return Some(path);
                }
                queue.push_back(edge.to);
            }
        }
        None
    }

    /// The strongly connected component of each node (Tarjan, with the recursion unrolled).
    fn components(&self, kinds: u8) -> Vec<usize> {
        const NONE: usize = usize::MAX;
        let n = self.edges.len();
        let (mut index, mut low, mut component) = (vec![NONE; n], vec![0; n], vec![NONE; n]);
        let (mut stack, mut next) = (Vec::new(), 0);
        for root in 0..n {
            if index[root] != NONE {
                continue;
            }
            let mut work = vec![(root, 0)];
            while let Some((node, place)) = work.pop() {
                if place == 0 {
                    (index[node], low[node]) = (next, next);
                    next += 1;
                    stack.push(node);
                }
                if let Some(edge) = self.edges[node].get(place) {
                    work.push((node, place + 1));
                    if edge.kind & kinds == 0 {
                        continue;
                    }
                    if index[edge.to] == NONE {
                        work.push((edge.to, 0));
                    } else if component[edge.to] == NONE {
                        low[node] = low[node].min(index[edge.to]);
                    }
                    continue;
                }
                if low[node] == index[node] {
                    while let Some(member) = stack.pop() {
                        component[member] = node;
                        if member == node {
                            break;
                        }
                    }
                }
                if let Some((parent, _)) = work.last() {
                    low[*parent] = low[*parent].min(low[node]);
                }
            }
        }
        component
    }
}
