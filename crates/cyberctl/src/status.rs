//! `status`: whether each replica is ready or what it waits for, its lag, its outbox, its dead letters.
//! The rule it keeps: a number that is not known is shown as `?`, never as 0.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::future::join_all;
use messaging::operations;
use serde::{Deserialize, Serialize};

use crate::environment::Environment;
use crate::error::Error;
use crate::prometheus;
use crate::report::{Report, known, short, table};
use crate::services::{Replica, answer, client};

/// A replica that does not answer within this time counts as down.
const PATIENCE: Duration = Duration::from_secs(3);

#[derive(Debug, Serialize)]
struct ReplicaStatus {
    service: String,
    address: String,
    ready: bool,
    /// What it waits for, if it is not ready.
    reason: Option<String>,
    /// Records that its group has not read, in the partitions of this replica.
    lag: Option<f64>,
    /// Events that have not been sent.
    outbox: Option<f64>,
    /// Aggregates with an event that the broker refuses; their events wait until a person acts.
    parked: Option<f64>,
    /// Pending dead letters of its group; the same for all replicas.
    dead_letters: Option<i64>,
}

pub(crate) async fn status(environment: &Environment) -> Result<Report, Error> {
    let replicas = environment.services()?;
    let dead = dead_letters(environment).await;
    let http = client(PATIENCE)?;
    let mut rows = join_all(replicas.iter().map(|replica| look(&http, replica))).await;
    for row in &mut rows {
        row.dead_letters = dead.as_ref().ok().map(|dead| dead.get(&row.service).copied().unwrap_or(0));
    }
    let parked = |row: &ReplicaStatus| row.parked.is_some_and(|parked| parked > 0.0);
    let well = rows.iter().all(|row| row.ready && !parked(row) && row.dead_letters.unwrap_or(0) == 0);
    let mut text = table(
        ["SERVICE", "INTERNAL PORT", "READY", "LAG", "OUTBOX", "PARKED", "DEAD LETTERS"],
        rows.iter().map(|row| {
            let ready = match (row.ready, &row.reason) {
                (true, _) => "yes".to_owned(),
                (false, Some(reason)) => format!("no: {}", short(reason, 90)),
                (false, None) => "no".to_owned(),
            };
            let dead = row.dead_letters.map_or_else(|| "?".to_owned(), |number| number.to_string());
            let [lag, outbox, parked] = [row.lag, row.outbox, row.parked].map(known);
            [row.service.clone(), row.address.clone(), ready, lag, outbox, parked, dead]
        }),
    );
    if let Err(error) = dead {
        text.push_str(&format!("\nDead letters are not known: {error}"));
    }
    if rows.iter().any(|row| row.dead_letters.unwrap_or(0) > 0) {
        text.push_str("\nSee what could not be processed with: cyberctl dlq list");
    }
    if rows.iter().any(parked) {
        text.push_str("\nEvents that no broker takes stay in an outbox: docs/operations.md, Parked aggregates");
    }
    Ok(Report::new(text, &rows, well))
}

/// Pending dead letters by group.
async fn dead_letters(environment: &Environment) -> Result<BTreeMap<String, i64>, Error> {
    let mut by_group = BTreeMap::new();
    for topic in operations::dead_letter_topics(&environment.kafka()?).await? {
        *by_group.entry(topic.group).or_insert(0) += topic.pending;
    }
    Ok(by_group)
}

async fn look(http: &reqwest::Client, replica: &Replica) -> ReplicaStatus {
    let ask = |path: &str| {
        let address = format!("{}{path}", replica.address);
        async move { answer(http.get(&address), &address).await }
    };
    let (ready, metrics) = futures::future::join(ask("/readyz"), ask("/metrics")).await;
    let (ready, reason) = match ready {
        Ok((200, _)) => (true, None),
        Ok((_, body)) => (false, Some(waiting_for(&body))),
        Err(Error::Unreachable { cause, .. }) => (false, Some(cause)),
        Err(error) => (false, Some(error.to_string())),
    };
    let page = metrics.ok().filter(|(status, _)| *status == 200).map(|(_, page)| page);
    let number = |metric: &str| page.as_deref().and_then(|page| prometheus::sum(page, metric));
    let largest = |metric: &str| page.as_deref().and_then(|page| prometheus::largest(page, metric));
    ReplicaStatus {
        service: replica.service.clone(),
        address: replica.address.clone(),
        ready,
        reason,
        lag: number("consumer_lag"),
        outbox: largest("outbox_rows"),
        parked: largest("outbox_parked_aggregates"),
        dead_letters: None,
    }
}

/// The reasons in the body of `/readyz`, such as `database: connection refused`; the body itself if it is not ours.
fn waiting_for(body: &str) -> String {
    #[derive(Deserialize)]
    struct Report {
        waiting: Vec<Waiting>,
    }
    #[derive(Deserialize)]
    struct Waiting {
        name: String,
        reason: String,
    }
    match serde_json::from_str::<Report>(body) {
        Ok(report) => {
            let reasons: Vec<String> =
                report.waiting.into_iter().map(|waiting| format!("{}: {}", waiting.name, waiting.reason)).collect();
            reasons.join("; ")
        }
        Err(_) => body.trim().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::waiting_for;

    #[test]
    fn the_reasons_of_a_replica_are_shown_in_its_own_words() {
        let body = r#"{"ready":false,"phase":"starting","waiting":[
            {"name":"database","reason":"refused"},{"name":"kafka topics","reason":"no broker"}]}"#;
        assert_eq!(waiting_for(body), "database: refused; kafka topics: no broker");
        assert_eq!(waiting_for("starting\n"), "starting");
    }
}
