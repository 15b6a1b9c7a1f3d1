//! Reading a compacted topic once, from its start to what was its end: how a projection is rebuilt.
//! The rule: no group is joined and no offset moves, so a rebuild disturbs nobody.

use std::collections::BTreeMap;
use std::future::Future;
use std::time::Duration;

use contracts::{Channel, Envelope};
use futures::FutureExt;
use kernel::OrganisationId;
use rdkafka::error::KafkaError;
use rdkafka::message::Message as _;

use crate::delivery::Snapshot;
use crate::record::Record;
use crate::settings::Settings;
use crate::subscription::decode_state;
use crate::table::from_the_start;
use crate::topics::TopicError;

/// Records handed on at a time.
const BATCH: usize = 500;
/// A topic that gives nothing for this long is taken for unreachable.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a replay read.
#[derive(Clone, Copy, Debug, Default)]
pub struct Replayed {
    /// Records, tombstones included.
    pub records: u64,
    /// Records that could not be read and were passed by.
    pub unreadable: u64,
}

/// Why a replay ended early.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError<E> {
    /// The broker is away.
    #[error(transparent)]
    Broker(#[from] TopicError),
    /// The topic gave nothing for too long.
    #[error("the topic {topic} gave no record for {seconds} seconds although it has more")]
    Stalled {
        /// Topic.
        topic: &'static str,
        /// Seconds waited.
        seconds: u64,
    },
    /// The taker failed.
    #[error(transparent)]
    Taker(E),
}

/// Reads everything that is on the topic now and hands it on in batches of one organisation each.
///
/// # Errors
/// [`ReplayError`]; what was handed on before stays.
pub async fn replay<E, F, W, T>(settings: &Settings, mut take: F) -> Result<Replayed, ReplayError<T>>
where
    E: Channel,
    F: FnMut(OrganisationId, Vec<Snapshot<E>>) -> W,
    W: Future<Output = Result<(), T>>,
{
    let (consumer, mut ends) =
        from_the_start(settings, "replay", settings.name_of(&E::TOPIC), E::TOPIC.partitions).await?;
    let mut replayed = Replayed::default();
    let mut waiting: BTreeMap<OrganisationId, Vec<Snapshot<E>>> = BTreeMap::new();
    let mut last = tokio::time::Instant::now();
    while !ends.are_reached() {
        let received = match consumer.recv().now_or_never() {
            Some(received) => Some(received),
            None => tokio::time::timeout(Duration::from_millis(500), consumer.recv()).await.ok(),
        };
        if let Some(Err(KafkaError::PartitionEOF(partition))) = received {
            ends.at_end_of(partition);
        } else if let Some(Ok(message)) = received {
            last = tokio::time::Instant::now();
            let record = Record::from_message(&message, E::TOPIC.name);
            let partition = message.partition();
            drop(message);
            replayed.records += 1;
            match snapshot::<E>(&record) {
                Some(snapshot) => {
                    let batch = waiting.entry(snapshot.organisation).or_default();
                    batch.push(snapshot);
                    if batch.len() >= BATCH {
                        let organisation = batch[0].organisation;
                        let batch = std::mem::take(batch);
                        take(organisation, batch).await.map_err(ReplayError::Taker)?;
                    }
                }
                None => replayed.unreadable += 1,
            }
            ends.read(partition, record.offset);
        } else if last.elapsed() > PATIENCE {
            return Err(ReplayError::Stalled { topic: E::TOPIC.name, seconds: PATIENCE.as_secs() });
        }
    }
    for (organisation, batch) in waiting {
        if !batch.is_empty() {
            take(organisation, batch).await.map_err(ReplayError::Taker)?;
        }
    }
    let _ = tokio::task::spawn_blocking(move || drop(consumer)).await;
    Ok(replayed)
}

fn snapshot<E: Channel>(record: &Record) -> Option<Snapshot<E>> {
    let envelope = Envelope::from_headers(record.header_pairs()).ok()?;
    Some(Snapshot {
        key: envelope.subject,
        state: decode_state(&envelope.event_type, record).ok()?,
        version: envelope.aggregate_version,
        organisation: envelope.organisation?,
    })
}
