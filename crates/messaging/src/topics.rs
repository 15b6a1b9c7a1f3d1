//! Creating topics and asserting that they are what the contracts say.
//! The rule: a service does not start on a topic whose settings would lose what is said there.

use std::sync::Arc;
use std::time::Duration;

use contracts::{Retention, Topic};
use rdkafka::admin::{AdminClient, AdminOptions, ConfigResource, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use crate::settings::Settings;

/// Facts stay on their topic for this long; the inbox remembers longer, so that none that comes back has a second effect.
const EVENTS_RETENTION_DAYS: u64 = 14;
/// How long a secret lies there that somebody is to deliver.
const DELIVERIES_RETENTION_DAYS: u64 = 1;
/// Dead letters wait for a person.
pub(crate) const DEAD_LETTER_RETENTION_DAYS: u64 = 30;
/// A record larger than this is a defect of its writer.
const LARGEST_RECORD_BYTES: u64 = 1_000_012;

/// Why the topics are not as they must be.
#[derive(Debug, thiserror::Error)]
pub enum TopicError {
    /// The broker did not answer.
    #[error("the Kafka broker does not answer: {0}")]
    Unavailable(KafkaError),
    /// The broker refused to create a topic.
    #[error("the topic {topic} cannot be created: {code}")]
    Refused {
        /// Full name.
        topic: String,
        /// The broker's word.
        code: RDKafkaErrorCode,
    },
    /// The broker does not tell how a topic is set.
    #[error("the broker does not tell the settings of the topic {topic}; grant this client DescribeConfigs on it")]
    Untold {
        /// Full name.
        topic: String,
    },
    /// A topic exists with other settings.
    #[error(
        "the topic {topic} has {setting} {found}, but must have {expected}; set it back with kafka-configs.sh --alter \
         --entity-type topics --entity-name {topic} --add-config {setting}={expected}"
    )]
    Differs {
        /// Full name.
        topic: String,
        /// Which setting.
        setting: &'static str,
        /// What the broker says.
        found: String,
        /// What the contracts say.
        expected: String,
    },
    /// A topic exists with another number of partitions, so that keys are not where they were.
    #[error(
        "the topic {topic} has {found} partitions, but must have {expected}, which never change, since keys would \
         move; it was created by something else: delete it if it is empty, and it is created anew"
    )]
    Partitions {
        /// Full name.
        topic: String,
        /// What the broker says.
        found: usize,
        /// What the contracts say.
        expected: i32,
    },
}

/// Creates the topics that are missing and asserts partitions and settings of all. Safe to run from several replicas at
/// once.
///
/// # Errors
/// [`TopicError`].
pub async fn ensure_topics(settings: &Settings, topics: &[Topic]) -> Result<(), TopicError> {
    let wanted: Vec<Wanted> = topics.iter().map(|topic| Wanted::of(settings, topic)).collect();
    ensure(settings, &wanted).await
}

/// In the name of a dead-letter topic: between the topic and the group.
pub(crate) const DEAD_LETTER_MARK: &str = ".dlq.";

/// The dead-letter topic of a consumer group, without namespace.
pub(crate) fn dead_letter_topic(topic: &str, group: &str) -> String {
    format!("{topic}{DEAD_LETTER_MARK}{group}")
}

pub(crate) fn is_dead_letter_topic(topic: &str) -> bool {
    topic.contains(DEAD_LETTER_MARK)
}

/// A topic as it must be.
pub(crate) struct Wanted {
    pub(crate) name: String,
    pub(crate) partitions: i32,
    /// Every record for so long; none is the last record of each key for ever.
    pub(crate) retention_days: Option<u64>,
}

/// A setting that is not what it must be.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Difference {
    pub(crate) setting: &'static str,
    pub(crate) found: String,
    pub(crate) expected: String,
}

impl Wanted {
    pub(crate) fn of(settings: &Settings, topic: &Topic) -> Self {
        let retention_days = match topic.retention {
            Retention::Events => Some(EVENTS_RETENTION_DAYS),
            Retention::Deliveries => Some(DELIVERIES_RETENTION_DAYS),
            Retention::State => None,
        };
        Self { name: settings.name_of(topic), partitions: topic.partitions, retention_days }
    }

    /// What it is created with, and compared with ever after.
    pub(crate) fn settings(&self) -> Vec<(&'static str, String)> {
        let mut settings = vec![("max.message.bytes", LARGEST_RECORD_BYTES.to_string())];
        match self.retention_days {
            Some(days) => settings
                .extend([("cleanup.policy", "delete".to_owned()), ("retention.ms", (days * 86_400_000).to_string())]),
            None => settings.extend([
                ("cleanup.policy", "compact".to_owned()),
                // A bootstrap scan stays valid for a week after a removal.
                ("delete.retention.ms", "604800000".to_owned()),
                ("min.compaction.lag.ms", "60000".to_owned()),
            ]),
        }
        settings
    }

    /// Where the broker has something else. A setting missing from its answer is one that this broker does not have.
    pub(crate) fn differences(&self, resource: &ConfigResource) -> Vec<Difference> {
        self.settings()
            .into_iter()
            .filter_map(|(setting, expected)| {
                let found = resource.get(setting)?.value.clone()?;
                (found != expected).then_some(Difference { setting, found, expected })
            })
            .collect()
    }
}

pub(crate) async fn ensure(settings: &Settings, wanted: &[Wanted]) -> Result<(), TopicError> {
    if wanted.is_empty() {
        return Ok(());
    }
    let admin: Arc<AdminClient<DefaultClientContext>> =
        Arc::new(settings.client().create().map_err(TopicError::Unavailable)?);
    let options = AdminOptions::new()
        .request_timeout(Some(Duration::from_secs(10)))
        .operation_timeout(Some(Duration::from_secs(10)));
    let settings_of: Vec<_> = wanted.iter().map(Wanted::settings).collect();
    let new: Vec<NewTopic<'_>> = wanted
        .iter()
        .zip(&settings_of)
        .map(|(topic, settings)| {
            // -1: the broker's default replication factor (3 in production, 1 on a laptop).
            let new = NewTopic::new(&topic.name, topic.partitions, TopicReplication::Fixed(-1));
            settings.iter().fold(new, |new, (setting, value)| new.set(setting, value))
        })
        .collect();
    let results = admin.create_topics(&new, &options).await.map_err(TopicError::Unavailable)?;
    for result in results {
        match result {
            Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
            Err((topic, code)) => return Err(TopicError::Refused { topic, code }),
        }
    }
    assert_settings(&admin, &options, wanted).await
}

async fn assert_settings(
    admin: &Arc<AdminClient<DefaultClientContext>>,
    options: &AdminOptions,
    wanted: &[Wanted],
) -> Result<(), TopicError> {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
    for topic in wanted {
        let resource = loop {
            let resource = [ResourceSpecifier::Topic(&topic.name)];
            let described = admin.describe_configs(&resource, options).await.map_err(TopicError::Unavailable)?;
            match described.into_iter().next() {
                Some(Ok(resource)) if !resource.entries.is_empty() => break resource,
                // A topic that was created a moment ago is not known to the whole broker yet.
                _ if tokio::time::Instant::now() < deadline => tokio::time::sleep(Duration::from_millis(100)).await,
                _ => return Err(TopicError::Untold { topic: topic.name.clone() }),
            }
        };
        if let Some(Difference { setting, found, expected }) = topic.differences(&resource).into_iter().next() {
            return Err(TopicError::Differs { topic: topic.name.clone(), setting, found, expected });
        }
    }
    for topic in wanted {
        let found = loop {
            let found = partitions_of(Arc::clone(admin), topic.name.clone()).await?;
            if found > 0 || tokio::time::Instant::now() > deadline {
                break found;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        };
        if usize::try_from(topic.partitions) != Ok(found) {
            return Err(TopicError::Partitions { topic: topic.name.clone(), found, expected: topic.partitions });
        }
    }
    Ok(())
}

/// How many partitions a topic has; 0 when the broker does not know it yet.
async fn partitions_of(admin: Arc<AdminClient<DefaultClientContext>>, name: String) -> Result<usize, TopicError> {
    // The C library blocks here.
    let asked = tokio::task::spawn_blocking(move || {
        let metadata = admin.inner().fetch_metadata(Some(&name), Duration::from_secs(10))?;
        Ok(metadata.topics().first().map_or(0, |entry| entry.partitions().len()))
    });
    asked.await.unwrap_or(Err(KafkaError::Canceled)).map_err(TopicError::Unavailable)
}
