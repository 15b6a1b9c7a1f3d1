//! Topics as the broker has them, beside what the contracts declare.

use std::collections::{BTreeMap, BTreeSet};

use contracts::Topic;
use rdkafka::admin::{AdminClient, AdminOptions, ConfigResource, OwnedResourceSpecifier, ResourceSpecifier};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::Consumer;
use serde::Serialize;

use super::dead_letters::parts;
use super::groups::{self, Watermarks};
use super::{ANSWER_WITHIN, FIRST_ANSWER_WITHIN, OperationError, blocking, consumer, is_ours, marker};
use crate::Settings;
use crate::topics::Wanted;

/// One topic of this namespace, or one that should be there.
#[derive(Debug, Clone, Serialize)]
pub struct TopicReport {
    /// Its name without the namespace.
    pub topic: String,
    /// Partitions on the broker; 0 when it is missing.
    pub partitions: usize,
    /// Copies of each partition; the fewest of any.
    pub replicas: usize,
    /// `compact` or `delete`.
    pub cleanup: String,
    /// How long records are kept, in milliseconds; -1 is for ever.
    pub retention_ms: i64,
    /// Records between first and next offset. On compacted topics an upper bound.
    pub records: i64,
    /// How far each group has to go; only groups that have committed here.
    pub groups: Vec<GroupLag>,
    /// Where broker and contracts differ; nothing when all is well.
    pub problems: Vec<String>,
}

/// What a group still has to read of a topic.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GroupLag {
    /// The group without the namespace.
    pub group: String,
    /// Records not yet committed.
    pub lag: i64,
}

/// Every topic of the namespace, and every declared one that is missing.
///
/// # Errors
/// When the broker does not answer.
pub async fn topics(settings: &Settings, declared: &'static [Topic]) -> Result<Vec<TopicReport>, OperationError> {
    let read = settings.clone();
    let seen = blocking(move || survey(&read)).await?;
    let names: Vec<String> = seen.replicas.keys().cloned().collect();
    let configurations = configurations(settings, &names).await?;

    let expected: BTreeSet<String> = declared.iter().map(|topic| settings.topic_name(topic.name)).collect();
    let all: BTreeSet<String> = names.into_iter().chain(expected).collect();
    Ok(all
        .into_iter()
        .map(|name| {
            let short = settings.local_name(&name).to_owned();
            let resource = configurations.get(&name);
            let value = |setting: &str| resource.and_then(|it| it.get(setting)?.value.clone()).unwrap_or_default();
            let watermarks = seen.partitions.iter().filter(|((topic, _), _)| *topic == name);
            let (partitions, records) =
                watermarks.fold((0, 0), |(count, records), (_, marks)| (count + 1, records + marks.high - marks.low));
            let mut report = TopicReport {
                topic: short,
                partitions,
                replicas: seen.replicas.get(&name).copied().unwrap_or(0),
                cleanup: value("cleanup.policy"),
                retention_ms: value("retention.ms").parse().unwrap_or(0),
                records,
                groups: lags(&name, &seen, settings),
                problems: Vec::new(),
            };
            report.problems = wanted(settings, &name, declared)
                .map_or_else(Vec::new, |wanted| problems(&wanted, report.partitions, resource));
            report
        })
        .collect())
}

/// What one look at the broker found.
struct Survey {
    partitions: BTreeMap<(String, i32), Watermarks>,
    replicas: BTreeMap<String, usize>,
    /// Committed offsets by group.
    committed: BTreeMap<String, BTreeMap<(String, i32), i64>>,
}

fn survey(settings: &Settings) -> Result<Survey, OperationError> {
    let client = consumer(settings, &marker(settings))?;
    let ours = |name: &str| is_ours(settings, name);
    let partitions = groups::partitions(&client, ours)?;
    let metadata = client
        .fetch_metadata(None, FIRST_ANSWER_WITHIN)
        .map_err(OperationError::broker("the topics cannot be listed"))?;
    let replicas = metadata
        .topics()
        .iter()
        .filter(|topic| ours(topic.name()))
        .map(|topic| {
            let fewest = topic.partitions().iter().map(|partition| partition.replicas().len()).min();
            (topic.name().to_owned(), fewest.unwrap_or(0))
        })
        .collect();
    let mut committed = BTreeMap::new();
    for group in groups::names(&client, settings)? {
        let offsets = groups::committed(settings, &group, partitions.keys().cloned())?;
        if !offsets.is_empty() {
            committed.insert(group, offsets);
        }
    }
    Ok(Survey { partitions, replicas, committed })
}

fn lags(topic: &str, seen: &Survey, settings: &Settings) -> Vec<GroupLag> {
    seen.committed
        .iter()
        .filter(|(_, offsets)| offsets.keys().any(|(name, _)| name == topic))
        .map(|(group, offsets)| {
            let lag = seen
                .partitions
                .iter()
                .filter(|((name, _), _)| name == topic)
                .map(|(at, marks)| marks.high - offsets.get(at).copied().unwrap_or(marks.low).max(marks.low))
                .map(|lag| lag.max(0))
                .sum();
            GroupLag { group: settings.local_name(group).to_owned(), lag }
        })
        .collect()
}

/// The settings of each topic, of which the broker tells them.
async fn configurations(
    settings: &Settings,
    names: &[String],
) -> Result<BTreeMap<String, ConfigResource>, OperationError> {
    if names.is_empty() {
        return Ok(BTreeMap::new());
    }
    let admin: AdminClient<DefaultClientContext> =
        settings.client().create().map_err(OperationError::broker("a Kafka client cannot be made"))?;
    let wanted: Vec<ResourceSpecifier<'_>> = names.iter().map(|name| ResourceSpecifier::Topic(name)).collect();
    let options = AdminOptions::new().request_timeout(Some(ANSWER_WITHIN));
    let answers = admin
        .describe_configs(&wanted, &options)
        .await
        .map_err(OperationError::broker("the settings of the topics cannot be read"))?;
    Ok(answers
        .into_iter()
        .flatten()
        .filter_map(|resource| match &resource.specifier {
            OwnedResourceSpecifier::Topic(topic) => Some((topic.clone(), resource)),
            _ => None,
        })
        .collect())
}

/// What a service would assert of a topic when it starts; nothing of a stranger's.
fn wanted(settings: &Settings, name: &str, declared: &[Topic]) -> Option<Wanted> {
    let short = settings.local_name(name);
    declared
        .iter()
        .find(|topic| topic.name == short)
        .map(|topic| Wanted::of(settings, topic))
        .or_else(|| parts(settings, name).map(|(topic, group)| crate::dead_letter::wanted(settings, &topic, &group)))
}

/// Where a topic is not what it must be.
fn problems(wanted: &Wanted, partitions: usize, resource: Option<&ConfigResource>) -> Vec<String> {
    if partitions == 0 {
        return vec!["missing on the broker; any service creates it when it starts".to_owned()];
    }
    let mut problems = Vec::new();
    if usize::try_from(wanted.partitions) != Ok(partitions) {
        problems.push(format!("{partitions} partitions, declared are {}", wanted.partitions));
    }
    match resource {
        None => problems.push("the broker does not tell its settings".to_owned()),
        Some(resource) => problems.extend(wanted.differences(resource).into_iter().map(|difference| {
            format!("{} is {}, declared is {}", difference.setting, difference.found, difference.expected)
        })),
    }
    problems
}

#[cfg(test)]
mod tests {
    use rdkafka::admin::{ConfigEntry, ConfigSource};

    use super::*;

    fn settings() -> Settings {
        Settings { brokers: String::new(), namespace: "a".to_owned(), service: "cyberctl".to_owned() }
    }

    /// A topic as the broker would describe it.
    fn described(settings: &[(&str, &str)]) -> ConfigResource {
        let entry = |(name, value): &(&str, &str)| ConfigEntry {
            name: (*name).to_owned(),
            value: Some((*value).to_owned()),
            source: ConfigSource::DynamicTopic,
            is_read_only: false,
            is_default: false,
            is_sensitive: false,
        };
        let specifier = OwnedResourceSpecifier::Topic(String::new());
        ConfigResource { specifier, entries: settings.iter().map(entry).collect() }
    }

    #[test]
    fn a_topic_that_differs_from_its_declaration_is_a_problem() {
        let settings = settings();
        let problems = |name: &str, partitions, resource: &ConfigResource| {
            wanted(&settings, name, contracts::topics::ALL).map(|wanted| problems(&wanted, partitions, Some(resource)))
        };
        let fits = described(&[("cleanup.policy", "delete"), ("retention.ms", "1209600000"), ("flush.ms", "1")]);
        assert_eq!(problems("a.order.order.v1", 12, &fits), Some(vec![]), "what is not told does not differ");
        let other = described(&[("cleanup.policy", "compact"), ("retention.ms", "-1")]);
        assert_eq!(problems("a.order.order.v1", 3, &other).unwrap().len(), 3);
        assert_eq!(
            problems("a.order.order.v1.dlq.catalog", 1, &fits),
            Some(vec!["retention.ms is 1209600000, declared is 2592000000".to_owned()])
        );
        assert!(problems("a.catalog.product.v1", 0, &described(&[])).unwrap()[0].contains("missing"));
        assert_eq!(problems("a.somebody.else", 3, &other), None);
    }

    #[test]
    fn lag_counts_what_was_never_committed_from_the_first_record_that_is_left() {
        let settings = settings();
        let at = |partition| ("a.order".to_owned(), partition);
        let seen = Survey {
            partitions: BTreeMap::from([
                (at(0), Watermarks { low: 0, high: 10 }),
                (at(1), Watermarks { low: 5, high: 8 }),
            ]),
            replicas: BTreeMap::new(),
            committed: BTreeMap::from([
                ("a.catalog".to_owned(), BTreeMap::from([(at(0), 4)])),
                ("a.other".to_owned(), BTreeMap::from([(("a.else".to_owned(), 0), 1)])),
            ]),
        };
        let lags = lags("a.order", &seen, &settings);
        assert_eq!(lags, [GroupLag { group: "catalog".to_owned(), lag: 9 }]);
    }
}
