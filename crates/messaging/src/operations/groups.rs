//! Which groups there are and how far they have read.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaResult, RDKafkaErrorCode};
use rdkafka::{Offset, TopicPartitionList};

use super::{ANSWER_WITHIN, FIRST_ANSWER_WITHIN, OperationError, consumer, is_ours};
use crate::Settings;

/// First and next offset of a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Watermarks {
    pub(super) low: i64,
    pub(super) high: i64,
}

/// The full names of all groups of this namespace.
pub(super) fn names(client: &BaseConsumer, settings: &Settings) -> Result<Vec<String>, OperationError> {
    let list = client
        .fetch_group_list(None, ANSWER_WITHIN)
        .map_err(OperationError::broker("the consumer groups cannot be listed"))?;
    let mut names: Vec<String> =
        list.groups().iter().map(|group| group.name().to_owned()).filter(|name| is_ours(settings, name)).collect();
    names.sort_unstable();
    names.dedup();
    Ok(names)
}

/// What `group` has committed on these partitions; partitions without a commit are absent.
pub(super) fn committed(
    settings: &Settings,
    group: &str,
    partitions: impl IntoIterator<Item = (String, i32)>,
) -> Result<BTreeMap<(String, i32), i64>, OperationError> {
    let mut list = TopicPartitionList::new();
    for (topic, partition) in partitions {
        list.add_partition(&topic, partition);
    }
    if list.count() == 0 {
        return Ok(BTreeMap::new());
    }
    let answered = consumer(settings, group)?
        .committed_offsets(list, ANSWER_WITHIN)
        .map_err(OperationError::broker(format!("the offsets of group {group} cannot be read")))?;
    Ok(answered
        .elements()
        .into_iter()
        .filter_map(|element| match element.offset() {
            Offset::Offset(offset) => Some(((element.topic().to_owned(), element.partition()), offset)),
            _ => None,
        })
        .collect())
}

/// Commits for `group`, which must have no members.
pub(super) fn commit(
    settings: &Settings,
    group: &str,
    offsets: &BTreeMap<(String, i32), i64>,
) -> Result<(), OperationError> {
    let mut list = TopicPartitionList::new();
    for ((topic, partition), offset) in offsets {
        list.add_partition_offset(topic, *partition, Offset::Offset(*offset))
            .map_err(OperationError::broker("an offset cannot be written"))?;
    }
    if list.count() == 0 {
        return Ok(());
    }
    consumer(settings, group)?
        .commit(&list, rdkafka::consumer::CommitMode::Sync)
        .map_err(OperationError::broker(format!("the offsets of group {group} cannot be committed")))
}

/// The partitions of the topics that `wanted` accepts, with their watermarks.
pub(super) fn partitions(
    client: &BaseConsumer,
    wanted: impl Fn(&str) -> bool,
) -> Result<BTreeMap<(String, i32), Watermarks>, OperationError> {
    let metadata = client
        .fetch_metadata(None, FIRST_ANSWER_WITHIN)
        .map_err(OperationError::broker("the topics cannot be listed"))?;
    let mut found = BTreeMap::new();
    for topic in metadata.topics().iter().filter(|topic| wanted(topic.name())) {
        for partition in topic.partitions() {
            let marks = watermarks(client, topic.name(), partition.id())
                .map_err(OperationError::broker(format!("the offsets of {} cannot be read", topic.name())))?;
            found.insert((topic.name().to_owned(), partition.id()), marks);
        }
    }
    Ok(found)
}

/// Asks again while a partition has just been created or its leader has just changed.
pub(super) fn watermarks(client: &BaseConsumer, topic: &str, partition: i32) -> KafkaResult<Watermarks> {
    let deadline = Instant::now() + ANSWER_WITHIN;
    loop {
        match client.fetch_watermarks(topic, partition, ANSWER_WITHIN) {
            Ok((low, high)) => return Ok(Watermarks { low, high }),
            Err(error) => {
                let passing = matches!(
                    error.rdkafka_error_code(),
                    Some(
                        RDKafkaErrorCode::NotLeaderForPartition
                            | RDKafkaErrorCode::LeaderNotAvailable
                            | RDKafkaErrorCode::UnknownTopicOrPartition
                            | RDKafkaErrorCode::UnknownPartition
                    )
                );
                if !passing || Instant::now() >= deadline {
                    return Err(error);
                }
                // On a thread for blocking work.
                std::thread::sleep(Duration::from_millis(100));
            }
        }
    }
}
