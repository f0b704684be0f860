//! S3: checks come first, the one that failed is named, and phantoms are conflicts.

use proptest::prelude::*;
use rome_store::{Applied, Check, CheckRef, Effect, Read, Scanned, Span, TxId};

use crate::client::{CLAIMS, Client, INDEX, ROWS, TABLE, add, delete, entry, holds, put, scan};
use crate::verdict::{ensure, ensure_eq, for_all};
use crate::{Subject, Verdict};

/// Checks of each kind, made so that they hold or fail as asked.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Version,
    Absent,
    Count,
    Same,
    SameRows,
    Free,
}

#[derive(Debug, Clone, Copy)]
struct Wanted {
    kind: Kind,
    holds: bool,
}

fn wanted() -> impl Strategy<Value = Wanted> {
    use Kind::{Absent, Count, Free, Same, SameRows, Version};
    let kinds = prop::sample::select(vec![Version, Absent, Count, Same, SameRows, Free]);
    (kinds, prop::bool::weighted(0.8)).prop_map(|(kind, holds)| Wanted { kind, holds })
}

/// **S3** Of random reads and checks the first that fails is named by its place, reads before checks, and then nothing
/// is applied; if all hold, everything is.
///
/// # Errors
/// When it does not hold.
pub async fn the_first_failing_check_is_named_and_nothing_is_applied(subject: &impl Subject) -> Verdict {
    let lists = (prop::collection::vec(wanted(), 0..5), prop::collection::vec(wanted(), 0..5));
    for_all(48, lists, async |(reads, checks)| {
        let (_place, client) = Client::alone(subject).await?;
        let (id, _) = client.write(vec![put(ROWS, "a", "1"), put(INDEX, entry(b"x", b"a"), "")]).await?;
        let rows = client.scan(scan(Span::all(ROWS))).await?;
        let indexed = client.scan(scan_rows(Span::all(INDEX))).await?;
        let make = |wanted: &Wanted| check(*wanted, id, &rows, &indexed);
        let tx = client
            .tx(vec![put(ROWS, "b", "1"), delete(ROWS, "a"), add("n", 1)])
            .reads(reads.iter().map(make).collect())
            .checks(checks.iter().map(make).collect());
        let fails = |wanted: &Wanted| !wanted.holds && !matches!(wanted.kind, Kind::Free);
        let read = reads.iter().position(fails).map(CheckRef::Read);
        let failing = read.or_else(|| checks.iter().position(fails).map(CheckRef::Check));
        let outcome = client.apply(tx).await?;
        if let Some(check) = failing {
            ensure_eq!(outcome, Applied::Conflict { check }, "the answer");
        } else {
            ensure!(matches!(outcome, Applied::Done { .. }), "all checks hold, and the answer is {outcome:?}");
        }
        let left = if failing.is_some() { ("a".into(), "1".into()) } else { ("b".into(), "1".into()) };
        ensure_eq!(client.contents(ROWS).await?, vec![left], "the rows after {outcome:?}");
        ensure_eq!(client.sum("n").await?, i128::from(failing.is_none()), "the counter after {outcome:?}");
        Ok(())
    })
    .await
}

fn check(wanted: Wanted, id: TxId, rows: &Scanned, indexed: &Scanned) -> Check {
    let other = TxId { lane: id.lane, seq: id.seq + 100 };
    let same = |span, rows, scanned: &Scanned| {
        let n = scanned.visited + u32::from(!wanted.holds);
        Check::Same { span, rows, n, digest: scanned.digest.clone() }
    };
    match wanted.kind {
        Kind::Version => {
            Check::Version { space: ROWS, key: "a".into(), expect: Some(if wanted.holds { id } else { other }) }
        }
        Kind::Absent => {
            let key = if wanted.holds { "none" } else { "a" };
            Check::Version { space: ROWS, key: key.into(), expect: None }
        }
        Kind::Count => Check::Count { span: Span::all(INDEX), n: if wanted.holds { 1 } else { 2 } },
        Kind::Same => same(Span::all(ROWS), None, rows),
        Kind::SameRows => same(Span::all(INDEX), Some(TABLE), indexed),
        Kind::Free => holds(),
    }
}

fn scan_rows(index: Span) -> Read {
    Read::ScanRows { index, table: TABLE, filter: None, want: None, track: true }
}

/// **S3** What a scan saw no longer holds when a member of its span came, went or changed, and still holds when
/// something outside did.
///
/// # Errors
/// When it does not hold.
pub async fn phantoms_are_conflicts(subject: &impl Subject) -> Verdict {
    let inside =
        |space| Span::between(space, std::ops::Bound::Included("b".into()), std::ops::Bound::Excluded("d".into()));
    let row = |key: &'static str| [put(ROWS, key, "1"), put(INDEX, entry(key.as_bytes(), key.as_bytes()), "")];
    let gone = |key: &'static str| [delete(ROWS, key), delete(INDEX, entry(key.as_bytes(), key.as_bytes()))];
    // Who changes what, and whether a scan of the rows, of the entries, and of the rows by entries then conflicts.
    let changes: [(&str, Vec<Effect>, [bool; 3]); 8] = [
        ("nothing", vec![], [false; 3]),
        ("a row comes", row("bb").to_vec(), [true; 3]),
        ("a row goes", gone("b").to_vec(), [true; 3]),
        ("one goes, one comes", [gone("b"), row("bb")].concat(), [true; 3]),
        ("a row is rewritten as it was", vec![put(ROWS, "b", "1")], [true, false, true]),
        ("only an entry comes", vec![put(INDEX, entry(b"bb", b"b"), "")], [false, true, true]),
        ("a row comes outside", row("d").to_vec(), [false; 3]),
        ("a row goes outside", gone("a").to_vec(), [false; 3]),
    ];
    for (what, effects, conflicts) in changes {
        let (_place, client) = Client::alone(subject).await?;
        client.write(["a", "b", "c"].into_iter().flat_map(row).collect()).await?;
        let scans = [
            (inside(ROWS), None, scan(inside(ROWS))),
            (inside(INDEX), None, scan(inside(INDEX))),
            (inside(INDEX), Some(TABLE), scan_rows(inside(INDEX))),
        ];
        let mut checks = Vec::new();
        for (span, rows, read) in scans {
            let scanned = client.scan(read).await?;
            ensure_eq!(scanned.visited, 2, "members of {span:?}");
            checks.push(Check::Same { span, rows, n: scanned.visited, digest: scanned.digest });
        }
        client.write(effects).await?;
        for (check, conflict) in checks.into_iter().zip(conflicts) {
            let described = format!("{check:?}");
            let outcome = client.apply(client.tx(vec![]).reads(vec![check])).await?;
            let conflicted = matches!(outcome, Applied::Conflict { .. });
            ensure_eq!(conflicted, conflict, "whether it conflicts that {what}, for {described}");
        }
    }
    Ok(())
}

/// **S3** A record that was removed and made again, or rewritten with the same value, has a new version: an expectation of
/// the old one fails.
///
/// # Errors
/// When it does not hold.
pub async fn a_version_never_comes_back(subject: &impl Subject) -> Verdict {
    let (_place, client) = Client::alone(subject).await?;
    for space in [ROWS, CLAIMS, rome_store::Space::Meta] {
        let (first, _) = client.write(vec![put(space, "k", "1")]).await?;
        let found = client.get(space, "k").await?;
        ensure_eq!(found, Some((first, "1".into())), "the record of {space:?} as it was put");
        client.write(vec![delete(space, "k")]).await?;
        ensure_eq!(client.get(space, "k").await?, None, "the record of {space:?} after its removal");
        let (second, _) = client.write(vec![put(space, "k", "1")]).await?;
        for (expect, holds) in [(Some(first), false), (None, false), (Some(second), true)] {
            let check = Check::Version { space, key: "k".into(), expect };
            let outcome = client.apply(client.tx(vec![]).checks(vec![check])).await?;
            let held = matches!(outcome, Applied::Done { .. });
            ensure_eq!(held, holds, "whether {space:?} is at {expect:?} when it is at {second}");
        }
    }
    Ok(())
}
