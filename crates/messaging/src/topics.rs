//! Creating topics and asserting that they are what the contracts say.
//! The rule: a service does not start on a topic whose settings would lose what is said there.

use std::sync::Arc;
use std::time::Duration;

use contracts::{Retention, Topic};
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use crate::settings::Settings;

/// Facts stay on their topic for this long; the inbox remembers longer.
const EVENTS_RETENTION_DAYS: u64 = 14;
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
    /// A topic exists with other settings.
    #[error("the topic {topic} has {setting} {found}, but must have {expected}; it was created by something else")]
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
}

/// Creates the topics that are missing and asserts partitions and clean-up policy of all. Safe to
/// run from several replicas at once.
///
/// # Errors
/// [`TopicError`].
pub async fn ensure_topics(settings: &Settings, topics: &[Topic]) -> Result<(), TopicError> {
    let wanted: Vec<Wanted> = topics
        .iter()
        .map(|topic| Wanted {
            name: settings.name_of(topic),
            partitions: topic.partitions,
            policy: match topic.retention {
                Retention::Events => "delete",
                Retention::State => "compact",
            },
            retention_days: match topic.retention {
                Retention::Events => Some(EVENTS_RETENTION_DAYS),
                Retention::State => None,
            },
        })
        .collect();
    ensure(settings, &wanted).await
}

pub(crate) struct Wanted {
    pub(crate) name: String,
    pub(crate) partitions: i32,
    pub(crate) policy: &'static str,
    pub(crate) retention_days: Option<u64>,
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
    let texts: Vec<(String, String)> = wanted
        .iter()
        .map(|topic| {
            let retention = topic
                .retention_days
                .map_or(-1, |days| i64::try_from(days.saturating_mul(24 * 3_600_000)).unwrap_or(i64::MAX));
            (retention.to_string(), LARGEST_RECORD_BYTES.to_string())
        })
        .collect();
    let new: Vec<NewTopic<'_>> = wanted
        .iter()
        .zip(&texts)
        .map(|(topic, (retention, largest))| {
            // -1: the broker's default replication factor (3 in production, 1 on a laptop).
            let new = NewTopic::new(&topic.name, topic.partitions, TopicReplication::Fixed(-1))
                .set("cleanup.policy", topic.policy)
                .set("max.message.bytes", largest);
            if topic.policy == "compact" {
                // A bootstrap scan stays valid for a week after a removal.
                new.set("delete.retention.ms", "604800000").set("min.compaction.lag.ms", "60000")
            } else {
                new.set("retention.ms", retention)
            }
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
        let found = loop {
            let resource = [ResourceSpecifier::Topic(&topic.name)];
            let described = admin.describe_configs(&resource, options).await.map_err(TopicError::Unavailable)?;
            let policy = match described.into_iter().next() {
                Some(Ok(resource)) => resource.get("cleanup.policy").and_then(|entry| entry.value.clone()),
                Some(Err(_)) | None => None,
            };
            // A topic that was created a moment ago is not known to the whole broker yet.
            match policy {
                Some(policy) => break policy,
                None if tokio::time::Instant::now() > deadline => break "nothing".to_owned(),
                None => tokio::time::sleep(Duration::from_millis(100)).await,
            }
        };
        if found != topic.policy {
            return Err(TopicError::Differs {
                topic: topic.name.clone(),
                setting: "cleanup.policy",
                found,
                expected: topic.policy.to_owned(),
            });
        }
    }
    for topic in wanted {
        let expected = usize::try_from(topic.partitions).unwrap_or(1);
        let found = loop {
            let found = partitions_of(Arc::clone(admin), topic.name.clone()).await?;
            if found > 0 || tokio::time::Instant::now() > deadline {
                break found;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        };
        if found != expected {
            return Err(TopicError::Differs {
                topic: topic.name.clone(),
                setting: "partitions",
                found: found.to_string(),
                expected: expected.to_string(),
            });
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
