//! Concurrent tasks that each may find a law broken.

use tokio::task::JoinSet;

use crate::{Verdict, Violation};

/// Runs the tasks at the same time; their results, or the first violation.
pub(crate) async fn together<T, Task>(tasks: impl IntoIterator<Item = Task>) -> Verdict<Vec<T>>
where
    T: Send + 'static,
    Task: Future<Output = Verdict<T>> + Send + 'static,
{
    let mut running: JoinSet<Verdict<T>> = tasks.into_iter().collect();
    let mut results = Vec::new();
    while let Some(result) = running.join_next().await {
        results.push(result.map_err(|panic| Violation::new(format!("a task panicked: {panic}")))??);
    }
    Ok(results)
}
