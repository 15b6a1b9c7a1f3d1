//! `topics`: the topics in the broker, compared with the contracts.

use messaging::operations;

use crate::environment::Environment;
use crate::error::Error;
use crate::report::{Report, retention, table};

pub(crate) async fn topics(environment: &Environment) -> Result<Report, Error> {
    let topics = operations::topics(&environment.kafka()?, contracts::topics::ALL).await?;
    let well = topics.iter().all(|topic| topic.problems.is_empty());
    let text = table(
        ["TOPIC", "PARTITIONS", "REPLICAS", "KEEPS", "RECORDS", "LAG", "CONTRACT"],
        topics.iter().map(|topic| {
            let keeps = match topic.cleanup.as_str() {
                "" => "?".to_owned(),
                "compact" => "last per key".to_owned(),
                _ => retention(topic.retention_ms),
            };
            let lags: Vec<String> = topic.groups.iter().map(|lag| format!("{} {}", lag.group, lag.lag)).collect();
            let declared = contracts::topics::ALL.iter().any(|declared| declared.name == topic.topic);
            let contract = match (topic.problems.is_empty(), declared) {
                (false, _) => topic.problems.join("; "),
                (true, true) => "as declared".to_owned(),
                (true, false) => "–".to_owned(),
            };
            [
                topic.topic.clone(),
                topic.partitions.to_string(),
                topic.replicas.to_string(),
                keeps,
                topic.records.to_string(),
                if lags.is_empty() { "–".to_owned() } else { lags.join(", ") },
                contract,
            ]
        }),
    );
    Ok(Report::new(text, &topics, well))
}
