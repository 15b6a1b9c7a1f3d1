//! Dead letters: records that this service will never be able to take.
//! The rule: the dead letter is with the broker before the offset of its record moves on.

use crate::producer::Outgoing;
use crate::record::Record;
use crate::settings::Settings;
use crate::topics::{DEAD_LETTER_RETENTION_DAYS, Wanted, dead_letter_topic};

/// The headers that a dead letter carries besides those of its record.
pub mod header {
    /// Topic of the record, without namespace.
    pub const TOPIC: &str = "dlq.topic";
    /// Partition of the record.
    pub const PARTITION: &str = "dlq.partition";
    /// Offset of the record.
    pub const OFFSET: &str = "dlq.offset";
    /// The broker's time stamp of the record, milliseconds since 1970.
    pub const TIMESTAMP: &str = "dlq.timestamp";
    /// The consumer group that gave up.
    pub const GROUP: &str = "dlq.group";
    /// Why, in words.
    pub const ERROR: &str = "dlq.error";
    /// `unreadable`, `permanent` or `parked`.
    pub const KIND: &str = "dlq.kind";
    /// When, RFC 3339.
    pub const FIRST_FAILED_AT: &str = "dlq.first_failed_at";
    /// On a redriven record: the group that it is for; other groups pass a fact by.
    pub const REDRIVE: &str = "dlq-redrive";
    /// On a redriven record: the offset, on this topic, up to which the dead letters of its key came back.
    pub const UNTIL: &str = "dlq-until";
    /// On the last redriven record of a key: the key is free again, unless more of it waits by now.
    pub const UNPARK: &str = "dlq-unpark";
    /// On a record that frees a key and is nothing else: its dead letters were discarded, and none of them comes back.
    pub const DISCARD: &str = "dlq-discard";
}

/// Why a record became a dead letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// It cannot be parsed.
    Unreadable,
    /// Its command failed in a way that trying again does not change.
    Permanent,
    /// An earlier record of its key is a dead letter.
    Parked,
}

impl Cause {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Cause::Unreadable => "unreadable",
            Cause::Permanent => "permanent",
            Cause::Parked => "parked",
        }
    }
}

pub(crate) fn wanted(settings: &Settings, topic: &str, group: &str) -> Wanted {
    Wanted {
        name: settings.topic_name(&dead_letter_topic(topic, group)),
        partitions: 1,
        retention_days: Some(DEAD_LETTER_RETENTION_DAYS),
    }
}

pub(crate) fn dead_letter(record: &Record, group: &str, cause: Cause, error: &str) -> Outgoing {
    let mut headers: Vec<(String, Vec<u8>)> = record
        .headers
        .iter()
        .filter(|(name, _)| !name.starts_with("dlq.") && !name.starts_with("dlq-"))
        .cloned()
        .collect();
    let mut add = |name: &str, value: String| headers.push((name.to_owned(), value.into_bytes()));
    add(header::TOPIC, record.topic.clone());
    add(header::PARTITION, record.partition.to_string());
    add(header::OFFSET, record.offset.to_string());
    if let Some(timestamp) = record.timestamp {
        add(header::TIMESTAMP, timestamp.to_string());
    }
    add(header::GROUP, group.to_owned());
    add(header::ERROR, error.chars().take(1000).collect());
    add(header::KIND, cause.as_str().to_owned());
    add(header::FIRST_FAILED_AT, kernel::Clock::now().to_rfc3339());
    Outgoing {
        topic: dead_letter_topic(&record.topic, group),
        key: record.key.clone(),
        payload: record.payload.clone(),
        headers,
    }
}
