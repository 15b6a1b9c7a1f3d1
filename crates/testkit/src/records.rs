//! Saying something on a topic as another service would, and reading a topic as it lies there.
//!
//! The rule it keeps: tests speak events only in the form of the contracts, or deliberately raw.

use std::time::{Duration, Instant};

use contracts::{Channel, Envelope};
use kernel::{Clock, EventId, OrganisationId};
use messaging::{Outgoing, Producer, Record, Settings};
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::message::{Headers as _, Message as _};
use rdkafka::{Offset, TopicPartitionList};
use uuid::Uuid;

use crate::must;

/// For the broker to answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// The record that carries `event`, as the service that owns its topic would write it.
#[must_use]
pub fn publish<C: Channel>(organisation: Option<OrganisationId>, version: i64, event: &C) -> Outgoing {
    let envelope = Envelope {
        id: EventId::new(),
        event_type: event.event_type().to_owned(),
        source: format!("/{}", C::TOPIC.owner),
        time: Clock::now(),
        subject: event.key(),
        organisation,
        actor: "system:test".to_owned(),
        aggregate_version: version,
        correlation: Uuid::now_v7(),
        causation: None,
        traceparent: None,
    };
    Outgoing {
        topic: C::TOPIC.name.to_owned(),
        key: Some(event.key().to_string().into_bytes()),
        payload: Some(must(event.to_json(), "write an event")),
        headers: envelope.to_headers().into_iter().map(|(name, value)| (name.to_owned(), value.into_bytes())).collect(),
    }
}

/// Sends records in order and waits until the broker has them.
pub(crate) async fn send(settings: &Settings, records: &[Outgoing]) {
    let producer = must(Producer::new(settings), "make a producer");
    for outcome in producer.send_all(records).await {
        must(outcome, "send a record");
    }
}

/// Everything on a topic (named without its namespace) at this moment, by partition and offset. A topic that does not
/// exist is empty.
pub async fn read_topic(settings: &Settings, topic: &str) -> Vec<Record> {
    let (settings, topic) = (settings.clone(), topic.to_owned());
    // The client's calls block; they get a thread for it.
    must(tokio::task::spawn_blocking(move || read(&settings, &topic)).await, "read a topic")
}

fn read(settings: &Settings, topic: &str) -> Vec<Record> {
    let consumer: BaseConsumer = must(
        settings
            .client()
            .set("group.id", format!("reader-{}", Uuid::new_v4()))
            .set("enable.auto.commit", "false")
            // A broker answers one connection in order: a long fetch would hold up whatever is asked behind it.
            .set("fetch.wait.max.ms", "10")
            .create(),
        "make a reader",
    );
    let full = settings.topic_name(topic);
    let metadata = must(consumer.fetch_metadata(Some(&full), PATIENCE), "look at a topic");
    let partitions: Vec<i32> =
        metadata.topics().iter().flat_map(|topic| topic.partitions().iter().map(|partition| partition.id())).collect();
    let (mut assignment, mut ends) = (TopicPartitionList::new(), Vec::new());
    for partition in partitions {
        let (low, high) = must(consumer.fetch_watermarks(&full, partition, PATIENCE), "look at a partition");
        if high > low {
            must(assignment.add_partition_offset(&full, partition, Offset::Offset(low)), "assign a partition");
            ends.push((partition, high));
        }
    }
    let mut records = Vec::new();
    if ends.is_empty() {
        return records;
    }
    must(consumer.assign(&assignment), "assign the partitions");
    let until = Instant::now() + PATIENCE;
    while !reached(&consumer, &ends) {
        assert!(Instant::now() < until, "the topic {full} could not be read to its end within {PATIENCE:?}");
        if let Some(message) = consumer.poll(Duration::from_millis(100)) {
            let message = must(message, "read a record");
            records.push(Record {
                topic: topic.to_owned(),
                partition: message.partition(),
                offset: message.offset(),
                timestamp: message.timestamp().to_millis(),
                key: message.key().map(<[u8]>::to_vec),
                payload: message.payload().map(<[u8]>::to_vec),
                headers: message.headers().map_or_else(Vec::new, |headers| {
                    headers
                        .iter()
                        .map(|header| (header.key.to_owned(), header.value.unwrap_or_default().to_vec()))
                        .collect()
                }),
            });
        }
    }
    records.sort_by_key(|record| (record.partition, record.offset));
    records
}

/// By position: the very last offsets may belong to no record.
fn reached(consumer: &BaseConsumer, ends: &[(i32, i64)]) -> bool {
    let Ok(position) = consumer.position() else { return false };
    ends.iter().all(|(partition, end)| {
        position.elements().iter().any(|element| {
            element.partition() == *partition && matches!(element.offset(), Offset::Offset(at) if at >= *end)
        })
    })
}
