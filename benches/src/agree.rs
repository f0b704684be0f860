//! Before anything is timed: all competitors must give the same answers. A fast wrong answer is not a result.

use anyhow::{Result, ensure};

use crate::{
    contest::Contestant,
    measure::Load,
    operation::{self, Dice, Operation, Reply},
};

/// Requests of each operation that are compared.
const REQUESTS: u64 = 12;

/// Asks everyone the same reads, and fails at the first answer that differs from the first competitor's.
pub async fn check(contestants: &[Box<dyn Contestant>], images: u64) -> Result<()> {
    for operation in Operation::ALL.into_iter().filter(|operation| !operation.writes()) {
        for seed in 0..REQUESTS {
            let request = operation::request(operation, images, &mut Dice::new(seed))?;
            let mut expected = None;
            for contestant in contestants.iter().filter(|peer| peer.takes_part(operation, Load::One)) {
                let mut reply = contestant.answer(request.clone()).await?;
                sort(operation, &mut reply);
                ensure!(!is_empty(operation, &reply), "{}: nothing found for {}", contestant.name(), operation.name());
                let (first, expected) = expected.get_or_insert_with(|| (contestant.name(), reply.clone()));
                ensure!(
                    *expected == reply,
                    "{} and {} disagree about {}, request {seed}:\n{}\n{}",
                    first,
                    contestant.name(),
                    operation.name(),
                    beginning(expected),
                    beginning(&reply),
                );
            }
        }
    }
    Ok(())
}

/// Rows whose order the operation does not ask for are compared in key order.
fn sort(operation: Operation, reply: &mut Reply) {
    match reply {
        Reply::Images(images) if !matches!(operation, Operation::Newest | Operation::Page) => {
            images.sort_unstable_by_key(|image| image.id);
        }
        Reply::WithProperties(images) => {
            images.sort_unstable_by_key(|(image, _)| image.id);
            for (_, properties) in images {
                properties.sort_unstable_by(|a, b| a.name.cmp(&b.name));
            }
        }
        Reply::Joined(pairs) => {
            pairs.sort_unstable_by(|(_, a), (_, b)| (a.image_id, &a.name).cmp(&(b.image_id, &b.name)))
        }
        _ => {}
    }
}

/// The workload asks for nothing that is not there, except where two conditions may have nothing in common.
fn is_empty(operation: Operation, reply: &Reply) -> bool {
    match reply {
        Reply::Image(image) => image.is_none(),
        Reply::Images(images) => images.is_empty() && operation != Operation::Filtered,
        Reply::WithProperties(images) => images.len() != 100 || images.iter().any(|(_, own)| own.len() != 5),
        Reply::Joined(pairs) => pairs.len() != 500,
        Reply::Count(count) => *count == 0,
        Reply::Done => false,
    }
}

/// Enough of a reply to see what is wrong with it.
fn beginning(reply: &Reply) -> String {
    format!("{reply:?}").chars().take(2_000).collect()
}
