//! The same rows and queries in SQLite.
//!
//! What differs is handled here: `like` is made case-sensitive and gets its escape character, `ilike` uses a function
//! with ROME's lower case, bools are 0 and 1, moments are microseconds, lists are JSON arrays. Cases with NaN or with
//! numbers above `i64` are not compared, because SQLite stores the former as NULL and the latter not at all.

use rome_orm::expr::Nulls;
use rusqlite::functions::FunctionFlags;
use rusqlite::types::Value as Sql;
use rusqlite::{Connection, params_from_iter};

use super::condition::{Calc, Cond, Match, Op, Sum, Term, lower};
use super::generate::{Ask, Seen};
use super::lower::To;
use super::naive::ties_descend;
use super::row::{Col, Row, Val, kind_label};

pub struct Sqlite {
    connection: Connection,
    key: &'static [Col],
}

const COLUMNS: [Col; 17] = [
    Col::Id,
    Col::Flag,
    Col::Small,
    Col::Big,
    Col::Wide,
    Col::Ratio,
    Col::Note,
    Col::Name,
    Col::Blob,
    Col::Token,
    Col::At,
    Col::Kind,
    Col::Tags,
    Col::Marks,
    Col::Extra,
    Col::Code,
    Col::Gone,
];

fn sql(val: &Val) -> Sql {
    match val {
        Val::Null => Sql::Null,
        Val::Bool(v) => Sql::Integer((*v).into()),
        Val::Int(v) => Sql::Integer(i64::try_from(*v).unwrap()),
        Val::Float(v) => Sql::Real(*v),
        Val::Text(v) => Sql::Text(v.clone()),
        Val::Bytes(v) => Sql::Blob(v.clone()),
        Val::Uuid(v) => Sql::Blob(v.as_bytes().to_vec()),
        Val::At(v) => Sql::Integer(v.timestamp_micros()),
        Val::Kind(v) => Sql::Text(kind_label(*v).to_owned()),
        Val::Texts(v) => Sql::Text(serde_json::to_string(v).unwrap()),
        Val::Ints(v) => Sql::Text(serde_json::to_string(v).unwrap()),
        Val::Json(v) => Sql::Text(v.to_string()),
    }
}

/// A statement under construction.
#[derive(Default)]
struct Text {
    sql: String,
    values: Vec<Sql>,
}

impl Text {
    fn push(&mut self, sql: &str) {
        self.sql.push_str(sql);
    }

    fn value(&mut self, val: &Val) {
        self.push("?");
        self.values.push(sql(val));
    }

    fn term(&mut self, term: &Term) {
        match term {
            Term::Val(val) => self.value(val),
            Term::Col(col) => self.push(col.name()),
        }
    }

    fn op(&mut self, op: Op) {
        self.push(match op {
            Op::Eq => " = ",
            Op::Ne => " <> ",
            Op::Lt => " < ",
            Op::Le => " <= ",
            Op::Gt => " > ",
            Op::Ge => " >= ",
        });
    }

    fn calc(&mut self, calc: &Calc) {
        self.push(&format!("({} ", calc.col.name()));
        self.push(match calc.sum {
            Sum::Add => "+ ",
            Sum::Sub => "- ",
            Sum::Mul => "* ",
            Sum::Div => "/ ",
            Sum::Rem => "% ",
        });
        self.term(&calc.by);
        self.push(")");
    }

    fn list(&mut self, vals: &[Val]) {
        for (at, val) in vals.iter().enumerate() {
            self.push(if at > 0 { ", " } else { "" });
            self.value(val);
        }
    }

    fn all(&mut self, all: &[Cond], word: &str, empty: &str) {
        if all.is_empty() {
            return self.push(empty);
        }
        for (at, cond) in all.iter().enumerate() {
            self.push(if at > 0 { word } else { "" });
            self.cond(cond);
        }
    }

    fn cond(&mut self, cond: &Cond) {
        self.push("(");
        match cond {
            Cond::Cmp { op, col, val, .. } => {
                self.push(col.name());
                self.op(*op);
                self.value(val);
            }
            Cond::Cols { op, left, right } => {
                self.push(left.name());
                self.op(*op);
                self.push(right.name());
            }
            Cond::Calc { op, left, right } => {
                self.calc(left);
                self.op(*op);
                self.term(right);
            }
            Cond::Between { col, low, high } => {
                self.push(&format!("{} between ", col.name()));
                self.value(low);
                self.push(" and ");
                self.value(high);
            }
            Cond::In { col, vals, not, .. } => {
                self.push(&format!("{} {}in (", col.name(), if *not { "not " } else { "" }));
                self.list(vals);
                self.push(")");
            }
            Cond::InCols { col, vals, other } => {
                self.push(&format!("{} in (", col.name()));
                self.list(vals);
                self.push(&format!("{}{})", if vals.is_empty() { "" } else { ", " }, other.name()));
            }
            Cond::Text { how, col, text, .. } => {
                let (col, text) = (col.name(), Val::Text(text.clone()));
                match how {
                    Match::Like => {
                        self.push(&format!("{col} like "));
                        self.value(&text);
                        self.push(" escape '\\'");
                    }
                    Match::ILike => {
                        self.push(&format!("lower_case({col}) like lower_case("));
                        self.value(&text);
                        self.push(") escape '\\'");
                    }
                    Match::StartsWith => {
                        self.push(&format!("substr({col}, 1, length("));
                        self.value(&text);
                        self.push(")) = ");
                        self.value(&text);
                    }
                    Match::Contains => {
                        self.push(&format!("instr({col}, "));
                        self.value(&text);
                        self.push(") > 0");
                    }
                }
            }
            Cond::HasTag { tag, .. } => {
                self.push("exists (select 1 from json_each(tags) where value = ");
                self.value(&Val::Text(tag.clone()));
                self.push(")");
            }
            Cond::HasMark(mark) => {
                self.push("exists (select 1 from json_each(marks) where value = ");
                self.value(&Val::Int((*mark).into()));
                self.push(")");
            }
            Cond::IsNull { col, not, .. } => {
                self.push(&format!("{} is {}null", col.name(), if *not { "not " } else { "" }));
            }
            Cond::After(marker) => {
                // SQLite's own comparison of tuples has no directions, and NULL is unknown in it.
                for (at, (by, val)) in marker.parts.iter().enumerate() {
                    for (earlier, val) in &marker.parts[..at] {
                        self.push(&format!("{} is ", earlier.col.name()));
                        self.value(val);
                        self.push(" and ");
                    }
                    let (col, sign) = (by.col.name(), if by.descending { "<" } else { ">" });
                    let nulls_first = by.nulls.map_or(!by.descending, |nulls| nulls == Nulls::First);
                    match (val.is_null(), nulls_first) {
                        (true, true) => self.push(&format!("{col} is not null or ")),
                        (true, false) => self.push("0 or "),
                        (false, _) => {
                            self.push(&format!("coalesce({col} {sign} "));
                            self.value(val);
                            self.push(if nulls_first { ", 0) or " } else { ", 1) or " });
                        }
                    }
                }
                for (by, val) in &marker.parts {
                    self.push(&format!("{} is ", by.col.name()));
                    self.value(val);
                    self.push(" and ");
                }
                self.push(if marker.inclusive { "1" } else { "0" });
            }
            Cond::And(all) => self.all(all, " and ", "1"),
            Cond::Or(all) => self.all(all, " or ", "0"),
            Cond::Not(of) => {
                self.push("not ");
                self.cond(of);
            }
        }
        self.push(")");
    }

    fn filters(&mut self, ask: &Ask, soft: bool) {
        self.push(" where 1");
        for cond in &ask.filters {
            self.push(" and ");
            self.cond(cond);
        }
        match ask.seen {
            Seen::Live if soft => self.push(" and gone is null"),
            Seen::Deleted if soft => self.push(" and gone is not null"),
            _ => {}
        }
    }
}

impl Sqlite {
    pub fn with(rows: &[Row], key: &'static [Col]) -> Self {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch("pragma case_sensitive_like = on").unwrap();
        connection
            .create_scalar_function("lower_case", 1, FunctionFlags::SQLITE_DETERMINISTIC, |context| {
                Ok(context.get::<Option<String>>(0)?.map(|text| lower(&text)))
            })
            .unwrap();
        let names: Vec<&str> = COLUMNS.iter().map(|col| col.name()).collect();
        connection.execute_batch(&format!("create table t ({})", names.join(", "))).unwrap();
        let marks = vec!["?"; COLUMNS.len()].join(", ");
        let mut insert = connection.prepare(&format!("insert into t values ({marks})")).unwrap();
        for row in rows {
            insert.execute(params_from_iter(COLUMNS.iter().map(|col| sql(&row.get(*col))))).unwrap();
        }
        drop(insert);
        Self { connection, key }
    }

    /// The ids of the query's rows, in order.
    pub fn ids(&self, ask: &Ask, soft: bool) -> Vec<u64> {
        let mut text = Text::default();
        text.push("select id from t");
        text.filters(ask, soft);
        text.push(" order by ");
        for by in &ask.order {
            let nulls = match by.nulls {
                None => "",
                Some(Nulls::First) => " nulls first",
                Some(Nulls::Last) => " nulls last",
            };
            text.push(&format!("{} {}{nulls}, ", by.col.name(), if by.descending { "desc" } else { "asc" }));
        }
        let last = if ties_descend(&ask.order) { "desc" } else { "asc" };
        let key: Vec<String> = self.key.iter().map(|col| format!("{} {last}", col.name())).collect();
        text.push(&key.join(", "));
        let limit = ask.limit.map_or(-1, |limit| i64::try_from(limit).unwrap());
        text.push(&format!(" limit {limit} offset {}", ask.offset));
        let mut query = self.connection.prepare(&text.sql).unwrap();
        let ids = query.query_map(params_from_iter(text.values), |row| row.get::<_, i64>(0)).unwrap();
        ids.map(|id| id.unwrap() as u64).collect()
    }

    /// Updates the rows of the query, and says how many there were.
    pub fn update(&self, ask: &Ask, soft: bool, sets: &[(Col, To)]) -> usize {
        let mut text = Text::default();
        text.push("update t set ");
        for (at, (col, to)) in sets.iter().enumerate() {
            text.push(&format!("{}{} = ", if at > 0 { ", " } else { "" }, col.name()));
            match to {
                To::Val(val) => text.value(val),
                To::Calc(calc) => text.calc(calc),
                To::Col(col) => text.push(col.name()),
            }
        }
        text.filters(ask, soft);
        self.connection.execute(&text.sql, params_from_iter(text.values)).unwrap()
    }

    /// Whether a row is stored exactly so.
    pub fn has(&self, row: &Row) -> bool {
        let all: Vec<String> = COLUMNS.iter().map(|col| format!("{} is ?", col.name())).collect();
        let text = format!("select count(*) from t where {}", all.join(" and "));
        let values = params_from_iter(COLUMNS.iter().map(|col| sql(&row.get(*col))));
        self.connection.query_row(&text, values, |row| row.get::<_, i64>(0)).unwrap() == 1
    }
}
