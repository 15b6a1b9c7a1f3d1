//! A compacted topic held in memory: signing keys, organisations.
//! The rule: every replica reads all of it from the start, without a group, and is ready at the
//! offsets that were the end when it began.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use contracts::{Channel, Envelope};
use rdkafka::consumer::{Consumer as _, StreamConsumer};
use rdkafka::{Offset, TopicPartitionList};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::record::Record;
use crate::settings::Settings;
use crate::subscription::decode_state;
use crate::topics::{TopicError, ensure_topics};

/// One aggregate of a table as it is now.
#[derive(Clone, Debug)]
pub struct Entry<E> {
    /// The aggregate.
    pub key: Uuid,
    /// Its state; none when it is gone.
    pub state: Option<E>,
    /// Its version; 0 for a tombstone that a tool wrote without an envelope.
    pub version: i64,
}

/// A running table.
#[derive(Debug)]
pub struct Table {
    ready: Arc<AtomicBool>,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Table {
    /// Creates and asserts the topic and starts reading; `apply` is called for each record in the
    /// order of its partition, and keeps the newest version.
    ///
    /// # Errors
    /// [`TopicError`] when the broker is away or the topic is not what it must be.
    pub async fn start<E: Channel>(
        settings: &Settings,
        apply: impl Fn(Entry<E>) + Send + Sync + 'static,
    ) -> Result<Self, TopicError> {
        ensure_topics(settings, &[E::TOPIC]).await?;
        let consumer: StreamConsumer = settings.reader("table").create().map_err(TopicError::Unavailable)?;
        let topic = settings.name_of(&E::TOPIC);
        let ends = end_offsets(&consumer, &topic, E::TOPIC.partitions)?;
        let mut assignment = TopicPartitionList::new();
        for (partition, _) in &ends {
            assignment.add_partition_offset(&topic, *partition, Offset::Beginning).map_err(TopicError::Unavailable)?;
        }
        consumer.assign(&assignment).map_err(TopicError::Unavailable)?;
        let ready = Arc::new(AtomicBool::new(ends.iter().all(|(_, end)| *end == 0)));
        let (stop, stopped) = watch::channel(false);
        let worker = Worker { consumer, ends, ready: Arc::clone(&ready), stopped };
        Ok(Self { ready, stop, task: tokio::spawn(worker.run::<E>(apply)) })
    }

    /// Whether everything that was on the topic at the start has been applied.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.ready.load(Ordering::Acquire)
    }

    /// A handle that tells the same after this table has moved elsewhere.
    #[must_use]
    pub fn readiness(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.ready)
    }

    /// Stops reading.
    pub async fn stop(self) {
        let _ = self.stop.send(true);
        let _ = tokio::time::timeout(Duration::from_secs(5), self.task).await;
    }
}

/// The end offset of each partition at this moment; 0 where it is empty.
pub(crate) fn end_offsets(
    consumer: &StreamConsumer,
    topic: &str,
    partitions: i32,
) -> Result<Vec<(i32, i64)>, TopicError> {
    let mut ends = Vec::new();
    for partition in 0..partitions {
        let (low, high) =
            consumer.fetch_watermarks(topic, partition, Duration::from_secs(10)).map_err(TopicError::Unavailable)?;
        ends.push((partition, if high > low { high } else { 0 }));
    }
    Ok(ends)
}

struct Worker {
    consumer: StreamConsumer,
    ends: Vec<(i32, i64)>,
    ready: Arc<AtomicBool>,
    stopped: watch::Receiver<bool>,
}

impl Worker {
    async fn run<E: Channel>(mut self, apply: impl Fn(Entry<E>) + Send + Sync + 'static) {
        loop {
            let received = tokio::select! {
                received = tokio::time::timeout(Duration::from_secs(1), self.consumer.recv()) => received,
                _ = self.stopped.changed() => break,
            };
            if let Ok(Ok(message)) = received {
                let record = Record::from_message(&message, E::TOPIC.name);
                drop(message);
                match read::<E>(&record) {
                    Ok(entry) => apply(entry),
                    // A table has no database to park in; the last good state stays.
                    Err(error) => tracing::error!(
                        topic = record.topic,
                        partition = record.partition,
                        offset = record.offset,
                        error,
                        "a record of a table cannot be read and is passed by"
                    ),
                }
            }
            if !self.ready.load(Ordering::Relaxed) && self.has_caught_up() {
                self.ready.store(true, Ordering::Release);
            }
        }
        let consumer = self.consumer;
        let _ = tokio::task::spawn_blocking(move || drop(consumer)).await;
    }

    /// By position, since compaction may have removed the very last offsets.
    fn has_caught_up(&self) -> bool {
        let Ok(position) = self.consumer.position() else { return false };
        self.ends.iter().all(|(partition, end)| {
            *end == 0
                || position.elements().iter().any(|element| {
                    element.partition() == *partition && matches!(element.offset(), Offset::Offset(at) if at >= *end)
                })
        })
    }
}

fn read<E: Channel>(record: &Record) -> Result<Entry<E>, String> {
    match Envelope::from_headers(record.header_pairs()) {
        Ok(envelope) => Ok(Entry {
            key: envelope.subject,
            state: decode_state(&envelope.event_type, record)?,
            version: envelope.aggregate_version,
        }),
        Err(_) if record.payload.is_none() => {
            let key = record.key_text().parse().map_err(|_| "the key is not a UUID".to_owned())?;
            Ok(Entry { key, state: None, version: 0 })
        }
        Err(error) => Err(error.to_string()),
    }
}
