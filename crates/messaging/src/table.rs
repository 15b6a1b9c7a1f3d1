//! A compacted topic held in memory: signing keys, organisations.
//! The rule: every replica reads all of it from the start, without a group, and is ready at the
//! offsets that were the end when it began. A record that arrives late, or whose type this program does not know, changes
//! nothing; what was removed stays removed.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use contracts::{Channel, Envelope, Undecodable};
use rdkafka::consumer::{Consumer as _, StreamConsumer};
use rdkafka::error::KafkaError;
use rdkafka::message::Message as _;
use rdkafka::{Offset, TopicPartitionList};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::record::Record;
use crate::settings::Settings;
use crate::subscription::decode_state;
use crate::topics::{TopicError, ensure_topics};
use crate::unknown_events;

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
    /// Creates and asserts the topic, reads it, and returns when everything that was on it has been applied; dropped
    /// before, it stops reading. `apply` is called for each record in the order of its partition, except for those that are
    /// older than one of their aggregate before (a relay that was interrupted sends such again), those of unknown types
    /// and those that cannot be read.
    ///
    /// # Errors
    /// [`TopicError`] when the broker is away or the topic is not what it must be.
    pub async fn start<E: Channel>(
        settings: &Settings,
        apply: impl Fn(Entry<E>) + Send + Sync + 'static,
    ) -> Result<Self, TopicError> {
        ensure_topics(settings, &[E::TOPIC]).await?;
        let (consumer, ends) =
            from_the_start(settings, "table", settings.name_of(&E::TOPIC), E::TOPIC.partitions).await?;
        let ready = Arc::new(AtomicBool::new(ends.are_reached()));
        let (stop, stopped) = watch::channel(false);
        let worker = Worker { consumer, ends, newest: Newest::default(), ready: Arc::clone(&ready), stopped };
        let table = Self { ready, stop, task: tokio::spawn(worker.run::<E>(apply)) };
        // Who serves before this answers 401 and 404 to those who are known.
        while !table.is_ready() {
            tokio::time::sleep(LOOK).await;
        }
        Ok(table)
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

/// How long between two looks at whether everything has been read.
const LOOK: Duration = Duration::from_millis(10);

/// The ends that a topic's partitions had when reading began, as far as they are still ahead.
pub(crate) struct Ends(BTreeMap<i32, i64>);

impl Ends {
    /// A record was read.
    pub(crate) fn read(&mut self, partition: i32, offset: i64) {
        if self.0.get(&partition).is_some_and(|end| offset + 1 >= *end) {
            self.0.remove(&partition);
        }
    }

    /// The broker has no more in this partition. The last offsets may belong to no record: compaction removed it, or
    /// it is the mark that ends a transaction.
    pub(crate) fn at_end_of(&mut self, partition: i32) {
        self.0.remove(&partition);
    }

    pub(crate) fn are_reached(&self) -> bool {
        self.0.is_empty()
    }
}

/// A client that reads every partition of a topic from its start, and where they end at this moment. It says
/// [`KafkaError::PartitionEOF`] at each end.
pub(crate) async fn from_the_start(
    settings: &Settings,
    purpose: &str,
    topic: String,
    partitions: i32,
) -> Result<(StreamConsumer, Ends), TopicError> {
    let mut config = settings.reader(purpose);
    config.set("enable.partition.eof", "true");
    // Asking the broker and giving a client up block inside the C library.
    let started = tokio::task::spawn_blocking(move || {
        let consumer: StreamConsumer = config.create()?;
        let mut ends = BTreeMap::new();
        let mut assignment = TopicPartitionList::new();
        for partition in 0..partitions {
            let (low, high) = consumer.fetch_watermarks(&topic, partition, Duration::from_secs(10))?;
            if high > low {
                ends.insert(partition, high);
            }
            assignment.add_partition_offset(&topic, partition, Offset::Beginning)?;
        }
        consumer.assign(&assignment)?;
        Ok((consumer, Ends(ends)))
    });
    started.await.unwrap_or(Err(KafkaError::Canceled)).map_err(TopicError::Unavailable)
}

/// The highest version seen of each aggregate.
#[derive(Default)]
struct Newest(HashMap<Uuid, i64>);

impl Newest {
    /// Whether a record is not older than one that was seen before.
    fn is(&mut self, key: Uuid, version: i64) -> bool {
        let seen = self.0.entry(key).or_insert(0);
        // A tombstone that a tool wrote has no version and is always meant.
        if version != 0 && version < *seen {
            return false;
        }
        *seen = version.max(*seen);
        true
    }
}

struct Worker {
    consumer: StreamConsumer,
    ends: Ends,
    newest: Newest,
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
            match received {
                Ok(Ok(message)) => {
                    let record = Record::from_message(&message, E::TOPIC.name);
                    match read::<E>(&record) {
                        Ok(entry) if self.newest.is(entry.key, entry.version) => apply(entry),
                        Ok(_late) => {}
                        Err(Undecodable::UnknownType { topic, event_type }) => {
                            unknown_events::count(&record, topic, &event_type);
                        }
                        // A table has no database to park in; the last good state stays.
                        Err(error) => tracing::error!(
                            topic = record.topic,
                            partition = record.partition,
                            offset = record.offset,
                            %error,
                            "a record of a table cannot be read and is passed by"
                        ),
                    }
                    self.ends.read(message.partition(), message.offset());
                }
                Ok(Err(KafkaError::PartitionEOF(partition))) => self.ends.at_end_of(partition),
                Ok(Err(error)) => tracing::debug!(%error, "a poll of a table failed and is begun anew"),
                Err(_) => {}
            }
            if self.ends.are_reached() {
                self.ready.store(true, Ordering::Release);
            }
        }
        let consumer = self.consumer;
        let _ = tokio::task::spawn_blocking(move || drop(consumer)).await;
    }
}

fn read<E: Channel>(record: &Record) -> Result<Entry<E>, Undecodable> {
    match Envelope::from_headers(record.header_pairs()) {
        Ok(envelope) => Ok(Entry {
            key: envelope.subject,
            state: decode_state(&envelope.event_type, record)?,
            version: envelope.aggregate_version,
        }),
        Err(error) if record.payload.is_none() => {
            let key = record.key_text().parse().map_err(|_| error)?;
            Ok(Entry { key, state: None, version: 0 })
        }
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_older_record_that_comes_again_is_passed_by() {
        let mut newest = Newest::default();
        let (key, other) = (Uuid::now_v7(), Uuid::now_v7());
        assert!(newest.is(key, 1));
        assert!(newest.is(key, 3));
        assert!(!newest.is(key, 2), "late");
        assert!(newest.is(key, 3), "again");
        assert!(newest.is(other, 1));
        assert!(newest.is(key, 0), "a tool's tombstone");
        assert!(!newest.is(key, 2), "which does not let older ones in");
    }
}
