//! Reading dead-letter topics: `<topic>.dlq.<group>`, the record as it was plus headers that say what happened.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use contracts::{Retention, header};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{BorrowedMessage, Message};
use rdkafka::{Offset, TopicPartitionList};
use serde::Serialize;

use super::groups::{self, Watermarks};
use super::{OperationError, blocking, consumer, is_ours, marker};
use crate::Settings;
use crate::dead_letter::{Cause, Origin, header as died};
use crate::record::{Place, headers_of};
use crate::topics::DEAD_LETTER_MARK;

/// How long a read may see nothing before it is given up.
const PATIENCE: Duration = Duration::from_secs(15);

/// Which dead letters are meant.
#[derive(Debug, Clone)]
pub struct Selection {
    /// The group that could not take them, without namespace.
    pub group: String,
    /// Only those of this topic, without namespace.
    pub topic: Option<String>,
}

/// A dead-letter topic.
#[derive(Debug, Clone, Serialize)]
pub struct DeadLetterTopic {
    /// The topic that the records come from, without namespace.
    pub topic: String,
    /// The group that could not take them, without namespace.
    pub group: String,
    /// Records in it.
    pub records: i64,
    /// Those that were neither redriven nor discarded.
    pub pending: i64,
}

/// One dead letter.
#[derive(Debug, Clone, Serialize)]
pub struct DeadLetter {
    /// The topic that it comes from, without namespace.
    pub topic: String,
    /// The group that could not take it.
    pub group: String,
    /// Where it stands in the dead-letter topic.
    pub partition: i32,
    /// Where it stands in the dead-letter topic.
    pub offset: i64,
    /// Where it stood in its own topic.
    pub origin_partition: Option<i32>,
    /// Where it stood in its own topic.
    pub origin_offset: Option<i64>,
    /// `parked`, `permanent` or `unreadable`.
    pub kind: String,
    /// What was wrong.
    pub error: String,
    /// When it first failed, as written.
    pub first_failed_at: String,
    /// Its key, as text where it is text.
    pub key: Option<String>,
    /// `ce_id`.
    pub event_id: Option<String>,
    /// `ce_type`.
    pub event_type: Option<String>,
    /// All headers, as text where they are text.
    pub headers: Vec<(String, String)>,
    /// The body, as text where it is text; none is a tombstone.
    pub payload: Option<String>,
    /// The size of the record in bytes, when it was too large and this is only its head.
    pub cut: Option<usize>,
    #[serde(skip)]
    pub(super) raw: Raw,
}

impl DeadLetter {
    /// Whether nothing is wrong with it: it only waits behind another dead letter of its key.
    #[must_use]
    pub fn is_parked(&self) -> bool {
        self.kind == Cause::Parked.as_str()
    }

    /// What it is in order with: its topic and key.
    pub(super) fn lane(&self) -> (&str, Option<&[u8]>) {
        (self.topic.as_str(), self.raw.key.as_deref())
    }

    /// Where its record stood before it was brought back for the first time.
    pub(super) fn first_origin(&self) -> Option<Origin> {
        let told = self.headers.iter().find(|(name, _)| name == died::FROM).and_then(|(_, text)| Origin::parse(text));
        told.or_else(|| {
            let (partition, offset) = (self.origin_partition?, self.origin_offset?);
            Some(Origin { topic: self.topic.clone(), partition, offset })
        })
    }

    /// Where its record stood when it died; a copy when it was brought back before.
    pub(super) fn origin(&self) -> Option<Place> {
        Some((self.topic.clone(), self.origin_partition?, self.origin_offset?))
    }

    /// Which one it is: the group is the same in everything that is done at once.
    pub(super) fn place(&self) -> Place {
        (self.topic.clone(), self.partition, self.offset)
    }
}

/// The bytes, for sending them again exactly.
#[derive(Debug, Clone, Default)]
pub(super) struct Raw {
    pub(super) key: Option<Vec<u8>>,
    pub(super) payload: Option<Vec<u8>>,
    pub(super) headers: Vec<(String, Vec<u8>)>,
}

impl Raw {
    pub(super) fn of(message: &BorrowedMessage<'_>) -> Self {
        Self {
            key: message.key().map(<[u8]>::to_vec),
            payload: message.payload().map(<[u8]>::to_vec),
            headers: headers_of(message),
        }
    }
}

/// Every dead-letter topic of the namespace, the ones with something pending first.
///
/// # Errors
/// When the broker does not answer.
pub async fn dead_letter_topics(settings: &Settings) -> Result<Vec<DeadLetterTopic>, OperationError> {
    let settings = settings.clone();
    blocking(move || {
        let client = consumer(&settings, &marker(&settings))?;
        let partitions = groups::partitions(&client, |name| parts(&settings, name).is_some())?;
        let done = groups::committed(&settings, &marker(&settings), partitions.keys().cloned())?;
        let mut topics: BTreeMap<(String, String), DeadLetterTopic> = BTreeMap::new();
        for (at, marks) in &partitions {
            let Some((topic, group)) = parts(&settings, &at.0) else { continue };
            let entry = topics.entry((topic.clone(), group.clone())).or_insert(DeadLetterTopic {
                topic,
                group,
                records: 0,
                pending: 0,
            });
            entry.records += marks.high - marks.low;
            entry.pending += marks.high - first_pending(*marks, done.get(at).copied());
        }
        let mut topics: Vec<DeadLetterTopic> = topics.into_values().collect();
        topics.sort_by_key(|topic| std::cmp::Reverse(topic.pending));
        Ok(topics)
    })
    .await
}

/// The dead letters of a selection in order, at most `most`: the pending ones, or with `all` also those that were
/// redriven or discarded and are still kept.
///
/// # Errors
/// When the broker does not answer, or records do not arrive.
pub async fn dead_letters(
    settings: &Settings,
    selection: &Selection,
    all: bool,
    most: usize,
) -> Result<Vec<DeadLetter>, OperationError> {
    let (settings, selection) = (settings.clone(), selection.clone());
    blocking(move || Ok(read(&settings, &selection, all, most)?.letters)).await
}

/// Letters, where the next read would begin in each partition that was read, and where those partitions ended.
pub(super) struct Read {
    pub(super) letters: Vec<DeadLetter>,
    pub(super) next: BTreeMap<(String, i32), i64>,
    pub(super) ends: BTreeMap<(String, i32), i64>,
}

/// Reads the selection's partitions one after the other, each from its first pending record to its end.
pub(super) fn read(settings: &Settings, selection: &Selection, all: bool, most: usize) -> Result<Read, OperationError> {
    let client = consumer(settings, &marker(settings))?;
    let wanted = |name: &str| {
        parts(settings, name).is_some_and(|(topic, group)| {
            group == selection.group && selection.topic.as_ref().is_none_or(|only| *only == topic)
        })
    };
    let partitions = groups::partitions(&client, wanted)?;
    let done = groups::committed(settings, &marker(settings), partitions.keys().cloned())?;
    let mut result = Read { letters: Vec::new(), next: BTreeMap::new(), ends: BTreeMap::new() };
    for (at, marks) in &partitions {
        result.ends.insert(at.clone(), marks.high);
        let from = if all { marks.low } else { first_pending(*marks, done.get(at).copied()) };
        if from >= marks.high || result.letters.len() >= most {
            continue;
        }
        let next = read_partition(&client, settings, at, from, marks.high, most, &mut result.letters)?;
        result.next.insert(at.clone(), next);
    }
    Ok(result)
}

/// What a topic (without namespace) keeps, when the contracts know it.
pub(super) fn keeps(topic: &str) -> Option<Retention> {
    contracts::topics::ALL.iter().find(|known| known.name == topic).map(|known| known.retention)
}

fn read_partition(
    client: &BaseConsumer,
    settings: &Settings,
    at: &(String, i32),
    from: i64,
    end: i64,
    most: usize,
    letters: &mut Vec<DeadLetter>,
) -> Result<i64, OperationError> {
    walk(client, at, from, end, |message| {
        letters.extend(letter(settings, message));
        letters.len() < most
    })
}

/// Reads a partition up to `end`, or until `take` has enough, and returns the next offset.
pub(super) fn walk(
    client: &BaseConsumer,
    at: &(String, i32),
    from: i64,
    end: i64,
    mut take: impl FnMut(&BorrowedMessage<'_>) -> bool,
) -> Result<i64, OperationError> {
    let mut assignment = TopicPartitionList::new();
    assignment
        .add_partition_offset(&at.0, at.1, Offset::Offset(from))
        .map_err(OperationError::broker("an offset cannot be written"))?;
    client.assign(&assignment).map_err(OperationError::broker(format!("{} cannot be read", at.0)))?;
    let mut next = from;
    let mut last_seen = Instant::now();
    while next < end {
        match client.poll(Duration::from_millis(200)) {
            // A consumer that was just assigned elsewhere may still hand out what it had fetched before.
            Some(Ok(message)) if message.topic() == at.0 && message.partition() == at.1 => {
                next = message.offset() + 1;
                last_seen = Instant::now();
                if !take(&message) {
                    break;
                }
            }
            Some(Ok(_)) => {}
            // The last offset may be the mark that ends a transaction: the client goes past it without giving anything.
            None => {
                let position =
                    client.position().ok().and_then(|list| list.find_partition(&at.0, at.1)?.offset().to_raw());
                if let Some(passed) = position.filter(|passed| *passed > next) {
                    next = passed;
                    last_seen = Instant::now();
                }
            }
            Some(Err(error)) => tracing::debug!(%error, "the broker is asked again"),
        }
        if last_seen.elapsed() > PATIENCE {
            return Err(OperationError::Stalled {
                topic: at.0.clone(),
                partition: at.1,
                offset: next,
                end,
                seconds: PATIENCE.as_secs(),
            });
        }
    }
    Ok(next)
}

/// Topic and group of a dead-letter topic, both without namespace.
pub(super) fn parts(settings: &Settings, name: &str) -> Option<(String, String)> {
    if !is_ours(settings, name) {
        return None;
    }
    let (topic, group) = settings.local_name(name).rsplit_once(DEAD_LETTER_MARK)?;
    (!topic.is_empty() && !group.is_empty()).then(|| (topic.to_owned(), group.to_owned()))
}

fn first_pending(marks: Watermarks, done: Option<i64>) -> i64 {
    done.unwrap_or(marks.low).clamp(marks.low, marks.high)
}

fn letter(settings: &Settings, message: &BorrowedMessage<'_>) -> Option<DeadLetter> {
    let (topic, group) = parts(settings, message.topic())?;
    let headers = headers_of(message);
    let lossy = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let text = |name: &str| headers.iter().find(|(key, _)| key == name).map(|(_, value)| lossy(value));
    Some(DeadLetter {
        topic,
        group,
        partition: message.partition(),
        offset: message.offset(),
        origin_partition: text(died::PARTITION).and_then(|value| value.parse().ok()),
        origin_offset: text(died::OFFSET).and_then(|value| value.parse().ok()),
        kind: text(died::KIND).unwrap_or_else(|| "unknown".to_owned()),
        error: text(died::ERROR).unwrap_or_default(),
        first_failed_at: text(died::FIRST_FAILED_AT).unwrap_or_default(),
        key: message.key().map(lossy),
        event_id: text(header::ID),
        event_type: text(header::TYPE),
        headers: headers.iter().map(|(key, value)| (key.clone(), lossy(value))).collect(),
        payload: message.payload().map(lossy),
        cut: text(died::CUT).and_then(|bytes| bytes.parse().ok()),
        raw: Raw::of(message),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_dead_letter_topic_says_topic_and_group() {
        let settings =
            Settings { brokers: String::new(), namespace: "test-1".to_owned(), service: "cyberctl".to_owned() };
        let name = |topic: &str, group: &str| Some((topic.to_owned(), group.to_owned()));
        assert_eq!(parts(&settings, "test-1.order.order.v1.dlq.catalog"), name("order.order.v1", "catalog"));
        assert_eq!(parts(&settings, "test-1.order.order.v1"), None);
        assert_eq!(parts(&settings, "test-2.order.order.v1.dlq.catalog"), None);
        assert_eq!(parts(&settings, "test-1..dlq.catalog"), None);
    }

    #[test]
    fn pending_begins_behind_what_is_done_and_never_outside_of_what_is_kept() {
        let marks = Watermarks { low: 10, high: 20 };
        assert_eq!(first_pending(marks, None), 10);
        assert_eq!(first_pending(marks, Some(15)), 15);
        assert_eq!(first_pending(marks, Some(3)), 10, "retention removed what was pending");
        assert_eq!(first_pending(marks, Some(99)), 20);
    }
}
