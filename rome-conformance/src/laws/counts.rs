//! S3, S5: counts with a digest.

use proptest::prelude::*;
use rome_store::{Check, Counted, Read, Reply, Space, Span};

use super::batches::{change, holds};
use super::spans::{Shape, fill, key, rows, shape};
use crate::client::{CLAIMS, Client, INDEX, ROWS, scan};
use crate::verdict::{ensure, ensure_eq, for_all};
use crate::{Subject, Verdict, Violation};

async fn counted(client: &Client, span: &Span, track: bool) -> Verdict<Counted> {
    match client.read(vec![Read::Count { span: span.clone(), track }]).await?.replies.pop() {
        Some(Reply::Count(counted)) => Ok(counted),
        other => Err(Violation::new(format!("a count was answered {other:?}"))),
    }
}

fn cut(span: &Span, stopped_at: Option<&[u8]>) -> Span {
    stopped_at.map_or_else(|| span.clone().limited(None), |last| span.cut_at(last))
}

/// **S3, S5** A tracked count counts what a scan visits, says where a limit stopped it, and can be checked: the check holds as
/// long as that of the scan does. A count that is not tracked has the same number and no digest.
///
/// # Errors
/// When it does not hold.
pub async fn a_tracked_count_can_be_checked(subject: &impl Subject) -> Verdict {
    for_all(40, (rows(), prop::collection::vec(shape(), 1..8), key(), any::<bool>()), async |input| {
        let (rows, shapes, changed, comes) = input;
        let (_place, client) = Client::alone(subject).await?;
        fill(&client, &rows).await?;
        let mut checks = Vec::new();
        for (shape, space) in shapes.iter().flat_map(|shape| [ROWS, CLAIMS, INDEX].map(|space| (shape, space))) {
            checks.push(count_and_scan(&client, shape, space).await?);
        }
        client.write(change(&rows, &changed, comes)).await?;
        for [of_count, of_scan] in checks {
            let what = format!("{of_count:?}");
            let same = holds(&client, vec![of_scan]).await?;
            ensure_eq!(holds(&client, vec![of_count]).await?, same, "whether {what} holds after {changed:?} changed");
        }
        Ok(())
    })
    .await
}

/// The checks of a count and of a scan of one span.
async fn count_and_scan(client: &Client, shape: &Shape, space: Space) -> Verdict<[Check; 2]> {
    let span = shape.span(space);
    let scanned = client.scan(scan(span.clone())).await?;
    let [plain, tracked] = [counted(client, &span, false).await?, counted(client, &span, true).await?];
    ensure_eq!(plain, Counted::from(u64::from(scanned.visited)), "a count of {span:?} that is not tracked");
    ensure_eq!((tracked.n, &tracked.stopped_at), (plain.n, &scanned.stopped_at), "a tracked count of {span:?}");
    let check = |stopped_at: Option<&[u8]>, digest| Check::Same {
        span: cut(&span, stopped_at),
        rows: None,
        n: scanned.visited,
        digest,
    };
    let checks = [
        check(tracked.stopped_at.as_deref(), tracked.digest),
        check(scanned.stopped_at.as_deref(), scanned.digest.clone()),
    ];
    ensure!(holds(client, checks.to_vec()).await?, "what was counted and scanned of {span:?} fails at once");
    Ok(checks)
}
