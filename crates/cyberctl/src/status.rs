//! `status`: whether each replica is ready or what it waits for, its lag, its outbox, its dead letters.
//! The rule it keeps: a number that is not known is shown as `?`, never as 0, and is not well.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::future::{join, join_all};
use messaging::operations;
use serde::{Deserialize, Serialize};

use crate::environment::Environment;
use crate::error::Error;
use crate::prometheus;
use crate::report::{Figure, Report, short, table};
use crate::services::{Replica, answer, client};

/// Who does not answer within this time, a replica or Kafka, counts as away. All are asked at once.
const PATIENCE: Duration = Duration::from_millis(2_500);

/// The outbox is sent within milliseconds; an event that waits longer than this, in seconds, waits for something.
const OLDEST: f64 = 10.0;

#[derive(Debug, Serialize)]
struct ReplicaStatus {
    service: String,
    address: String,
    ready: bool,
    /// What it waits for, if it is not ready.
    reason: Option<String>,
    /// What is away although it is ready: work is accepted and waits.
    away: Option<String>,
    /// For how many seconds Kafka has not answered it; 0 when it answers.
    #[serde(skip_serializing_if = "Figure::is_absent")]
    kafka_unreachable_seconds: Figure,
    /// Records that its group has not read, in the partitions of this replica.
    #[serde(skip_serializing_if = "Figure::is_absent")]
    lag: Figure,
    /// Events that have not been sent.
    #[serde(skip_serializing_if = "Figure::is_absent")]
    outbox: Figure,
    /// The age of the oldest of them, in seconds.
    #[serde(skip_serializing_if = "Figure::is_absent")]
    oldest_seconds: Figure,
    /// Aggregates with an event that the broker refuses; their events wait until a person acts.
    #[serde(skip_serializing_if = "Figure::is_absent")]
    parked: Figure,
    /// Pending dead letters of its group; the same for all replicas.
    dead_letters: Option<i64>,
}

impl ReplicaStatus {
    fn is_parked(&self) -> bool {
        self.parked.number().is_some_and(|parked| parked > 0.0)
    }

    fn is_late(&self) -> bool {
        self.oldest_seconds.number().is_some_and(|age| age > OLDEST)
    }

    /// The seconds for which its broker has been away, if it is away.
    fn without_kafka(&self) -> Option<f64> {
        self.kafka_unreachable_seconds.number().filter(|seconds| *seconds > 0.0)
    }

    fn misses_kafka(&self) -> bool {
        self.without_kafka().is_some() || self.away.as_ref().is_some_and(|away| away.contains("kafka: "))
    }

    fn misses_something(&self) -> bool {
        self.away.is_some() || self.without_kafka().is_some()
    }

    /// Whether nothing is wrong and nothing is unknown.
    fn is_well(&self) -> bool {
        let figures = [self.kafka_unreachable_seconds, self.lag, self.outbox, self.oldest_seconds, self.parked];
        self.ready
            && self.dead_letters == Some(0)
            && !self.misses_something()
            && !self.is_parked()
            && !self.is_late()
            && !figures.contains(&Figure::Unknown)
    }

    fn cells(&self) -> [String; 8] {
        let ready = match (self.ready, &self.reason, &self.away, self.without_kafka()) {
            (true, _, Some(away), _) => format!("yes, without {}", short(away, 90)),
            (true, _, None, Some(seconds)) => format!("yes, without kafka: no answer for {seconds:.0} s"),
            (true, _, None, None) => "yes".to_owned(),
            (false, Some(reason), ..) => format!("no: {}", short(reason, 90)),
            (false, None, ..) => "no".to_owned(),
        };
        [
            self.service.clone(),
            self.address.clone(),
            ready,
            self.lag.cell(""),
            self.outbox.cell(""),
            self.oldest_seconds.cell(" s"),
            self.parked.cell(""),
            self.dead_letters.map_or_else(|| "?".to_owned(), |number| number.to_string()),
        ]
    }
}

pub(crate) async fn status(environment: &Environment) -> Result<Report, Error> {
    let replicas = environment.services()?;
    let http = client(PATIENCE)?;
    let looked = join_all(replicas.iter().map(|replica| look(&http, replica)));
    let (mut rows, dead) = join(looked, dead_letters(environment)).await;
    for row in &mut rows {
        row.dead_letters = dead.as_ref().ok().map(|dead| dead.get(&row.service).copied().unwrap_or(0));
        // What a replica last heard of a broker that is away says nothing about now.
        let away = row.misses_kafka() || matches!(dead, Err(Error::Kafka(_) | Error::Silent(_)));
        if away && !row.lag.is_absent() {
            row.lag = Figure::Unknown;
        }
    }
    let header = ["SERVICE", "INTERNAL PORT", "READY", "LAG", "OUTBOX", "OLDEST", "PARKED", "DEAD LETTERS"];
    let mut text = table(header, rows.iter().map(ReplicaStatus::cells));
    if let Err(error) = &dead {
        text.push_str(&format!("\nDead letters are not known: {error}"));
    }
    if rows.iter().any(|row| row.dead_letters.unwrap_or(0) > 0) {
        text.push_str("\nSee what could not be processed with: cyberctl dlq list");
    }
    if rows.iter().any(ReplicaStatus::is_late) {
        text.push_str(&format!(
            "\nEvents have waited in an outbox for more than {OLDEST} s: is Kafka up, and does the service's log say more?"
        ));
    }
    if rows.iter().any(ReplicaStatus::is_parked) {
        text.push_str("\nEvents that no broker takes stay in an outbox: docs/operations.md, Parked aggregates");
    }
    let well = rows.iter().all(ReplicaStatus::is_well);
    Ok(Report::new(text, &rows, well))
}

/// Pending dead letters by group.
async fn dead_letters(environment: &Environment) -> Result<BTreeMap<String, i64>, Error> {
    let kafka = environment.kafka()?;
    let asked = tokio::time::timeout(PATIENCE, operations::dead_letter_topics(&kafka)).await;
    let mut by_group = BTreeMap::new();
    for topic in asked.map_err(|_elapsed| Error::Silent(kafka.brokers.clone()))?? {
        *by_group.entry(topic.group).or_insert(0) += topic.pending;
    }
    Ok(by_group)
}

async fn look(http: &reqwest::Client, replica: &Replica) -> ReplicaStatus {
    let ask = |path: &str| {
        let address = format!("{}{path}", replica.address);
        async move { answer(http.get(&address), &address).await }
    };
    let (ready, metrics) = join(ask("/readyz"), ask("/metrics")).await;
    let (ready, reason, away) = match ready {
        Ok((200, body)) => (true, None, Readiness::read(&body).and_then(|told| in_words(told.away))),
        Ok((_, body)) => (false, Some(waiting_for(&body)), None),
        Err(Error::Unreachable { cause, .. }) => (false, Some(cause), None),
        Err(error) => (false, Some(error.to_string()), None),
    };
    let page = metrics.ok().filter(|(status, _)| *status == 200).map(|(_, page)| page);
    let figure = |read: fn(&str, &str) -> Option<f64>, metric: &str| match page.as_deref() {
        Some(page) => read(page, metric).map_or(Figure::Absent, Figure::Known),
        None => Figure::Unknown,
    };
    let largest = |metric: &str| figure(prometheus::largest, metric);
    ReplicaStatus {
        service: replica.service.clone(),
        address: replica.address.clone(),
        ready,
        reason,
        away,
        kafka_unreachable_seconds: largest("kafka_unreachable_seconds"),
        lag: figure(prometheus::sum, "consumer_lag"),
        outbox: largest("outbox_rows"),
        oldest_seconds: largest("outbox_oldest_seconds"),
        parked: largest("outbox_parked_aggregates"),
        dead_letters: None,
    }
}

/// What `/readyz` answers.
#[derive(Deserialize)]
struct Readiness {
    #[serde(default)]
    waiting: Vec<Part>,
    #[serde(default)]
    away: Vec<Part>,
}

/// A part that is waited for or away.
#[derive(Deserialize)]
struct Part {
    name: String,
    reason: String,
}

impl Readiness {
    fn read(body: &str) -> Option<Self> {
        serde_json::from_str(body).ok()
    }
}

/// The parts with their reasons, such as `database: connection refused`; none when there is no part.
fn in_words(parts: Vec<Part>) -> Option<String> {
    let parts: Vec<String> = parts.into_iter().map(|part| format!("{}: {}", part.name, part.reason)).collect();
    (!parts.is_empty()).then(|| parts.join("; "))
}

/// The reasons in the body of `/readyz`; the body itself if it is not ours.
fn waiting_for(body: &str) -> String {
    Readiness::read(body).map_or_else(|| body.trim().to_owned(), |told| in_words(told.waiting).unwrap_or_default())
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
