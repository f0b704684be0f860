//! Random rows and queries. Values come from small pools, so that they meet.

use chrono::DateTime;
use rome_orm::expr::Nulls;
use serde_json::json;
use uuid::Uuid;

use super::condition::{Calc, Cond, Match, Op, Sum, Term};
use super::lower::{By, To, partner};
use super::random::Random;
use super::row::{Col, Kind, ORDERED, Row, Val};

/// Which rows are seen, by soft deletion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    Live,
    All,
    Deleted,
}

/// What a query asks.
#[derive(Clone, Debug)]
pub struct Ask {
    pub filters: Vec<Cond>,
    pub order: Vec<By>,
    pub limit: Option<u64>,
    pub offset: u64,
    pub seen: Seen,
}

/// Makes one case. In an exotic one there are NaN, numbers above `i64` and NUL characters.
pub struct Generate {
    pub random: Random,
    pub exotic: bool,
}

const TEXTS: &[&str] = &[
    "", "a", "A", "ab", "aB", "abc", "b", "ba", "é", "É", "éa", "%", "_", "a%", "a_b", "\\", "a\\b", "日本", "ß", "~",
    "ab%c",
];
const PATTERNS: &[&str] = &[
    "%", "", "a%", "%a", "%b%", "_", "a_", "__", "\\%", "%\\%%", "a\\_b", "É%", "é_", "%本", "A%b", "_%", "a\\\\b",
    "ab\\%_", "ab%", "%%a%%",
];
const TAGS: &[&str] = &["x", "y", "z", "", "é"];
const OPS: &[Op] = &[Op::Eq, Op::Ne, Op::Lt, Op::Le, Op::Gt, Op::Ge];

impl Generate {
    fn text(&mut self) -> String {
        let text = (*self.random.pick(TEXTS)).to_owned();
        if self.exotic && self.random.one_in(6) { format!("{text}\0{}", self.random.pick(TEXTS)) } else { text }
    }

    pub fn val(&mut self, col: Col) -> Val {
        if col.is_nullable() && self.random.one_in(4) {
            return Val::Null;
        }
        let exotic = self.exotic;
        let random = &mut self.random;
        match col {
            Col::Id => Val::Int(random.range(0, 30).into()),
            Col::Flag => Val::Bool(random.one_in(2)),
            Col::Small if random.one_in(12) => Val::Int((*random.pick(&[i32::MIN, i32::MAX])).into()),
            Col::Small => Val::Int(random.range(-4, 6).into()),
            Col::Big if exotic && random.one_in(5) => Val::Int((*random.pick(&[i64::MIN, i64::MAX])).into()),
            Col::Big if random.one_in(6) => {
                Val::Int((*random.pick(&[-1_000_000_000_000_i64, 1_099_511_627_776])).into())
            }
            Col::Big => Val::Int(random.range(-3, 300).into()),
            Col::Wide if exotic && random.one_in(3) => Val::Int((*random.pick(&[u64::MAX, 1 << 63])).into()),
            Col::Wide => Val::Int(random.range(0, 9).into()),
            Col::Ratio if exotic && random.one_in(3) => {
                Val::Float(*random.pick(&[f64::NAN, f64::INFINITY, f64::NEG_INFINITY]))
            }
            Col::Ratio => Val::Float(*random.pick(&[-2.5, -0.0, 0.0, 0.5, 1.0, 1.5, 3e10])),
            Col::Note | Col::Name => Val::Text(self.text()),
            Col::Blob => Val::Bytes(random.times(3, |random| *random.pick(&[0, 1, 127, 255]))),
            Col::Token => Val::Uuid(Uuid::from_u128(u128::from(random.below(31)) << 64)),
            Col::At => Val::At(DateTime::from_timestamp_micros(random.range(-5, 20) * 333_333).unwrap()),
            Col::Kind => Val::Kind(*random.pick(&[Kind::Zebra, Kind::Ant, Kind::Mule])),
            Col::Tags => Val::Texts(random.times(3, |random| (*random.pick(TAGS)).to_owned())),
            Col::Marks => Val::Ints(random.times(3, |random| random.range(0, 3) as i32)),
            Col::Extra => {
                Val::Json(random.pick(&[json!(null), json!({"a": 1, "b": [true]}), json!("x"), json!(1.5)]).clone())
            }
            Col::Code => Val::Int(random.range(0, 30).into()),
            Col::Gone => Val::At(DateTime::from_timestamp(random.range(1, 3), 0).unwrap()),
        }
    }

    /// A row whose unique columns follow from its id.
    pub fn row(&mut self, id: u64) -> Row {
        let mut row = Row {
            id,
            flag: self.random.one_in(2),
            small: 0,
            big: None,
            wide: 0,
            ratio: 0.0,
            note: None,
            name: String::new(),
            blob: Vec::new(),
            token: Uuid::from_u128(u128::from(id) << 64),
            at: DateTime::UNIX_EPOCH,
            kind: Kind::Ant,
            tags: Vec::new(),
            marks: Vec::new(),
            extra: json!(null),
            code: (!self.random.one_in(3)).then_some(id as i32),
            gone: None,
        };
        for col in [Col::Small, Col::Big, Col::Wide, Col::Ratio, Col::Note, Col::Name, Col::Kind, Col::Tags] {
            let value = self.val(col);
            assert!(row.set(col, value));
        }
        if let (Val::Bytes(blob), Val::At(at), Val::Ints(marks), Val::Json(extra)) =
            (self.val(Col::Blob), self.val(Col::At), self.val(Col::Marks), self.val(Col::Extra))
        {
            (row.blob, row.at, row.marks, row.extra) = (blob, at, marks, extra);
        }
        if self.random.one_in(4) {
            row.gone = DateTime::from_timestamp(self.random.range(1, 3), 0);
        }
        row
    }

    fn op(&mut self) -> Op {
        *self.random.pick(OPS)
    }

    fn calc(&mut self) -> Calc {
        let col = *self.random.pick(&[Col::Small, Col::Big, Col::Wide, Col::Ratio]);
        let sums: &[Sum] = if col == Col::Ratio {
            &[Sum::Add, Sum::Sub, Sum::Mul, Sum::Div]
        } else {
            &[Sum::Add, Sum::Sub, Sum::Mul, Sum::Div, Sum::Rem]
        };
        let sum = *self.random.pick(sums);
        let by = match (col, partner(col)) {
            (Col::Ratio, _) => Term::Val(Val::Float(*self.random.pick(&[0.0, 1.0, -1.5, 4.0]))),
            (_, Some(other)) if self.random.one_in(4) && sum != Sum::Mul => Term::Col(other),
            (Col::Wide, _) => Term::Val(Val::Int(self.random.range(0, 3).into())),
            _ => Term::Val(Val::Int(self.random.range(-2, 3).into())),
        };
        Calc { col, sum, by }
    }

    fn leaf(&mut self) -> Cond {
        let dynamic = self.random.one_in(3);
        match self.random.below(20) {
            0..=4 => {
                let col = *self.random.pick(ORDERED);
                let op = if self.random.one_in(2) { Op::Eq } else { self.op() };
                // By name, NULL may be compared with any column.
                let val = if dynamic && self.random.one_in(8) { Val::Null } else { self.val(col) };
                Cond::Cmp { op, col, val, dynamic }
            }
            5 => {
                let col = *self.random.pick(&[Col::Tags, Col::Extra]);
                let op = *self.random.pick(&[Op::Eq, Op::Ne]);
                Cond::Cmp { op, col, val: self.val(col), dynamic }
            }
            6 => {
                let left = *self.random.pick(&[Col::Wide, Col::Code, Col::Note, Col::Small, Col::Big, Col::Ratio]);
                Cond::Cols { op: self.op(), left, right: partner(left).unwrap() }
            }
            7 => {
                let left = self.calc();
                let right = match partner(left.col) {
                    Some(other) if self.random.one_in(2) => Term::Col(other),
                    _ => Term::Val(loop {
                        let val = self.val(left.col);
                        if !val.is_null() {
                            break val;
                        }
                    }),
                };
                Cond::Calc { op: self.op(), left, right }
            }
            8..=9 => {
                let col = *self.random.pick(ORDERED);
                Cond::Between { col, low: self.val(col), high: self.val(col) }
            }
            10..=11 => {
                let col = *self.random.pick(ORDERED);
                let n = self.random.below(5);
                let mut vals: Vec<Val> = (0..n).map(|_| self.val(col)).collect();
                if dynamic && self.random.one_in(4) {
                    vals.push(Val::Null);
                }
                Cond::In { col, vals, not: self.random.one_in(3), dynamic }
            }
            12 => {
                let n = self.random.below(3);
                Cond::InCols {
                    col: Col::Small,
                    vals: (0..n).map(|_| self.val(Col::Small)).collect(),
                    other: Col::Small,
                }
            }
            13..=14 => {
                let how = *self.random.pick(&[Match::Like, Match::ILike, Match::StartsWith, Match::Contains]);
                let cols: &[Col] = if dynamic { &[Col::Note, Col::Name, Col::Kind] } else { &[Col::Note, Col::Name] };
                let col = *self.random.pick(cols);
                let text = match how {
                    Match::Like | Match::ILike => (*self.random.pick(PATTERNS)).to_owned(),
                    Match::StartsWith | Match::Contains => self.text(),
                };
                Cond::Text { how, col, text, dynamic }
            }
            18..=19 => self.marker(),
            15 => Cond::HasTag { tag: (*self.random.pick(TAGS)).to_owned(), dynamic },
            16 => Cond::HasMark(self.random.range(0, 3) as i32),
            _ => {
                let col = *self.random.pick(&[Col::Big, Col::Note, Col::Code, Col::Gone]);
                Cond::IsNull { col, not: self.random.one_in(2), dynamic }
            }
        }
    }

    pub fn cond(&mut self, depth: u32) -> Cond {
        if depth == 0 || self.random.one_in(3) {
            return self.leaf();
        }
        let n = if self.random.one_in(12) { 0 } else { 1 + self.random.below(3) };
        let mut parts = || (0..n).map(|_| self.cond(depth - 1)).collect();
        match parts() {
            all if self.random.one_in(2) => Cond::And(all),
            all if self.random.one_in(2) => Cond::Or(all),
            mut all => match all.pop() {
                Some(of) => Cond::Not(Box::new(of)),
                None => Cond::Or(all),
            },
        }
    }

    pub fn ask(&mut self, soft: bool) -> Ask {
        let filters = match self.random.below(9) {
            0 => Vec::new(),
            1..=3 => vec![self.cond(0), self.cond(0)],
            4 => vec![self.cond(0)],
            5 => vec![self.marker(), self.cond(1)],
            _ => vec![self.cond(3)],
        };
        let order = self.random.times(3, |random| By {
            col: *random.pick(ORDERED),
            descending: random.one_in(2),
            nulls: if random.one_in(4) { Some(*random.pick(&[Nulls::First, Nulls::Last])) } else { None },
            dynamic: random.one_in(4),
        });
        let limit = if self.random.one_in(3) { Some(self.random.below(12)) } else { None };
        let offset = if self.random.one_in(4) { self.random.below(6) } else { 0 };
        let seen =
            if soft { *self.random.pick(&[Seen::Live, Seen::Live, Seen::All, Seen::Deleted]) } else { Seen::Live };
        Ask { filters, order, limit, offset, seen }
    }

    /// Assignments to columns that are no key.
    pub fn sets(&mut self, key: &[Col]) -> Vec<(Col, To)> {
        let mut sets: Vec<(Col, To)> = Vec::new();
        for _ in 0..=self.random.below(3) {
            let to = match self.random.below(4) {
                0 => {
                    let calc = self.calc();
                    // A division by zero gives NULL, which only `big` can hold.
                    if matches!(calc.sum, Sum::Div | Sum::Rem) && calc.col != Col::Big {
                        continue;
                    }
                    (calc.col, To::Calc(calc))
                }
                1 => (Col::Note, To::Col(Col::Name)),
                _ => {
                    let cols = [
                        Col::Flag,
                        Col::Small,
                        Col::Big,
                        Col::Wide,
                        Col::Ratio,
                        Col::Note,
                        Col::Name,
                        Col::Kind,
                        Col::Tags,
                    ];
                    let col = *self.random.pick(&cols);
                    (col, To::Val(self.val(col)))
                }
            };
            if !key.contains(&to.0) && !sets.iter().any(|(col, _)| *col == to.0) {
                sets.push(to);
            }
        }
        sets
    }
}
