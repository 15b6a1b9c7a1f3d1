//! Dead letters: records that this service will never be able to take.
//! The rule: the dead letter is with the broker before the offset of its record moves on, and whatever lies on a topic has
//! one: of a record that is too large for it, with what is wrong besides, the head.

use crate::producer::{LARGEST_RECORD_BYTES, Outgoing, bytes_of};
use crate::record::Record;
use crate::settings::Settings;
use crate::topics::{DEAD_LETTER_RETENTION_DAYS, Wanted, dead_letter_topic};

/// What is kept of each part of a record that is too large to be set aside whole: key, value, headers.
const HEAD_BYTES: usize = 65_536;

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
    /// Of a record that is too large to be set aside whole: its size in bytes. Only its head is kept here; the whole lies in
    /// its own place until the topic's retention removes it.
    pub const CUT: &str = "dlq.cut";
    /// On a redriven record: the group that it is for; other groups pass a fact by.
    pub const REDRIVE: &str = "dlq-redrive";
    /// On a redriven record, and on its dead letter when it fails again: where the record stood first: topic/partition/offset.
    pub const FROM: &str = "dlq-from";
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

/// Where a record stood before it was brought back for the first time. Written as `topic/partition/offset`, the topic
/// without namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    pub(crate) topic: String,
    pub(crate) partition: i32,
    pub(crate) offset: i64,
}

impl Origin {
    /// Reads it from the header of a redriven record.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (place, offset) = text.rsplit_once('/')?;
        let (topic, partition) = place.rsplit_once('/')?;
        Some(Self { topic: topic.to_owned(), partition: partition.parse().ok()?, offset: offset.parse().ok()? })
    }
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}/{}", self.topic, self.partition, self.offset)
    }
}

/// Whether a header was written by whoever set a record aside or brought it back.
pub(crate) fn is_about_a_death(header: &str) -> bool {
    header.starts_with("dlq.") || header.starts_with("dlq-")
}

pub(crate) fn wanted(settings: &Settings, topic: &str, group: &str) -> Wanted {
    Wanted {
        name: settings.topic_name(&dead_letter_topic(topic, group)),
        partitions: 1,
        retention_days: Some(DEAD_LETTER_RETENTION_DAYS),
    }
}

pub(crate) fn dead_letter(record: &Record, group: &str, cause: Cause, error: &str) -> Outgoing {
    let kept = record.headers.iter().filter(|(name, _)| !is_about_a_death(name) || name == header::FROM);
    let mut letter = Outgoing {
        topic: dead_letter_topic(&record.topic, group),
        key: record.key.clone(),
        payload: record.payload.clone(),
        headers: kept.cloned().collect(),
    };
    let mut told = what_is_wrong(record, group, cause, error);
    if letter.bytes() + bytes_of(None, None, &told) > LARGEST_RECORD_BYTES {
        let bytes = letter.bytes();
        cut(&mut letter);
        let error = format!(
            "its {bytes} bytes are too many for a dead letter, so this is its head; the whole lies in {}, partition {}, offset \
             {}, until the topic's retention removes it: {error}",
            record.topic, record.partition, record.offset
        );
        told = what_is_wrong(record, group, cause, &error);
        told.push((header::CUT.to_owned(), bytes.to_string().into_bytes()));
    }
    letter.headers.extend(told);
    letter
}

/// Leaves what fits in any case.
fn cut(letter: &mut Outgoing) {
    for bytes in [&mut letter.key, &mut letter.payload].into_iter().flatten() {
        bytes.truncate(HEAD_BYTES);
    }
    let mut left = HEAD_BYTES;
    letter.headers.retain(|(name, value)| {
        let weight = bytes_of(None, None, &[(name.clone(), value.clone())]);
        let fits = weight <= left;
        left -= if fits { weight } else { 0 };
        fits
    });
}

fn what_is_wrong(record: &Record, group: &str, cause: Cause, error: &str) -> Vec<(String, Vec<u8>)> {
    let mut headers = Vec::new();
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
    headers
}
