//! Bringing dead letters back: to their own topic, in order, with the same event id, marked for the one group that could
//! not take them. Offsets of the group `cyberctl` on the dead-letter topic move only after the broker has the copies,
//! so an interrupted redrive repeats records, which inboxes and versions make harmless, and loses none.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord, Producer};
use serde::Serialize;

use super::dead_letters::{DeadLetter, Read, Selection, read, replaced};
use super::{ANSWER_WITHIN, OperationError, blocking, groups, marker};
use crate::Settings;
use crate::dead_letter::header as died;

/// Dead letters that one round takes into memory.
const ROUND: usize = 10_000;
/// Rounds after which something is wrong: records keep failing as fast as they are brought back.
const ROUNDS: usize = 10;

/// What was brought back.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Redriven {
    /// Records written to their own topics.
    pub records: usize,
    /// Different keys among them.
    pub keys: usize,
    /// Whether the group has read all of them; a service that is down reads them later.
    pub taken: bool,
    /// Records that came back as dead letters although they were just redriven.
    pub failed_again: usize,
    /// Snapshots that were not brought back, since a newer one of their key is on the topic already.
    pub replaced: usize,
}

/// Brings back what is pending. Then waits up to `patience` for the group to have read it, and brings back what was
/// parked behind a key meanwhile, until nothing new is pending.
///
/// # Errors
/// When the broker does not answer; what was brought back until then stays brought back.
pub async fn redrive(
    settings: &Settings,
    selection: &Selection,
    patience: Duration,
) -> Result<Redriven, OperationError> {
    let producer: FutureProducer = settings
        .producer()
        // A person waits for this one.
        .set("message.timeout.ms", "30000")
        .create()
        .map_err(OperationError::broker("a Kafka producer cannot be made"))?;
    let mut result = Redriven::default();
    let mut keys: BTreeSet<(String, Option<Vec<u8>>)> = BTreeSet::new();
    let mut brought: BTreeSet<String> = BTreeSet::new();
    for _ in 0..ROUNDS {
        let (read_settings, read_selection) = (settings.clone(), selection.clone());
        let Read { letters, next } = blocking(move || read(&read_settings, &read_selection, false, ROUND)).await?;
        // What failed again stays pending, and stops here: bringing it back in a circle helps nobody.
        let (again, fresh): (Vec<_>, Vec<_>) =
            letters.into_iter().partition(|letter| letter.event_id.as_ref().is_some_and(|id| brought.contains(id)));
        result.failed_again = again.len();
        if fresh.is_empty() || !again.is_empty() {
            break;
        }
        let (replace_settings, fresh) = (settings.clone(), fresh);
        let (fresh, replaced): (Vec<_>, Vec<_>) = blocking(move || {
            let replaced = replaced(&replace_settings, &fresh)?;
            Ok(fresh.into_iter().partition(|letter| !replaced.contains(&letter.place())))
        })
        .await?;
        result.replaced += replaced.len();
        let reached = send(&producer, settings, &fresh).await?;
        brought.extend(fresh.iter().filter_map(|letter| letter.event_id.clone()));
        keys.extend(fresh.iter().map(|letter| (letter.topic.clone(), letter.raw.key.clone())));
        result.records += fresh.len();
        let commit_settings = settings.clone();
        blocking(move || groups::commit(&commit_settings, &marker(&commit_settings), &next)).await?;
        result.taken = wait_until_taken(settings, &selection.group, reached, patience).await?;
        if !result.taken {
            break;
        }
    }
    result.keys = keys.len();
    Ok(result)
}

/// Moves past what is pending without bringing it back, and returns how many records that were. They stay readable
/// until the topic's retention removes them.
///
/// # Errors
/// When the broker does not answer.
pub async fn discard(settings: &Settings, selection: &Selection) -> Result<usize, OperationError> {
    let (settings, selection) = (settings.clone(), selection.clone());
    blocking(move || {
        let Read { letters, next } = read(&settings, &selection, false, usize::MAX)?;
        groups::commit(&settings, &marker(&settings), &next)?;
        Ok(letters.len())
    })
    .await
}

/// Writes the letters to their topics in order and returns the next offset of each partition that was written to.
async fn send(
    producer: &FutureProducer,
    settings: &Settings,
    letters: &[DeadLetter],
) -> Result<BTreeMap<(String, i32), i64>, OperationError> {
    let last_of_key: BTreeMap<(&str, Option<&[u8]>), usize> = letters
        .iter()
        .enumerate()
        .map(|(position, letter)| ((letter.topic.as_str(), letter.raw.key.as_deref()), position))
        .collect();
    let mut reached = BTreeMap::new();
    for (chunk_start, chunk) in letters.chunks(500).enumerate().map(|(number, chunk)| (number * 500, chunk)) {
        let mut acknowledgements = Vec::with_capacity(chunk.len());
        for (position, letter) in chunk.iter().enumerate() {
            let of_key = (letter.topic.as_str(), letter.raw.key.as_deref());
            let last = last_of_key.get(&of_key) == Some(&(chunk_start + position));
            let topic = settings.topic_name(&letter.topic);
            let mut record: FutureRecord<'_, [u8], [u8]> = FutureRecord::to(&topic).headers(headers(letter, last));
            record.key = letter.raw.key.as_deref();
            record.payload = letter.raw.payload.as_deref();
            // The partition that it came from: the same as its key says, and right also for a record without key.
            record.partition = letter.origin_partition;
            let acknowledgement = producer.send_result(record).map_err(|(cause, _)| OperationError::Broker {
                what: format!("{topic} does not take the record at offset {}", letter.offset),
                cause,
            })?;
            acknowledgements.push((topic, acknowledgement));
        }
        for (topic, acknowledgement) in acknowledgements {
            let delivery = acknowledgement
                .await
                .map_err(|_| OperationError::Lost("the producer was closed".to_owned()))?
                .map_err(|(cause, _)| OperationError::Broker {
                    what: format!("{topic} did not take a record"),
                    cause,
                })?;
            let end = reached.entry((topic, delivery.partition)).or_insert(0);
            *end = (delivery.offset + 1).max(*end);
        }
    }
    let flushing = producer.clone();
    blocking(move || flushing.flush(ANSWER_WITHIN).map_err(OperationError::broker("records could not be flushed")))
        .await?;
    Ok(reached)
}

/// The headers that it had before it died, and for whom it comes back.
fn headers(letter: &DeadLetter, last_of_key: bool) -> OwnedHeaders {
    let mut headers = OwnedHeaders::new();
    for (key, value) in &letter.raw.headers {
        // `dlq.first_failed_at` and the rest describe an earlier death; a new one is described anew.
        if !key.starts_with("dlq.") && !key.starts_with("dlq-") {
            headers = headers.insert(Header { key, value: value.as_ref() });
        }
    }
    headers = headers.insert(Header { key: died::REDRIVE, value: Some(letter.group.as_bytes()) });
    if last_of_key {
        headers = headers.insert(Header { key: died::UNPARK, value: Some("true") });
    }
    headers
}

/// Whether the group has committed behind everything that was written, before `patience` is over.
async fn wait_until_taken(
    settings: &Settings,
    group: &str,
    reached: BTreeMap<(String, i32), i64>,
    patience: Duration,
) -> Result<bool, OperationError> {
    let deadline = Instant::now() + patience;
    loop {
        let (settings, group, wanted) = (settings.clone(), settings.topic_name(group), reached.clone());
        let behind = blocking(move || {
            let committed = groups::committed(&settings, &group, wanted.keys().cloned())?;
            Ok(wanted.iter().any(|(at, end)| committed.get(at).copied().unwrap_or(0) < *end))
        })
        .await?;
        if !behind {
            return Ok(true);
        }
        if Instant::now() >= deadline {
            return Ok(false);
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
}
