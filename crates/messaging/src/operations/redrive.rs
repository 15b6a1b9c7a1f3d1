//! Bringing dead letters back: to their own topic, in order, with the same event id, marked for the one group that could
//! not take them. Giving them up: only those that are wrong themselves; what waited behind them comes back.
//! Offsets of the group `cyberctl` on the dead-letter topic move only after the broker has the copies,
//! so an interrupted redrive repeats records, which inboxes and versions make harmless, and loses none.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use contracts::Retention;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord, Producer};
use serde::Serialize;
use uuid::Uuid;

use super::dead_letters::{DeadLetter, Read, Selection, keeps, read};
use super::origins::{make_whole, replaced};
use super::{ANSWER_WITHIN, OperationError, blocking, groups, marker};
use crate::Settings;
use crate::dead_letter::{header as died, is_about_a_death};
use crate::record::Place;
use crate::topics::dead_letter_topic;

/// Dead letters that one round takes into memory.
const ROUND: usize = 10_000;
/// Rounds after which something is wrong: records keep failing as fast as they are brought back.
const ROUNDS: usize = 10;

/// What was brought back, and what was given up.
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
    /// Records that were given up.
    pub discarded: usize,
}

/// How a letter goes to its topic.
#[derive(Debug, Clone, Copy)]
struct Back<'l> {
    letter: &'l DeadLetter,
    how: Return,
    /// The offset, on its topic, of the newest letter of its key that is dealt with.
    until: Option<i64>,
}

/// What it means for its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Return {
    /// With more of its key behind it.
    Ahead,
    /// As the last of its key, which is free then.
    Last,
    /// Not at all: it was given up and nothing of its key comes back, which is free then.
    Freed,
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
    settle(settings, selection, patience, false).await
}

/// Gives up what is wrong itself among all that is pending now, brings back what waited behind it, and frees the keys
/// of which nothing waits. What was given up stays readable until the topic's retention removes it.
///
/// # Errors
/// When the broker does not answer; what was done until then stays done.
pub async fn discard(
    settings: &Settings,
    selection: &Selection,
    patience: Duration,
) -> Result<Redriven, OperationError> {
    settle(settings, selection, patience, true).await
}

async fn settle(
    settings: &Settings,
    selection: &Selection,
    patience: Duration,
    discarding: bool,
) -> Result<Redriven, OperationError> {
    let producer: FutureProducer = settings
        .producer()
        // A person waits for this one.
        .set("message.timeout.ms", "30000")
        .create()
        .map_err(OperationError::broker("a Kafka producer cannot be made"))?;
    let mut result = Redriven::default();
    let mut keys: BTreeSet<(String, Option<Vec<u8>>)> = BTreeSet::new();
    let mut brought: BTreeSet<Place> = BTreeSet::new();
    let mut ends = None;
    for _ in 0..ROUNDS {
        let (read_settings, read_selection) = (settings.clone(), selection.clone());
        let Read { letters, next, ends: now } =
            blocking(move || read(&read_settings, &read_selection, false, ROUND)).await?;
        // What died after a person had looked is not given up unseen.
        let known = ends.get_or_insert(now);
        let given_up = |letter: &DeadLetter| {
            let at = (settings.topic_name(&dead_letter_topic(&letter.topic, &letter.group)), letter.partition);
            discarding && !letter.is_parked() && known.get(&at).is_some_and(|end| letter.offset < *end)
        };
        // What failed again stays pending, and stops here: bringing it back in a circle helps nobody. It is known by its
        // place, since it may have no event id.
        let (again, fresh): (Vec<_>, Vec<_>) =
            letters.into_iter().partition(|letter| letter.origin().is_some_and(|origin| brought.contains(&origin)));
        result.failed_again = again.len();
        if fresh.is_empty() || !again.is_empty() {
            break;
        }
        let (discarded, fresh): (Vec<_>, Vec<_>) = fresh.into_iter().partition(given_up);
        let replace_settings = settings.clone();
        let (fresh, replaced): (Vec<_>, Vec<_>) = blocking(move || {
            let replaced = replaced(&replace_settings, &fresh)?;
            let (mut fresh, replaced): (Vec<_>, Vec<_>) =
                fresh.into_iter().partition(|letter| !replaced.contains(&letter.place()));
            make_whole(&replace_settings, &mut fresh)?;
            Ok((fresh, replaced))
        })
        .await?;
        result.replaced += replaced.len();
        result.discarded += discarded.len();
        let copies = send(&producer, settings, &returns(&fresh, &discarded)).await?;
        keys.extend(fresh.iter().map(|letter| (letter.topic.clone(), letter.raw.key.clone())));
        result.records += fresh.len();
        let commit_settings = settings.clone();
        blocking(move || groups::commit(&commit_settings, &marker(&commit_settings), &next)).await?;
        let reached = reached(settings, &copies);
        brought.extend(copies);
        result.taken = wait_until_taken(settings, &selection.group, reached, patience).await?;
        if !result.taken {
            break;
        }
    }
    result.keys = keys.len();
    Ok(result)
}

/// What is written, in order: what comes back, then one record for each key that was parked behind what was given up
/// and of which nothing comes back. Only facts park keys, and only such as are ids; on a topic of state a record without
/// a body would remove its key.
fn returns<'l>(back: &'l [DeadLetter], discarded: &'l [DeadLetter]) -> Vec<Back<'l>> {
    let mut last_of_key: BTreeMap<(&str, Option<&[u8]>), usize> = BTreeMap::new();
    for (position, letter) in back.iter().enumerate() {
        last_of_key.insert(letter.lane(), position);
    }
    let mut newest: BTreeMap<(&str, Option<&[u8]>), Option<i64>> = BTreeMap::new();
    for letter in back.iter().chain(discarded) {
        let until = newest.entry(letter.lane()).or_default();
        *until = letter.origin_offset.max(*until);
    }
    let until = |letter: &DeadLetter| newest.get(&letter.lane()).copied().flatten();
    let mut returns: Vec<_> = back
        .iter()
        .enumerate()
        .map(|(position, letter)| {
            let last = last_of_key.get(&letter.lane()) == Some(&position);
            Back { letter, how: if last { Return::Last } else { Return::Ahead }, until: until(letter) }
        })
        .collect();
    let mut freed = BTreeSet::new();
    for letter in discarded.iter().filter(|letter| !last_of_key.contains_key(&letter.lane())) {
        let parks = keeps(&letter.topic).is_some_and(Retention::holds_facts)
            && letter.key.as_ref().is_some_and(|key| key.parse::<Uuid>().is_ok());
        if parks && freed.insert(letter.lane()) {
            returns.push(Back { letter, how: Return::Freed, until: until(letter) });
        }
    }
    returns
}

/// The next offset of each partition that the copies were written to.
fn reached(settings: &Settings, copies: &[Place]) -> BTreeMap<(String, i32), i64> {
    let mut reached = BTreeMap::new();
    for (topic, partition, offset) in copies {
        let end = reached.entry((settings.topic_name(topic), *partition)).or_insert(0);
        *end = (offset + 1).max(*end);
    }
    reached
}

/// Writes the letters to their topics in order and returns where the copies lie.
async fn send(
    producer: &FutureProducer,
    settings: &Settings,
    letters: &[Back<'_>],
) -> Result<Vec<Place>, OperationError> {
    let mut copies = Vec::with_capacity(letters.len());
    for chunk in letters.chunks(500) {
        let mut acknowledgements = Vec::with_capacity(chunk.len());
        for back in chunk {
            let Back { letter, how, .. } = back;
            let topic = settings.topic_name(&letter.topic);
            let mut record: FutureRecord<'_, [u8], [u8]> = FutureRecord::to(&topic).headers(headers(back));
            record.key = letter.raw.key.as_deref();
            record.payload = letter.raw.payload.as_deref().filter(|_| *how != Return::Freed);
            // The partition that it came from: the same as its key says, and right also for a record without key.
            record.partition = letter.origin_partition;
            let acknowledgement = producer.send_result(record).map_err(|(cause, _)| OperationError::Broker {
                what: format!("{topic} does not take the record at offset {}", letter.offset),
                cause,
            })?;
            acknowledgements.push((&letter.topic, acknowledgement));
        }
        for (topic, acknowledgement) in acknowledgements {
            let delivery = acknowledgement
                .await
                .map_err(|_| OperationError::Lost("the producer was closed".to_owned()))?
                .map_err(|(cause, _)| OperationError::Broker {
                    what: format!("{topic} did not take a record"),
                    cause,
                })?;
            copies.push((topic.clone(), delivery.partition, delivery.offset));
        }
    }
    let flushing = producer.clone();
    blocking(move || flushing.flush(ANSWER_WITHIN).map_err(OperationError::broker("records could not be flushed")))
        .await?;
    Ok(copies)
}

/// The headers that it had before it died, and for whom it comes back.
fn headers(back: &Back<'_>) -> OwnedHeaders {
    let Back { letter, how, until } = *back;
    let mut headers = OwnedHeaders::new();
    for (key, value) in letter.raw.headers.iter().filter(|_| how != Return::Freed) {
        // `dlq.first_failed_at` and the rest describe an earlier death; a new one is described anew.
        if !is_about_a_death(key) {
            headers = headers.insert(Header { key, value: Some(value) });
        }
    }
    headers = headers.insert(Header { key: died::REDRIVE, value: Some(letter.group.as_bytes()) });
    if let Some(origin) = letter.first_origin() {
        headers = headers.insert(Header { key: died::FROM, value: Some(origin.to_string().as_bytes()) });
    }
    if let Some(until) = until {
        headers = headers.insert(Header { key: died::UNTIL, value: Some(until.to_string().as_bytes()) });
    }
    if how != Return::Ahead {
        headers = headers.insert(Header { key: died::UNPARK, value: Some("true") });
    }
    if how == Return::Freed {
        headers = headers.insert(Header { key: died::DISCARD, value: Some("true") });
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
