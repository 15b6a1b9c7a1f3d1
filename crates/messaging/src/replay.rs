//! Reading a compacted topic once, from its start to what was its end: how a projection is rebuilt.
//! The rule: no group is joined and no offset moves, so a rebuild disturbs nobody. What could not be read is told apart
//! from what a newer publisher says in a type that this program does not know.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::time::Duration;

use contracts::{Channel, Envelope, Undecodable};
use futures::FutureExt;
use kernel::OrganisationId;
use rdkafka::error::KafkaError;
use rdkafka::message::Message as _;
use uuid::Uuid;

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
#[derive(Clone, Debug, Default)]
pub struct Replayed {
    /// Records, tombstones included.
    pub records: u64,
    /// Records that could not be read and were passed by. What they are about is not known.
    pub unreadable: u64,
    /// Records of types that this program does not know; they were passed over.
    pub unknown: u64,
    /// The aggregates that those are about. Compaction may have left no other record of them, so their absence from the
    /// snapshots says nothing: whoever drops what the topic does not have must leave these as they are.
    pub unknown_aggregates: BTreeMap<OrganisationId, BTreeSet<Uuid>>,
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

/// Reads everything that is on the topic now and hands it on in batches of however many organisations, each
/// aggregate once.
///
/// # Errors
/// [`ReplayError`]; what was handed on before stays.
pub async fn replay<E, F, W, T>(settings: &Settings, mut take: F) -> Result<Replayed, ReplayError<T>>
where
    E: Channel,
    F: FnMut(Vec<Snapshot<E>>) -> W,
    W: Future<Output = Result<(), T>>,
{
    let (consumer, mut ends) =
        from_the_start(settings, "replay", settings.name_of(&E::TOPIC), E::TOPIC.partitions).await?;
    let mut replayed = Replayed::default();
    // The newest snapshot of each aggregate, in the order of organisations and keys.
    let mut waiting: BTreeMap<(OrganisationId, Uuid), Snapshot<E>> = BTreeMap::new();
    let mut last = tokio::time::Instant::now();
    while !ends.are_reached() {
        let received = match consumer.recv().now_or_never() {
            Some(received) => Some(received),
            None => tokio::time::timeout(Duration::from_millis(50), consumer.recv()).await.ok(),
        };
        if let Some(Err(KafkaError::PartitionEOF(partition))) = received {
            ends.at_end_of(partition);
        } else if let Some(Ok(message)) = received {
            let record = Record::from_message(&message, E::TOPIC.name);
            let partition = message.partition();
            drop(message);
            replayed.records += 1;
            match read::<E>(&record) {
                Read::Snapshot(snapshot) => {
                    let key = (snapshot.organisation, snapshot.key);
                    if waiting.get(&key).is_none_or(|known| known.version <= snapshot.version) {
                        waiting.insert(key, snapshot);
                    }
                    if waiting.len() >= BATCH {
                        let batch = std::mem::take(&mut waiting).into_values().collect();
                        take(batch).await.map_err(ReplayError::Taker)?;
                    }
                }
                Read::Unknown(envelope) => {
                    replayed.unknown += 1;
                    if let Some(organisation) = envelope.organisation {
                        replayed.unknown_aggregates.entry(organisation).or_default().insert(envelope.subject);
                    }
                }
                Read::Unreadable => replayed.unreadable += 1,
            }
            ends.read(partition, record.offset);
            last = tokio::time::Instant::now();
        } else {
            ends.passed(&consumer);
        }
        if last.elapsed() > PATIENCE && !ends.are_reached() {
            return Err(ReplayError::Stalled { topic: E::TOPIC.name, seconds: PATIENCE.as_secs() });
        }
    }
    if !waiting.is_empty() {
        take(waiting.into_values().collect()).await.map_err(ReplayError::Taker)?;
    }
    let _ = tokio::task::spawn_blocking(move || drop(consumer)).await;
    Ok(replayed)
}

enum Read<E> {
    Snapshot(Snapshot<E>),
    Unknown(Envelope),
    Unreadable,
}

fn read<E: Channel>(record: &Record) -> Read<E> {
    let Ok(envelope) = Envelope::from_headers(record.header_pairs()) else { return Read::Unreadable };
    match (decode_state(&envelope.event_type, record), envelope.organisation) {
        (Ok(state), Some(organisation)) => {
            Read::Snapshot(Snapshot { key: envelope.subject, state, version: envelope.aggregate_version, organisation })
        }
        (Err(Undecodable::UnknownType { .. }), _) => Read::Unknown(envelope),
        _ => Read::Unreadable,
    }
}
