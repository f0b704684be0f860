//! Queries of all operators, compared with what the rows say.
//!
//! A transaction asks a question that is drawn, and reads all rows that it is about: both are of one state, with what the transaction
//! has written itself, or it does not commit. So what the operators give has to be what a naive evaluation of the rows gives.

use rome_core::expr::{Condition, max, min};
use rome_core::model::Entity;
use rome_core::query::{Hints, Query};
use rome_core::session::Session;
use rome_core::{Database, Result};

use super::clients::{Application, options, settle};
use super::random::Random;
use super::tables::{Post, Reply};
use crate::{Verdict, Violation};

/// Few enough of each that clients meet.
const POSTS: u64 = 12;
const REPLIES: u64 = 16;
const BOARDS: u64 = 4;
const RANKS: u64 = 6;
const SHADES: u64 = 3;
const WEIGHTS: u64 = 4;

/// Rows of numbers, in the order of the query.
type Answer = Vec<Vec<u64>>;

/// What is asked, by the operator that it is meant for. The hints let small tables be asked in several batches, by each way.
#[derive(Debug, Clone, Copy)]
pub(super) struct Question {
    kind: Kind,
    boards: [u64; 2],
    shade: u64,
    weight: u64,
    marker: (u64, u64),
    limit: u64,
    hints: Hints,
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    /// Some boards, highest rank first, after a marker of two columns.
    Merge,
    /// A board or a shade, lowest rank first.
    Or,
    /// Two indexes, by key.
    Intersect,
    /// Posts with a reply of such a weight.
    Semi,
    /// Posts without one.
    Anti,
    /// Posts with their replies.
    Join,
    /// Posts with their replies, or none.
    LeftJoin,
    /// Which boards there are.
    Distinct,
    /// The ends of each board.
    Seek,
    /// By a column in no index.
    Top,
}

const KINDS: [Kind; 10] = [
    Kind::Merge,
    Kind::Or,
    Kind::Intersect,
    Kind::Semi,
    Kind::Anti,
    Kind::Join,
    Kind::LeftJoin,
    Kind::Distinct,
    Kind::Seek,
    Kind::Top,
];

/// Where it is asked.
#[derive(Clone, Copy)]
enum Asked<'a> {
    Database(&'a Database),
    Session(&'a Session),
}

impl<'a> Asked<'a> {
    fn query<E: Entity>(self) -> Query<'a, E> {
        match self {
            Self::Database(db) => db.query(),
            Self::Session(session) => session.query(),
        }
    }
}

/// All rows.
struct Rows {
    posts: Vec<Post>,
    replies: Vec<Reply>,
}

impl Rows {
    async fn read(asked: Asked<'_>) -> Result<Self> {
        let posts = asked.query::<Post>().ignore_indexes().all().await?;
        let replies = asked.query::<Reply>().ignore_indexes().all().await?;
        Ok(Self { posts, replies })
    }

    /// The posts for which this holds, in the order of these numbers.
    fn posts<K: Ord>(&self, holds: impl Fn(&Post) -> bool, order: impl Fn(&Post) -> K) -> Vec<&Post> {
        let mut posts: Vec<&Post> = self.posts.iter().filter(|post| holds(post)).collect();
        posts.sort_by_key(|post| order(post));
        posts
    }

    /// The replies to a post, by key.
    fn replies(&self, to: &Post) -> impl Iterator<Item = &Reply> {
        let mut replies: Vec<&Reply> = self.replies.iter().filter(|reply| reply.post == to.id).collect();
        replies.sort_by_key(|reply| reply.id);
        replies.into_iter()
    }
}

fn ids(posts: Vec<Post>) -> Answer {
    posts.into_iter().map(|post| vec![post.id]).collect()
}

impl Question {
    fn draw(random: &Random) -> Self {
        let sometimes = |most| (random.below(2) == 0).then(|| random.between(1, most));
        let hints = Hints {
            compete: random.below(2) == 0,
            way: sometimes(3).map(|way| way as usize),
            budget: sometimes(20),
            batch: sometimes(4),
            ..Hints::default()
        };
        Self {
            kind: random.pick(KINDS),
            boards: [random.below(BOARDS), random.below(BOARDS)],
            shade: random.below(SHADES),
            weight: random.below(WEIGHTS),
            marker: (random.below(RANKS + 1), random.below(POSTS)),
            limit: random.pick([1, 3, 100]),
            hints,
        }
    }

    async fn ask(self, asked: Asked<'_>) -> Result<Answer> {
        let Self { boards, shade, weight, marker, limit, .. } = self;
        let posts = asked.query::<Post>().hinted(self.hints);
        let rising = (Post::RANK.asc(), Post::ID.asc());
        let falling = (Post::RANK.desc(), Post::ID.desc());
        let light = Reply::WEIGHT.le(weight);
        let joined = |rows: Vec<(Post, Reply)>| rows.into_iter().map(|(post, reply)| vec![post.id, reply.id]).collect();
        Ok(match self.kind {
            Kind::Merge => {
                let some = posts.filter(Post::BOARD.is_in(boards)).filter(Condition::after(falling, marker));
                ids(some.order_by(falling).limit(limit).all().await?)
            }
            Kind::Or => {
                let some = posts.filter(Post::BOARD.eq(boards[0]).or(Post::SHADE.eq(shade)));
                ids(some.order_by(rising).limit(limit).all().await?)
            }
            Kind::Intersect => {
                let some = posts.filter(Post::BOARD.eq(boards[0])).filter(Post::SHADE.eq(shade));
                ids(some.order_by(Post::ID.asc()).limit(limit).all().await?)
            }
            Kind::Semi => ids(posts.filter(Post::REPLIES.any(light)).order_by(rising).limit(limit).all().await?),
            Kind::Anti => ids(posts.filter(Post::REPLIES.none(light)).order_by(falling).limit(limit).all().await?),
            Kind::Join => {
                let pairs = posts.join(Post::REPLIES);
                joined(pairs.order_by((Post::RANK.asc(), Post::ID.asc(), Reply::ID.asc())).limit(limit).all().await?)
            }
            Kind::LeftJoin => {
                let pairs = posts.order_by(falling).limit(limit).left_join(Post::REPLIES);
                let pairs: Vec<(Post, Option<Reply>)> = pairs.all().await?;
                pairs
                    .into_iter()
                    .map(|(post, reply)| std::iter::once(post.id).chain(reply.map(|it| it.id)).collect())
                    .collect()
            }
            Kind::Distinct => {
                let values = posts.select(Post::BOARD).distinct().order_by(Post::BOARD.asc()).limit(limit);
                let values: Vec<u64> = values.all().await?;
                values.into_iter().map(|board| vec![board]).collect()
            }
            Kind::Seek => {
                let groups = posts.group_by(Post::BOARD).select((Post::BOARD, min(Post::RANK), max(Post::RANK)));
                let ends: Vec<(u64, Option<u64>, Option<u64>)> = groups.order_by(Post::BOARD.asc()).all().await?;
                ends.into_iter()
                    .map(|(board, least, most)| std::iter::once(board).chain(least).chain(most).collect())
                    .collect()
            }
            Kind::Top => {
                let order = (Post::SHADE.desc(), Post::RANK.asc(), Post::ID.asc());
                ids(posts.order_by(order).limit(limit).all().await?)
            }
        })
    }

    /// What these rows say.
    fn expected(self, rows: &Rows) -> Answer {
        let Self { boards, shade, weight, marker, .. } = self;
        let rising = |post: &Post| (post.rank, post.id);
        let falling = |post: &Post| std::cmp::Reverse((post.rank, post.id));
        let is_light = |post: &Post| rows.replies(post).any(|reply| reply.weight <= weight);
        let ids = |posts: Vec<&Post>| posts.into_iter().map(|post| vec![post.id]).collect::<Answer>();
        let mut answer = match self.kind {
            Kind::Merge => {
                ids(rows.posts(|post| boards.contains(&post.board) && (post.rank, post.id) < marker, falling))
            }
            Kind::Or => ids(rows.posts(|post| post.board == boards[0] || post.shade == shade, rising)),
            Kind::Intersect => ids(rows.posts(|post| post.board == boards[0] && post.shade == shade, |post| post.id)),
            Kind::Semi => ids(rows.posts(is_light, rising)),
            Kind::Anti => ids(rows.posts(|post| !is_light(post), falling)),
            Kind::Join => {
                let posts = rows.posts(|_| true, rising);
                posts.iter().flat_map(|post| rows.replies(post).map(|reply| vec![post.id, reply.id])).collect()
            }
            Kind::LeftJoin => {
                let mut pairs = Vec::new();
                for post in rows.posts(|_| true, falling) {
                    // What is equal in the order goes on in its last direction.
                    let replies: Vec<&Reply> = rows.replies(post).collect();
                    pairs.extend(replies.iter().rev().map(|reply| vec![post.id, reply.id]));
                    if replies.is_empty() {
                        pairs.push(vec![post.id]);
                    }
                }
                pairs
            }
            Kind::Distinct => {
                let mut boards = rows.posts(|_| true, |post| post.board);
                boards.dedup_by_key(|post| post.board);
                boards.into_iter().map(|post| vec![post.board]).collect()
            }
            Kind::Seek => {
                let posts = rows.posts(|_| true, |post| (post.board, post.rank));
                let groups = posts.chunk_by(|one, next| one.board == next.board);
                let ends = |group: &[&Post]| Some(vec![group.first()?.board, group.first()?.rank, group.last()?.rank]);
                return groups.filter_map(ends).collect();
            }
            Kind::Top => ids(rows.posts(|_| true, |post| (std::cmp::Reverse(post.shade), post.rank, post.id))),
        };
        answer.truncate(usize::try_from(self.limit).unwrap_or(usize::MAX));
        answer
    }
}

/// Changes some posts and replies, or asks a question about all of them, or does both in one transaction.
pub(super) async fn act(app: &Application, db: &Database) {
    let random = app.world.random();
    let question = Question::draw(random);
    let (writes, asks) = random.pick([(true, false), (true, false), (true, true), (false, true), (false, true)]);
    let changes = if writes { random.between(1, 3) } else { 0 };
    let changes: Vec<Change> = (0..changes).map(|_| Change::draw(random)).collect();
    let options = if !writes && random.below(2) == 0 { options(app).read_only(true) } else { options(app) };
    let done = db.transaction_with(options, async |s| {
        for change in &changes {
            change.carry_out(s).await?;
        }
        let asked = Asked::Session(s);
        Ok(if asks { Some((question.ask(asked).await?, Rows::read(asked).await?)) } else { None })
    });
    if let Some(Some((answer, rows))) = settle(app, "question", done.await)
        && app.is_strict()
    {
        app.world.say(format_args!("{} asks {question:?}: {answer:?}", super::process::client()));
        if let Err(violation) = test(question, &answer, &rows) {
            app.world.violated(format!("{violation}, after {changes:?}"));
        }
    }
}

/// Asks a question of each kind, where nobody writes.
pub(super) async fn audit(app: &Application, db: &Database) -> Result<Verdict> {
    let rows = Rows::read(Asked::Database(db)).await?;
    for kind in KINDS {
        let question = Question { kind, ..Question::draw(app.world.random()) };
        let verdict = test(question, &question.ask(Asked::Database(db)).await?, &rows);
        if verdict.is_err() {
            return Ok(verdict);
        }
    }
    Ok(Ok(()))
}

fn test(question: Question, answer: &Answer, rows: &Rows) -> Verdict {
    let expected = question.expected(rows);
    if *answer == expected {
        return Ok(());
    }
    let (posts, replies) = (&rows.posts, &rows.replies);
    Err(Violation::new(format!("{question:?} gave {answer:?}, not {expected:?}, of {posts:?} and {replies:?}")))
}

/// How many posts and how many replies there are.
pub(super) async fn count(db: &Database) -> Result<(u64, u64)> {
    let posts = db.query::<Post>().ignore_indexes().count().await?;
    Ok((posts, db.query::<Reply>().ignore_indexes().count().await?))
}

#[derive(Debug, Clone)]
enum Change {
    Post(Post),
    NoPost(u64),
    Reply(Reply),
    NoReply(u64),
}

impl Change {
    fn draw(random: &Random) -> Self {
        let (post, reply) = (random.below(POSTS), random.below(REPLIES));
        match random.below(6) {
            0..=2 => {
                let (board, rank, shade) = (random.below(BOARDS), random.below(RANKS), random.below(SHADES));
                Self::Post(Post { id: post, board, rank, shade, ..Post::default() })
            }
            3 => Self::NoPost(post),
            4 => Self::Reply(Reply { id: reply, post, weight: random.below(WEIGHTS), ..Reply::default() }),
            _ => Self::NoReply(reply),
        }
    }

    async fn carry_out(&self, s: &Session) -> Result<()> {
        match self {
            Self::Post(post) => s.upsert(post.clone()).await.map(drop),
            Self::NoPost(id) => s.query::<Post>().filter(Post::ID.eq(*id)).delete().await.map(drop),
            Self::Reply(reply) => s.upsert(reply.clone()).await.map(drop),
            Self::NoReply(id) => s.query::<Reply>().filter(Reply::ID.eq(*id)).delete().await.map(drop),
        }
    }
}
