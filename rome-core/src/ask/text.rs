//! Queries as text, for warnings about them.

use std::fmt::Write as _;

use super::{JoinKind, JoinSpec, Spec, Window};
use crate::cut::{BRIEF, cut};
use crate::expr::node::Node;
use crate::expr::show::Names;
use crate::schema::Table;

impl Spec {
    /// `dogs where age >= ? order by name asc limit 10`; with values only if they may be shown.
    pub fn text(&self, values: bool) -> String {
        let mut text = self.table.name.to_owned();
        add_conditions(&mut text, self.filter.clone(), Names::Table(self.table), values);
        let order = self.order.iter().map(|part| (self.table.column(part.column).name.to_string(), part.descending));
        add_order(&mut text, order);
        add_window(&mut text, self.window);
        text
    }
}

impl JoinSpec {
    /// `owners join dogs where owners.city = ? limit 10`; with values only if they may be shown.
    pub fn text(&self, values: bool) -> String {
        let tables: Vec<(&str, &Table)> = self.parts.iter().map(|part| (part.name, part.spec.table)).collect();
        let names = Names::Join(&tables);
        let mut text = String::new();
        for (at, part) in self.parts.iter().enumerate() {
            text.push_str(match part.kind {
                _ if at == 0 => "",
                JoinKind::Inner => " join ",
                JoinKind::Left => " left join ",
                JoinKind::Cross => " cross join ",
            });
            text.push_str(part.name);
        }
        let own = (0_u8..)
            .zip(&self.parts)
            .flat_map(|(place, part)| part.spec.filter.iter().map(move |condition| condition.clone().placed(&[place])));
        add_conditions(&mut text, own.chain(self.filter.iter().cloned()).collect(), names, values);
        let order = self.order.iter().map(|order| {
            let mut name = String::new();
            let _ = names.write(&mut name, order.place, order.part.column);
            (name, order.part.descending)
        });
        add_order(&mut text, order);
        add_window(&mut text, self.window);
        text
    }
}

fn add_conditions(text: &mut String, conditions: Vec<Node>, names: Names<'_>, values: bool) {
    if !conditions.is_empty() {
        let conditions = Node::all(conditions);
        let _ = write!(text, " where {}", cut(&conditions.display_with(names).values(values), BRIEF));
    }
}

fn add_order(text: &mut String, order: impl Iterator<Item = (String, bool)>) {
    for (at, (column, descending)) in order.enumerate() {
        let begin = if at == 0 { " order by " } else { ", " };
        let _ = write!(text, "{begin}{column} {}", if descending { "desc" } else { "asc" });
    }
}

fn add_window(text: &mut String, Window { limit, offset }: Window) {
    if let Some(limit) = limit {
        let _ = write!(text, " limit {limit}");
    }
    if offset > 0 {
        let _ = write!(text, " offset {offset}");
    }
}
