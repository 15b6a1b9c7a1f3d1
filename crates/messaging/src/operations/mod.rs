//! What an operator needs of the broker: topics and their lag, dead letters and how they come back.
//! The rule: nothing here runs inside a service; it reads as a stranger and never joins a service's group.

mod dead_letters;
mod groups;
mod origins;
mod redrive;
mod topics;

use std::time::Duration;

use rdkafka::consumer::BaseConsumer;
use rdkafka::error::KafkaError;

pub use dead_letters::{DeadLetter, DeadLetterTopic, Selection, dead_letter_topics, dead_letters};
pub use redrive::{Redriven, discard, redrive};
pub use topics::{GroupLag, TopicReport, topics};

use crate::Settings;

/// The group whose offsets on the dead-letter topics mark what was redriven or discarded.
pub const GROUP: &str = "cyberctl";

/// How long one question to the broker may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// How long the first question may take: a person who asks a broker that is away hears of it soon.
const FIRST_ANSWER_WITHIN: Duration = Duration::from_millis(2_500);

/// An operation could not be done.
#[derive(Debug, thiserror::Error)]
pub enum OperationError {
    /// The broker did not answer, or refused.
    #[error("{what}: {cause}; is KAFKA_BROKERS right and the broker up?")]
    Broker {
        /// What was being done.
        what: String,
        /// What the client library said.
        #[source]
        cause: KafkaError,
    },
    /// Records that should be there were not delivered in time.
    #[error("{topic}, partition {partition}: no record for {seconds} s at offset {offset} of {end}; try again")]
    Stalled {
        /// The topic.
        topic: String,
        /// Its partition.
        partition: i32,
        /// The next offset that was expected.
        offset: i64,
        /// Where reading should have ended.
        end: i64,
        /// How long nothing came.
        seconds: u64,
    },
    /// A dead letter is only the head of its record, and the whole cannot be had or is too large to come back.
    #[error(
        "{topic}, dead letter {offset} of {group}, cannot be brought back: {reason}; nothing was done after it, and \
         `cyberctl dlq redrive {group} --topic {topic} --discard --yes` gives it up"
    )]
    Unreturnable {
        /// The topic that it comes from, without namespace.
        topic: String,
        /// The group that could not take it.
        group: String,
        /// Where it stands in the dead-letter topic.
        offset: i64,
        /// Why.
        reason: String,
    },
    /// The thread that does the work ended without a result.
    #[error("the operation ended without a result: {0}")]
    Lost(String),
}

impl OperationError {
    fn broker(what: impl Into<String>) -> impl FnOnce(KafkaError) -> Self {
        let what = what.into();
        move |cause| Self::Broker { what, cause }
    }
}

/// Runs blocking work of librdkafka where it may block.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, OperationError> + Send + 'static,
) -> Result<T, OperationError> {
    tokio::task::spawn_blocking(work).await.map_err(|error| OperationError::Lost(error.to_string()))?
}

/// A consumer that reads and commits for `group` (its full name) without joining it: it is assigned, never subscribed.
fn consumer(settings: &Settings, group: &str) -> Result<BaseConsumer, OperationError> {
    settings
        .reader("operations")
        .set("group.id", group)
        .set("fetch.wait.max.ms", "100")
        .create()
        .map_err(OperationError::broker("a Kafka client cannot be made"))
}

/// The group that marks what was redriven, by its full name.
fn marker(settings: &Settings) -> String {
    settings.topic_name(GROUP)
}

/// Whether a topic or group on the broker belongs to this namespace.
fn is_ours(settings: &Settings, full: &str) -> bool {
    !full.starts_with("__") && (settings.namespace.is_empty() || settings.local_name(full).len() < full.len())
}
