//! The consumer of a service: one client, one lane per topic.
//! The rule: an offset moves only after everything before it was committed or set aside. A fault that can pass blocks the
//! lane that it is in, and partitions change their owner between two attempts at a batch.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use mediator::Mediator;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _, ConsumerContext, StreamConsumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Message};
use rdkafka::types::RDKafkaRespErr;
use rdkafka::{ClientContext, Offset, Statistics, TopicPartitionList};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::batch::Taker;
use crate::dead_letter::wanted;
use crate::lane::Lane;
use crate::producer::Producer;
use crate::reachability::Signals;
use crate::record::Record;
use crate::settings::Settings;
use crate::subscription::Subscriptions;
use crate::topics::{TopicError, ensure, ensure_topics};

/// Records that one look at the client takes at most before their lanes are told.
const GULP: usize = 500;
/// A poll is begun anew after this time, which finds records whose wake-up was lost.
const POLL: Duration = Duration::from_secs(5);
/// How often offsets that belong to no record are passed: until then they show as lag.
const PASS_GAPS: Duration = Duration::from_secs(2);

/// What the consumer of this replica is doing.
#[derive(Clone)]
pub struct ConsumerState {
    lanes: Vec<Lane>,
}

impl ConsumerState {
    /// Whether a batch of any topic cannot be finished at present; it is tried again.
    #[must_use]
    pub fn is_blocked(&self) -> bool {
        self.lanes.iter().any(Lane::is_blocked)
    }
}

/// Why a consumer ended by itself.
#[derive(Debug, thiserror::Error)]
#[error("the Kafka client failed for good ({code}): {reason}; only a new process can go on")]
pub struct ConsumerFailed {
    code: String,
    reason: String,
}

/// A member of the service's consumer group; [`Consumer::run`] makes it work.
pub struct Consumer {
    settings: Settings,
    consumer: Arc<StreamConsumer<Context>>,
    lanes: BTreeMap<&'static str, (Lane, Taker)>,
}

impl std::fmt::Debug for Consumer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Consumer").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// What the client tells of itself.
pub(crate) struct Context {
    pub(crate) settings: Settings,
    signals: Signals,
    /// Partitions that the broker takes away. They stay here until no lane has records of them in hand.
    leaving: Mutex<VecDeque<TopicPartitionList>>,
    leaves: Notify,
    /// Set when nobody is left who would give them away: then they go at once.
    closing: AtomicBool,
}

impl Context {
    fn leaving(&self) -> MutexGuard<'_, VecDeque<TopicPartitionList>> {
        self.leaving.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ClientContext for Context {
    fn stats(&self, statistics: Statistics) {
        self.signals.take(&statistics);
        for (name, topic) in &statistics.topics {
            let name = self.settings.local_name(name).to_owned();
            let lag: i64 = topic
                .partitions
                .values()
                .filter(|partition| partition.partition >= 0 && partition.consumer_lag >= 0)
                .map(|partition| partition.consumer_lag)
                .sum();
            #[expect(clippy::cast_precision_loss, reason = "a lag beyond 2^52 records is only a picture")]
            let lag = lag as f64;
            metrics::gauge!("consumer_lag", "topic" => name).set(lag);
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.signals.error(error, reason);
    }
}

impl ConsumerContext for Context {
    /// Partitions that come are taken at once. Those that go wait for the lanes: the client allows that
    /// `incremental_unassign` is called after this callback.
    fn rebalance(&self, consumer: &BaseConsumer<Self>, change: RDKafkaRespErr, partitions: &mut TopicPartitionList) {
        let done = match change {
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS => consumer.incremental_assign(partitions),
            _ if self.closing.load(Ordering::SeqCst) => consumer.incremental_unassign(partitions),
            _ => {
                self.leaving().push_back(partitions.clone());
                self.leaves.notify_one();
                Ok(())
            }
        };
        if let Err(error) = done {
            tracing::warn!(%error, "an assignment of partitions was not taken");
        }
    }
}

impl Consumer {
    /// Creates and asserts the topics and dead-letter topics of the table and joins the group.
    ///
    /// # Errors
    /// [`TopicError`] when the broker is away or a topic is not what it must be.
    pub async fn join(
        settings: Settings,
        mediator: Mediator,
        producer: Producer,
        subscriptions: Subscriptions,
    ) -> Result<Self, TopicError> {
        let entries = subscriptions.entries();
        let topics: Vec<_> = entries.iter().map(|entry| entry.topic()).collect();
        ensure_topics(&settings, &topics).await?;
        let dead: Vec<_> = topics.iter().map(|topic| wanted(&settings, topic.name, &settings.service)).collect();
        ensure(&settings, &dead).await?;

        let mut config = settings.group_consumer();
        let context = Context {
            settings: settings.clone(),
            signals: Signals::of(&settings, &mut config),
            leaving: Mutex::default(),
            leaves: Notify::new(),
            closing: AtomicBool::new(false),
        };
        let consumer: StreamConsumer<Context> = config.create_with_context(context).map_err(TopicError::Unavailable)?;
        let names: Vec<String> = topics.iter().map(|topic| settings.name_of(topic)).collect();
        consumer.subscribe(&names.iter().map(String::as_str).collect::<Vec<_>>()).map_err(TopicError::Unavailable)?;
        let lanes = entries.into_iter().map(|entry| {
            let topic = entry.topic().name;
            (topic, (Lane::new(topic), Taker::new(settings.clone(), mediator.clone(), producer.clone(), entry)))
        });
        Ok(Self { lanes: lanes.collect(), settings, consumer: Arc::new(consumer) })
    }

    /// What it is doing.
    #[must_use]
    pub fn state(&self) -> ConsumerState {
        ConsumerState { lanes: self.lanes.values().map(|(lane, _)| lane.clone()).collect() }
    }

    /// Takes batches until it is told to stop; then finishes those in hand, commits their offsets and leaves the group.
    /// A batch that is cut off is taken again by whoever gets its partitions, without a second effect.
    ///
    /// # Errors
    /// [`ConsumerFailed`] when the client is of no use any more.
    pub async fn run(self, stop: CancellationToken) -> Result<(), ConsumerFailed> {
        let Self { settings, consumer, lanes } = self;
        let closing = Closing(Arc::clone(&consumer));
        let drained = Arc::new(Notify::new());
        // Without the client, or with one lane less, the others do not go on either.
        let ending = stop.child_token();
        let mut works = JoinSet::new();
        let mut ways = BTreeMap::new();
        for (topic, (lane, taker)) in lanes {
            works.spawn(lane.clone().work(taker, Arc::clone(&consumer), Arc::clone(&drained), ending.clone()));
            ways.insert(topic, lane);
        }
        let outcome = tokio::select! {
            outcome = distribute(&settings, &consumer, &ways, &drained, &stop) => outcome,
            // A lane that ends because the service stops leaves the others, and whoever is giving partitions away, alone.
            Some(Err(ended)) = works.join_next() => panicked(Err(ended)),
        };
        ending.cancel();
        while let Some(ended) = works.join_next().await {
            panicked(ended)?;
        }
        drop(closing);
        // Committing and leaving the group block inside the C library.
        let left = tokio::task::spawn_blocking(move || {
            if let Err(error) = consumer.commit_consumer_state(CommitMode::Sync) {
                tracing::debug!(%error, "the last offsets were not committed; their records are taken again");
            }
            consumer.unsubscribe();
            drop(consumer);
        });
        let _ = left.await;
        outcome
    }
}

/// However a run ends, the client can be closed afterwards: it waits for partitions that nobody gives away.
struct Closing(Arc<StreamConsumer<Context>>);

impl Drop for Closing {
    fn drop(&mut self) {
        self.0.context().closing.store(true, Ordering::SeqCst);
        let leaving = std::mem::take(&mut *self.0.context().leaving());
        for partitions in leaving {
            let _ = self.0.incremental_unassign(&partitions);
        }
    }
}

/// A lane ends by itself only in a panic, which is this part's own.
fn panicked(ended: Result<(), tokio::task::JoinError>) -> Result<(), ConsumerFailed> {
    match ended {
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        _ => Ok(()),
    }
}

/// Brings the records to their lanes until the service stops.
async fn distribute(
    settings: &Settings,
    consumer: &StreamConsumer<Context>,
    lanes: &BTreeMap<&'static str, Lane>,
    drained: &Notify,
    stop: &CancellationToken,
) -> Result<(), ConsumerFailed> {
    // Partitions of lanes that were full.
    let mut paused: BTreeMap<&'static str, TopicPartitionList> = BTreeMap::new();
    let mut gaps = tokio::time::interval(PASS_GAPS);
    gaps.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        let received = tokio::select! {
            biased;
            () = stop.cancelled() => return Ok(()),
            _ = gaps.tick() => {
                pass_gaps(settings, consumer, lanes);
                continue;
            }
            () = consumer.context().leaves.notified() => {
                give_away(settings, consumer, lanes).await;
                // A lane may have room now that nothing drains it.
                drained.notify_one();
                continue;
            }
            () = drained.notified() => {
                paused.retain(|topic, partitions| {
                    let goes_on = lanes.get(topic).is_some_and(Lane::has_room);
                    if goes_on && let Err(error) = consumer.resume(partitions) {
                        tracing::debug!(%error, "partitions were not resumed; they have a new owner");
                    }
                    !goes_on
                });
                continue;
            }
            received = tokio::time::timeout(POLL, consumer.recv()) => received,
        };
        let mut next = received.ok();
        let mut awaited: Vec<&Lane> = Vec::new();
        // A record that was received has to reach its lane: its offset does not come back.
        while let Some(received) = next.take() {
            match received {
                Ok(message) => {
                    if let Some((topic, lane)) = lanes.get_key_value(settings.local_name(message.topic())) {
                        let is_full = lane.push(Record::from_message(&message, topic));
                        if is_full {
                            pause(consumer, &message, paused.entry(topic).or_default());
                        }
                        awaited.push(lane);
                    }
                }
                // Brokers come and go; the client reconnects by itself.
                Err(error) => {
                    tracing::debug!(%error, "a poll failed and is begun anew");
                    break;
                }
            }
            if awaited.len() < GULP {
                next = consumer.recv().now_or_never();
            }
        }
        for lane in awaited {
            lane.wake();
        }
        // Asked for, since the event that tells it may have come at any time.
        if let Some((code, reason)) = consumer.client().fatal_error() {
            return Err(ConsumerFailed { code: code.to_string(), reason });
        }
    }
}

/// Stores the position of every partition whose lane has nothing to do. It may be behind the last record: what ends a
/// transaction has an offset too.
fn pass_gaps(settings: &Settings, consumer: &StreamConsumer<Context>, lanes: &BTreeMap<&'static str, Lane>) {
    let Ok(position) = consumer.position() else { return };
    let mut done = TopicPartitionList::new();
    for element in position.elements() {
        let is_idle = lanes.get(settings.local_name(element.topic())).is_some_and(Lane::is_idle);
        if is_idle && matches!(element.offset(), Offset::Offset(_)) {
            let _ = done.add_partition_offset(element.topic(), element.partition(), element.offset());
        }
    }
    // A partition that was taken away meanwhile has a new owner, who does the same.
    if done.count() > 0
        && let Err(error) = consumer.store_offsets(&done)
    {
        tracing::debug!(%error, "offsets that belong to no record were not passed; they show as lag until the next time");
    }
}

/// The partition of a full lane gives no more until the lane has room.
fn pause(consumer: &StreamConsumer<Context>, message: &BorrowedMessage<'_>, paused: &mut TopicPartitionList) {
    let mut one = TopicPartitionList::new();
    one.add_partition(message.topic(), message.partition());
    let _ = consumer.pause(&one);
    if paused.find_partition(message.topic(), message.partition()).is_none() {
        paused.add_partition(message.topic(), message.partition());
    }
}

/// Gives partitions away once no lane has their records in hand. Cut off, it leaves them to [`Closing`].
async fn give_away(settings: &Settings, consumer: &StreamConsumer<Context>, lanes: &BTreeMap<&'static str, Lane>) {
    loop {
        let Some(partitions) = consumer.context().leaving().front().cloned() else { return };
        let leaves =
            |topic: &str, partition| partitions.find_partition(&settings.topic_name(topic), partition).is_some();
        for (topic, lane) in lanes {
            let topic = settings.topic_name(topic);
            if partitions.elements().iter().any(|leaving| leaving.topic() == topic) {
                lane.give_away(leaves).await;
            }
        }
        consumer.context().leaving().pop_front();
        if let Err(error) = consumer.incremental_unassign(&partitions) {
            tracing::warn!(%error, "partitions were not given away");
        }
    }
}
