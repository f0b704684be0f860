//! S11: the schema gate.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rome_store::{Applied, Effect};

use crate::client::{Client, ROWS, put};
use crate::together::together;
use crate::verdict::{ensure, ensure_eq};
use crate::{Subject, Verdict, Violation};

/// **S11** Clients below the gate are refused and told it, those at it are not; the gate only rises.
///
/// # Errors
/// When it does not hold.
pub async fn the_gate_refuses_older_schemas(subject: &impl Subject) -> Verdict {
    let (_place, client) = Client::alone(subject).await?;
    client.write(vec![Effect::RaiseGate { oldest: 3 }]).await?;
    client.write(vec![Effect::RaiseGate { oldest: 2 }]).await?;
    for schema in [0, 2] {
        let outcome = client.apply(client.tx(vec![put(ROWS, "a", "1")]).schema(schema)).await?;
        ensure_eq!(outcome, Applied::StaleSchema { oldest: 3 }, "the answer to schema {schema}");
        ensure_eq!(client.get(ROWS, "a").await?, None, "what schema {schema} wrote");
    }
    for schema in [3, 4] {
        let outcome = client.apply(client.tx(vec![put(ROWS, "a", "1")]).schema(schema)).await?;
        ensure!(matches!(outcome, Applied::Done { .. }), "schema {schema} is not below the gate, but: {outcome:?}");
    }
    Ok(())
}

/// **S11** While the gate is raised, older clients write: none of their writes comes after it in the order.
///
/// # Errors
/// When it does not hold.
pub async fn no_older_schema_writes_after_the_gate(subject: &impl Subject) -> Verdict {
    let (_place, client) = Client::alone(subject).await?;
    let stop = Arc::new(AtomicBool::new(false));
    let writers = (2..5).map(|lane| {
        let (client, stop) = (Client::new(client.store.clone(), lane), stop.clone());
        async move {
            let mut last = 0;
            while !stop.load(Ordering::SeqCst) {
                let tx = client.tx(vec![put(ROWS, "a", "1")]).schema(1);
                match client.apply(tx).await? {
                    Applied::Done { seq } => last = seq,
                    Applied::StaleSchema { oldest: 2 } => break,
                    other => return Err(Violation::new(format!("a write of schema 1 was answered {other:?}"))),
                }
                tokio::task::yield_now().await;
            }
            Ok(last)
        }
    });
    let writers = tokio::spawn(together(writers.collect::<Vec<_>>()));
    for _ in 0..20 {
        client.write(vec![put(ROWS, "b", "1")]).await?;
        tokio::task::yield_now().await;
    }
    let raised = client.write(vec![Effect::RaiseGate { oldest: 2 }]).await;
    for _ in 0..20 {
        client.seq().await?;
        tokio::task::yield_now().await;
    }
    stop.store(true, Ordering::SeqCst);
    let last = writers.await.map_err(|panic| Violation::new(panic.to_string()))??;
    let (_, gate) = raised?;
    ensure!(last.iter().all(|seq| *seq < gate), "the gate was raised at seq {gate}, schema 1 wrote at {last:?}");
    let refused = client.apply(client.tx(vec![]).schema(1)).await?;
    ensure_eq!(refused, Applied::StaleSchema { oldest: 2 }, "the answer to schema 1 after the gate");
    Ok(())
}
