//! The topics that dead letters come from: whether a letter's record is still the newest of its key, and the whole of one
//! that was too large to be set aside.
//! The rule: a copy that came back counts from where its record stood first.

use std::collections::{BTreeMap, BTreeSet};

use contracts::Retention;
use rdkafka::message::{BorrowedMessage, Message};

use super::dead_letters::{DeadLetter, Raw, keeps, walk};
use super::{OperationError, consumer, groups, marker};
use crate::Settings;
use crate::dead_letter::{Origin, header as died, is_about_a_death};
use crate::producer::{LARGEST_RECORD_BYTES, bytes_of};
use crate::record::{Place, headers_of};

/// What the headers of a redriven record weigh at most.
const REDRIVE_BYTES: usize = 250;

/// The letters that a later record of their key has replaced. Only snapshots are replaced; brought back, such a letter
/// would be the newest record of its key, and compaction would remove the real one. A copy of the letter's own record, which
/// came back for whatever group, replaces nothing: it counts from where that record stood first.
pub(super) fn replaced(settings: &Settings, letters: &[DeadLetter]) -> Result<BTreeSet<Place>, OperationError> {
    // Of each partition, the letters with their offsets there.
    let mut partitions: BTreeMap<(String, i32), Vec<(i64, &DeadLetter)>> = BTreeMap::new();
    for letter in letters.iter().filter(|letter| keeps(&letter.topic) == Some(Retention::State)) {
        if let Some(Origin { partition, offset, .. }) = letter.first_origin() {
            partitions.entry((settings.topic_name(&letter.topic), partition)).or_default().push((offset, letter));
        }
    }
    let mut replaced = BTreeSet::new();
    let client = consumer(settings, &marker(settings))?;
    for (at, letters) in partitions {
        let marks = groups::watermarks(&client, &at.0, at.1)
            .map_err(OperationError::broker(format!("the offsets of {} cannot be read", at.0)))?;
        let first = letters.iter().map(|(offset, _)| offset + 1).min().unwrap_or(marks.high).max(marks.low);
        let mut newest: BTreeMap<Vec<u8>, i64> = BTreeMap::new();
        walk(&client, &at, first, marks.high, |message| {
            if let Some(key) = message.key() {
                let newest = newest.entry(key.to_vec()).or_default();
                *newest = stood_first(message).max(*newest);
            }
            true
        })?;
        for (offset, letter) in letters {
            let later = letter.raw.key.as_ref().and_then(|key| newest.get(key));
            if later.is_some_and(|later| *later > offset) {
                replaced.insert(letter.place());
            }
        }
    }
    Ok(replaced)
}

/// The offset at which a record, or the one that it is a copy of, stood first in its partition.
fn stood_first(message: &BorrowedMessage<'_>) -> i64 {
    let headers = headers_of(message);
    let told = headers.iter().find(|(name, _)| name == died::FROM);
    let origin = told.and_then(|(_, text)| Origin::parse(std::str::from_utf8(text).ok()?));
    origin.filter(|origin| origin.partition == message.partition()).map_or(message.offset(), |origin| origin.offset)
}

/// Gives the letters that are only heads the whole of their records, as they still lie in their own places.
pub(super) fn make_whole(settings: &Settings, letters: &mut [DeadLetter]) -> Result<(), OperationError> {
    let client = consumer(settings, &marker(settings))?;
    for letter in letters.iter_mut().filter(|letter| letter.cut.is_some()) {
        let fails = |reason: String| OperationError::Unreturnable {
            topic: letter.topic.clone(),
            group: letter.group.clone(),
            offset: letter.offset,
            reason,
        };
        let (Some(partition), Some(offset)) = (letter.origin_partition, letter.origin_offset) else {
            return Err(fails("it does not say where the whole record lies".to_owned()));
        };
        let at = (settings.topic_name(&letter.topic), partition);
        let marks = groups::watermarks(&client, &at.0, at.1)
            .map_err(OperationError::broker(format!("the offsets of {} cannot be read", at.0)))?;
        let mut whole = None;
        if (marks.low..marks.high).contains(&offset) {
            walk(&client, &at, offset, offset + 1, |message| {
                whole = (message.offset() == offset).then(|| Raw::of(message));
                false
            })?;
        }
        let Some(mut whole) = whole else {
            return Err(fails(format!(
                "partition {partition} of its topic no longer has the whole record, offset {offset}"
            )));
        };
        // Those of an earlier redrive do not come back with it.
        whole.headers.retain(|(name, _)| !is_about_a_death(name));
        let bytes = bytes_of(whole.key.as_deref(), whole.payload.as_deref(), &whole.headers);
        if bytes + REDRIVE_BYTES > LARGEST_RECORD_BYTES {
            let most = LARGEST_RECORD_BYTES - REDRIVE_BYTES;
            return Err(fails(format!("its record has {bytes} bytes, and only {most} can be brought back")));
        }
        letter.raw = whole;
    }
    Ok(())
}
