//! What the reads say about each list: the order of its values, and what no order explains.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::check::{Anomaly, Kind};
use super::{Op, Outcome, Transaction};

/// A list as the reads show it.
#[derive(Debug, Default)]
pub(super) struct List {
    /// The longest read: the order of its values.
    pub(super) order: Vec<u64>,
    /// Transactions that committed an append which no read shows. It comes after all of `order`.
    pub(super) unseen: Vec<usize>,
}

/// The part of a list that a transaction read and did not append itself.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) reader: usize,
    pub(super) key: u64,
    /// How many values of the list's order.
    pub(super) length: usize,
}

#[derive(Debug, Default)]
pub(super) struct Lists {
    /// Which transactions took place: those that committed, and the unknown ones that were seen.
    pub(super) live: Vec<bool>,
    pub(super) writer: HashMap<(u64, u64), usize>,
    pub(super) lists: BTreeMap<u64, List>,
    pub(super) seen: Vec<Seen>,
    pub(super) anomalies: Vec<Anomaly>,
}

/// The appends of a transaction to one list, in order.
fn appends(transaction: &Transaction, list: u64) -> impl DoubleEndedIterator<Item = u64> {
    transaction.ops.iter().filter_map(move |op| match op {
        Op::Append { key, value } if *key == list => Some(*value),
        _ => None,
    })
}

impl Lists {
    pub(super) fn of(history: &[Transaction]) -> Self {
        let mut lists = Self { writer: writers(history), ..Self::default() };
        lists.live = lists.who_took_place(history);
        lists.find_orders(history);
        for (reader, transaction) in history.iter().enumerate().filter(|(at, _)| lists.live[*at]).collect::<Vec<_>>() {
            lists.follow(history, reader, transaction);
        }
        lists.find_lost_updates(history);
        lists
    }

    fn who_took_place(&self, history: &[Transaction]) -> Vec<bool> {
        let mut live: Vec<bool> = history.iter().map(|one| one.outcome == Outcome::Committed).collect();
        // An unknown one that was seen took place, and then what it saw took place too.
        let mut next: Vec<usize> = (0..history.len()).filter(|at| live[*at]).collect();
        while let Some(at) = next.pop() {
            for (key, list) in reads(&history[at]) {
                for value in list {
                    let Some(writer) = self.writer.get(&(key, *value)) else { continue };
                    if !live[*writer] && history[*writer].outcome == Outcome::Unknown {
                        live[*writer] = true;
                        next.push(*writer);
                    }
                }
            }
        }
        live
    }

    fn find_orders(&mut self, history: &[Transaction]) {
        for (_, transaction) in history.iter().enumerate().filter(|(at, _)| self.live[*at]) {
            for (key, list) in reads(transaction) {
                let known = self.lists.entry(key).or_default();
                if list.len() > known.order.len() {
                    known.order = list.to_vec();
                }
            }
        }
        let shown: HashSet<(u64, u64)> =
            self.lists.iter().flat_map(|(key, list)| list.order.iter().map(|value| (*key, *value))).collect();
        for ((key, value), writer) in &self.writer {
            if self.live[*writer] && !shown.contains(&(*key, *value)) {
                self.lists.entry(*key).or_default().unseen.push(*writer);
            }
        }
        for list in self.lists.values_mut() {
            list.unseen.sort_unstable();
            list.unseen.dedup();
        }
    }

    /// Goes through a transaction, with what it must see of its own.
    fn follow(&mut self, history: &[Transaction], reader: usize, transaction: &Transaction) {
        let mut own: HashMap<u64, Vec<u64>> = HashMap::new();
        let mut known: HashMap<u64, Vec<u64>> = HashMap::new();
        for op in &transaction.ops {
            match op {
                Op::Append { key, value } => {
                    own.entry(*key).or_default().push(*value);
                    if let Some(known) = known.get_mut(key) {
                        known.push(*value);
                    }
                }
                Op::Read { key, list } => {
                    let own = own.get(key).map_or(&[][..], Vec::as_slice);
                    let foreign = list.strip_suffix(own);
                    let is_foreign = |value: &u64| self.writer.get(&(*key, *value)) != Some(&reader);
                    match foreign.filter(|foreign| foreign.iter().all(is_foreign)) {
                        Some(foreign) if known.get(key).is_none_or(|known| known == list) => {
                            self.external(history, reader, *key, foreign);
                        }
                        _ => self.report(Kind::Internal, vec![reader], format!(
                            "{reader} read list {key} as {list:?}, after its own appends {own:?} and a read of {:?}",
                            known.get(key)
                        )),
                    }
                    known.insert(*key, list.clone());
                }
            }
        }
    }

    /// What was read of others.
    fn external(&mut self, history: &[Transaction], reader: usize, key: u64, list: &[u64]) {
        let mut met = HashSet::new();
        for value in list {
            let what = format!("{value} in list {key}, read by {reader} as {list:?}");
            if !met.insert(value) {
                self.report(Kind::DuplicateElement, vec![reader], format!("twice {what}"));
            }
            match self.writer.get(&(key, *value)).copied() {
                None => self.report(Kind::UnknownElement, vec![reader], format!("nobody appended {what}")),
                Some(writer) if history[writer].outcome == Outcome::Aborted => {
                    self.report(Kind::G1a, vec![writer, reader], format!("{writer} was aborted and appended {what}"));
                }
                Some(_) => {}
            }
        }
        if let Some(last) = list.last()
            && let Some(&writer) = self.writer.get(&(key, *last))
            && appends(&history[writer], key).next_back() != Some(*last)
        {
            let what = format!("{reader} read list {key} as {list:?}, in the middle of what {writer} appended");
            self.report(Kind::G1b, vec![writer, reader], what);
        }
        let order = self.lists.get(&key).map_or(&[][..], |known| known.order.as_slice());
        if order.starts_with(list) {
            self.seen.push(Seen { reader, key, length: list.len() });
        } else {
            let what = format!("list {key} was read as {order:?}, and by {reader} as {list:?}");
            self.report(Kind::IncompatibleOrder, vec![reader], what);
        }
    }

    /// Two that read the same state of a list and both appended to it.
    fn find_lost_updates(&mut self, history: &[Transaction]) {
        let mut updates: BTreeMap<(u64, usize), Vec<usize>> = BTreeMap::new();
        for seen in &self.seen {
            if appends(&history[seen.reader], seen.key).next().is_some() {
                let same = updates.entry((seen.key, seen.length)).or_default();
                if same.last() != Some(&seen.reader) {
                    same.push(seen.reader);
                }
            }
        }
        for ((key, length), who) in updates.into_iter().filter(|(_, who)| who.len() > 1) {
            let what = format!("{who:?} all read list {key} with {length} values and appended to it");
            self.report(Kind::LostUpdate, who, what);
        }
    }

    fn report(&mut self, kind: Kind, transactions: Vec<usize>, explanation: String) {
        self.anomalies.push(Anomaly { kind, real_time: false, transactions, explanation });
    }
}

fn writers(history: &[Transaction]) -> HashMap<(u64, u64), usize> {
    let mut writers = HashMap::new();
    for (at, transaction) in history.iter().enumerate() {
        for op in &transaction.ops {
            if let Op::Append { key, value } = op {
                let other = writers.insert((*key, *value), at);
                assert!(other.is_none(), "{value} was appended to list {key} twice, by {other:?} and {at}");
            }
        }
    }
    writers
}

fn reads(transaction: &Transaction) -> impl Iterator<Item = (u64, &[u64])> {
    transaction.ops.iter().filter_map(|op| match op {
        Op::Read { key, list } => Some((*key, list.as_slice())),
        Op::Append { .. } => None,
    })
}
