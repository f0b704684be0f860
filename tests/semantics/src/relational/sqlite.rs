//! The same rows and queries in SQLite.

use rusqlite::types::Value as Sql;
use rusqlite::{Connection, params_from_iter};

use super::model::{Agg, By, Cond, Data, Func, Op, Quantifier, Rel, TABLES, Table, Val};
use super::naive::full_order;
use super::shapes::{JoinAsk, Kind, Shape};

pub struct Sqlite {
    connection: Connection,
}

fn sql(val: &Val) -> Sql {
    match val {
        Val::Null => Sql::Null,
        Val::Int(n) => Sql::Integer(i64::try_from(*n).unwrap()),
        Val::Float(n) => Sql::Real(*n),
        Val::Text(text) => Sql::Text(text.clone()),
    }
}

/// A statement under construction.
#[derive(Default)]
pub struct Text {
    pub sql: String,
    values: Vec<Sql>,
    /// How many subqueries have been named.
    names: u32,
}

impl Text {
    pub fn push(&mut self, sql: &str) {
        self.sql.push_str(sql);
    }

    fn name(&mut self) -> String {
        self.names += 1;
        format!("s{}", self.names)
    }

    fn val(&mut self, val: &Val) {
        self.push("?");
        self.values.push(sql(val));
    }

    fn list(&mut self, all: &[Cond], table: Table, alias: &str, word: &str, empty: &str) {
        self.push(if all.is_empty() { empty } else { "" });
        for (at, cond) in all.iter().enumerate() {
            self.push(if at > 0 { word } else { "" });
            self.cond(table, alias, cond);
        }
    }

    fn related(&mut self, alias: &str, rel: Rel, cond: Option<(&Cond, bool)>) {
        let (near, far, linked) = rel.on();
        let other = self.name();
        self.push(&format!("exists (select 1 from {} {other}", rel.to().name()));
        if linked {
            let link = self.name();
            self.push(&format!(" join dog_tag {link} on {link}.{far} = {other}.id where {link}.{near} = {alias}.id"));
        } else {
            self.push(&format!(" where {other}.{far} = {alias}.{near}"));
        }
        if let Some((cond, holds)) = cond {
            self.push(if holds { " and " } else { " and not coalesce(" });
            self.cond(rel.to(), &other, cond);
            self.push(if holds { "" } else { ", 0)" });
        }
        self.push(")");
    }

    fn in_query(&mut self, column: &str, not: bool, (table, given): (Table, &str), cond: &Cond) {
        let other = self.name();
        let not = if not { "not " } else { "" };
        self.push(&format!("{column} {not}in (select {other}.{given} from {} {other} where ", table.name()));
        self.cond(table, &other, cond);
        self.push(")");
    }

    pub fn cond(&mut self, table: Table, alias: &str, cond: &Cond) {
        let name = |col: usize| format!("{alias}.{}", table.columns()[col].name);
        self.push("(");
        match cond {
            Cond::Cmp { col, op, val } => {
                let op = match op {
                    Op::Eq => "=",
                    Op::Ne => "<>",
                    Op::Lt => "<",
                    Op::Le => "<=",
                    Op::Gt => ">",
                    Op::Ge => ">=",
                };
                self.push(&format!("{} {op} ", name(*col)));
                self.val(val);
            }
            Cond::In { col, vals, not } => {
                self.push(&format!("{} {}in (", name(*col), if *not { "not " } else { "" }));
                for (at, val) in vals.iter().enumerate() {
                    self.push(if at > 0 { ", " } else { "" });
                    self.val(val);
                }
                self.push(")");
            }
            Cond::Null { col, not } => self.push(&format!("{} is {}null", name(*col), if *not { "not " } else { "" })),
            Cond::And(all) => self.list(all, table, alias, " and ", "1"),
            Cond::Or(all) => self.list(all, table, alias, " or ", "0"),
            Cond::Not(of) => {
                self.push("not ");
                self.cond(table, alias, of);
            }
            Cond::Related { rel, how, cond } => {
                self.push(if matches!(how, Quantifier::None | Quantifier::All) { "not " } else { "" });
                match how {
                    Quantifier::Exists => self.related(alias, *rel, None),
                    Quantifier::Any | Quantifier::None => self.related(alias, *rel, Some((cond, true))),
                    Quantifier::All => self.related(alias, *rel, Some((cond, false))),
                }
            }
            Cond::InOwners { not, cond } => {
                self.in_query(&format!("{alias}.owner_id"), *not, (Table::Owner, "id"), cond);
            }
            Cond::CodeInDogs { not, cond } => {
                self.in_query(&format!("{alias}.code"), *not, (Table::Dog, "code"), cond);
            }
        }
        self.push(")");
    }

    pub fn by(&mut self, column: &str, by: &By) {
        let direction = if by.descending { "desc" } else { "asc" };
        let nulls = if by.nulls_first { "first" } else { "last" };
        self.push(&format!("{column} {direction} nulls {nulls}"));
    }

    /// `from ... where ...` of a join, whose tables are called `t0`, `t1`, ...
    pub fn join(&mut self, shape: &Shape, ask: &JoinAsk) {
        self.push(&format!(" from {} t0", shape.tables[0].name()));
        for (slot, join) in (1..).zip(&shape.joins) {
            let (from, to) = (join.from, join.to.name());
            self.push(if join.left { " left join " } else { " join " });
            match &join.kind {
                Kind::Cross => self.push(&format!("{to} t{slot} on 1")),
                Kind::Columns(on) => {
                    self.push(&format!("{to} t{slot} on 1"));
                    for (a, b) in on {
                        self.push(&format!(" and t{from}.{a} = t{slot}.{b}"));
                    }
                }
                Kind::Relation(rel) => {
                    let (near, far, linked) = rel.on();
                    if linked {
                        // A link without its other end is no partner.
                        self.push(&format!(
                            "(select d.*, l.{near} as near from dog_tag l join {to} d on d.id = l.{far}) t{slot} on \
                             t{slot}.near = t{from}.id"
                        ));
                    } else {
                        self.push(&format!("{to} t{slot} on t{from}.{near} = t{slot}.{far}"));
                    }
                }
            }
            if join.extra {
                for cond in &ask.on {
                    self.push(" and ");
                    self.cond(join.to, &format!("t{slot}"), cond);
                }
            }
        }
        self.push(" where 1");
        for (slot, cond) in &ask.filters {
            self.push(" and ");
            self.cond(shape.tables[*slot], &format!("t{slot}"), cond);
        }
        if let Some((a, b)) = &ask.either {
            self.push(" and (");
            self.cond(shape.tables[0], "t0", a);
            self.push(" or ");
            self.cond(shape.tables[1], "t1", b);
            self.push(")");
        }
    }

    pub fn order(&mut self, shape: &Shape, order: &[By]) {
        for (at, by) in full_order(shape, order).iter().enumerate() {
            self.push(if at == 0 { " order by " } else { ", " });
            self.by(&format!("t{}.{}", by.slot, shape.tables[by.slot].columns()[by.col].name), by);
        }
    }

    pub fn cut(&mut self, offset: u64, limit: Option<u64>) {
        let limit = limit.map_or(-1, |limit| limit as i64);
        self.push(&format!(" limit {limit} offset {offset}"));
    }

    pub fn aggregate(&mut self, (func, slot, name): Agg) {
        let of = format!("t{slot}.{name}");
        self.push(&match func {
            Func::Count => "count(*)".to_owned(),
            Func::CountOf => format!("count({of})"),
            Func::CountDistinct => format!("count(distinct {of})"),
            Func::Sum => format!("sum({of})"),
            Func::Min => format!("min({of})"),
            Func::Max => format!("max({of})"),
            Func::Avg => format!("avg({of})"),
        });
    }
}

impl Sqlite {
    pub fn with(data: &Data) -> Self {
        let connection = Connection::open_in_memory().unwrap();
        for table in TABLES {
            let names: Vec<&str> = table.columns().iter().map(|column| column.name).collect();
            connection.execute(&format!("create table {} ({})", table.name(), names.join(", ")), []).unwrap();
            let insert = format!("insert into {} values ({})", table.name(), vec!["?"; names.len()].join(", "));
            for rec in data.of(table) {
                connection.execute(&insert, params_from_iter(rec.iter().map(sql))).unwrap();
            }
        }
        Self { connection }
    }

    pub fn rows(&self, text: Text) -> Vec<Vec<Val>> {
        let mut statement = self.connection.prepare(&text.sql).unwrap_or_else(|error| panic!("{error}: {}", text.sql));
        let columns = statement.column_count();
        let val = |value: Sql| match value {
            Sql::Null => Val::Null,
            Sql::Integer(n) => Val::Int(n.into()),
            Sql::Real(n) => Val::Float(n),
            Sql::Text(text) => Val::Text(text),
            Sql::Blob(_) => panic!("the test has no blobs"),
        };
        let rows = statement
            .query_map(params_from_iter(text.values), |row| (0..columns).map(|at| row.get(at).map(val)).collect())
            .unwrap();
        rows.map(Result::unwrap).collect()
    }
}
