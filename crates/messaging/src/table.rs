//! A compacted topic held in memory: signing keys, organisations.
//! The rule: every replica reads all of it from the start, without a group, and is ready at the
//! offsets that were the end when it began. A record that arrives late, or whose type this program does not know, changes
//! nothing; what was removed stays removed.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use contracts::{Channel, Envelope, Undecodable};
use rdkafka::consumer::{Consumer as _, StreamConsumer};
use rdkafka::error::KafkaError;
use rdkafka::message::Message as _;
use rdkafka::{Offset, TopicPartitionList};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::reachability::Signals;
use crate::record::Record;
use crate::settings::Settings;
use crate::subscription::decode_state;
use crate::topics::{TopicError, ensure_topics};
use crate::unknown_events;

/// How long a reader that is not at the end waits for a record before it looks where it is; twice as long each time.
const LOOK: Duration = Duration::from_millis(10);

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

/// A table: who is told of each record, and whether everything has been read.
pub struct Table<E> {
    settings: Settings,
    apply: Box<dyn Fn(Entry<E>) + Send + Sync>,
    newest: Mutex<Newest>,
    read: watch::Sender<bool>,
}

impl<E> std::fmt::Debug for Table<E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Table").field("read", &*self.read.borrow()).finish_non_exhaustive()
    }
}

impl<E: Channel> Table<E> {
    /// `apply` is called for each record in the order of its partition, except for those that are older than one of their
    /// aggregate before (a relay that was interrupted sends such again), those of unknown types and those that cannot be
    /// read.
    #[must_use]
    pub fn new(settings: &Settings, apply: impl Fn(Entry<E>) + Send + Sync + 'static) -> Self {
        Self {
            settings: settings.clone(),
            apply: Box::new(apply),
            newest: Mutex::default(),
            read: watch::Sender::new(false),
        }
    }

    /// Returns when everything that was on the topic when reading began has been applied. Serving earlier would answer 401
    /// and 404 to known callers. A table that is read anew later on holds the last good state meanwhile.
    pub async fn read_to_end(&self) {
        // The sender lives in `self`, so this cannot fail.
        let _ = self.read.subscribe().wait_for(|read| *read).await;
    }

    /// Creates and asserts the topic, reads it from its start and goes on until it is told to stop.
    ///
    /// # Errors
    /// [`TopicError`] when the broker is away or the topic is not what it must be.
    pub async fn follow(&self, stop: CancellationToken) -> Result<(), TopicError> {
        ensure_topics(&self.settings, &[E::TOPIC]).await?;
        let name = self.settings.name_of(&E::TOPIC);
        let (consumer, mut ends) = from_the_start(&self.settings, "table", name, E::TOPIC.partitions).await?;
        let mut patience = LOOK;
        loop {
            if ends.are_reached() {
                self.read.send_replace(true);
                patience = Duration::from_secs(1);
            }
            let received = tokio::select! {
                received = tokio::time::timeout(patience, consumer.recv()) => received,
                () = stop.cancelled() => break,
            };
            match received {
                Ok(Ok(message)) => {
                    self.take(&Record::from_message(&message, E::TOPIC.name));
                    ends.read(message.partition(), message.offset());
                }
                Ok(Err(KafkaError::PartitionEOF(partition))) => ends.at_end_of(partition),
                Ok(Err(error)) => tracing::debug!(%error, "a poll of a table failed and is begun anew"),
                Err(_) => {
                    ends.passed(&consumer);
                    patience = (patience * 2).min(Duration::from_secs(1));
                }
            }
        }
        let _ = tokio::task::spawn_blocking(move || drop(consumer)).await;
        Ok(())
    }

    fn take(&self, record: &Record) {
        match read::<E>(record) {
            Ok(entry) => {
                let is_newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner).is(entry.key, entry.version);
                if is_newest {
                    (self.apply)(entry);
                }
            }
            Err(Undecodable::UnknownType { topic, event_type }) => unknown_events::count(record, topic, &event_type),
            // A table has no database to park in; the last good state stays.
            Err(error) => tracing::error!(
                topic = record.topic,
                partition = record.partition,
                offset = record.offset,
                %error,
                "a record of a table cannot be read and is passed over"
            ),
        }
    }
}

/// The ends that a topic's partitions had when reading began, as far as they are still ahead.
pub(crate) struct Ends(BTreeMap<i32, i64>);

impl Ends {
    /// A record was read.
    pub(crate) fn read(&mut self, partition: i32, offset: i64) {
        if self.0.get(&partition).is_some_and(|end| offset + 1 >= *end) {
            self.0.remove(&partition);
        }
    }

    /// Nothing was read for a moment. The last offset of a topic that a relay writes is the mark that ends its transaction:
    /// the client goes past it without giving anything, long before the broker says that there is no more.
    pub(crate) fn passed(&mut self, consumer: &StreamConsumer<Signals>) {
        let Ok(position) = consumer.position() else { return };
        for element in position.elements() {
            if let Offset::Offset(next) = element.offset() {
                self.read(element.partition(), next - 1);
            }
        }
    }

    /// The broker has no more in this partition. Compaction may have removed the records of the last offsets.
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
) -> Result<(StreamConsumer<Signals>, Ends), TopicError> {
    let mut config = settings.reader(purpose);
    config.set("enable.partition.eof", "true");
    let signals = Signals::of(settings, &mut config);
    // Asking the broker and giving a client up block inside the C library.
    let started = tokio::task::spawn_blocking(move || {
        let consumer: StreamConsumer<Signals> = config.create_with_context(signals)?;
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
        // A tombstone that a tool wrote has no version and is always meant. What it removed stays removed when the topic is
        // read anew.
        if version == 0 {
            *seen += 1;
            return true;
        }
        let is_newest = version >= *seen;
        *seen = version.max(*seen);
        is_newest
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
        assert!(!newest.is(key, 3), "which does not let what it removed in again");
        assert!(newest.is(key, 4), "but what comes after it");
    }
}
