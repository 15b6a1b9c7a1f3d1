//! The consumer of a service: what a poll gave is one batch.
//! The rule: an offset moves only after everything before it was committed or set aside. A fault that
//! can pass blocks the partitions.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::FutureExt;
use mediator::Mediator;
use rdkafka::consumer::{CommitMode, Consumer as _, ConsumerContext, StreamConsumer};
use rdkafka::error::KafkaError;
use rdkafka::message::Message;
use rdkafka::{ClientContext, Offset, Statistics, TopicPartitionList};
use tokio_util::sync::CancellationToken;

use crate::batch::{Progress, Taker};
use crate::dead_letter::wanted;
use crate::producer::Producer;
use crate::record::Record;
use crate::settings::Settings;
use crate::subscription::Subscriptions;
use crate::topics::{TopicError, ensure, ensure_topics};

/// Records per transaction.
const BATCH: usize = 500;
/// A poll is begun anew after this time, which finds records whose wake-up was lost.
const POLL: Duration = Duration::from_secs(5);
/// Longest pause between two attempts at a batch.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// What the consumer of this replica is doing.
#[derive(Clone, Debug, Default)]
pub struct ConsumerState {
    blocked: Arc<AtomicBool>,
}

impl ConsumerState {
    fn set(&self, blocked: bool) {
        self.blocked.store(blocked, Ordering::Relaxed);
        metrics::gauge!("consumer_blocked").set(if blocked { 1.0 } else { 0.0 });
    }

    /// Whether a batch cannot be finished at present; it is tried again.
    #[must_use]
    pub fn is_blocked(&self) -> bool {
        self.blocked.load(Ordering::Relaxed)
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
    taker: Taker,
    progress: Progress,
    consumer: StreamConsumer<Context>,
    /// Records that came while a batch was blocked, of partitions that were assigned meanwhile: the
    /// first ones of the next batch.
    held: Vec<Record>,
    state: ConsumerState,
}

impl std::fmt::Debug for Consumer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Consumer").field("settings", &self.settings).finish_non_exhaustive()
    }
}

struct Context {
    settings: Settings,
}

impl ClientContext for Context {
    fn stats(&self, statistics: Statistics) {
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
        tracing::debug!(%error, reason, "the Kafka client reports an error and goes on");
    }
}

impl ConsumerContext for Context {}

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
        let topics = subscriptions.topics();
        ensure_topics(&settings, &topics).await?;
        let dead: Vec<_> = topics.iter().map(|topic| wanted(&settings, topic.name, &settings.service)).collect();
        ensure(&settings, &dead).await?;

        let consumer: StreamConsumer<Context> = settings
            .group_consumer()
            .create_with_context(Context { settings: settings.clone() })
            .map_err(TopicError::Unavailable)?;
        let names: Vec<String> = topics.iter().map(|topic| settings.name_of(topic)).collect();
        consumer.subscribe(&names.iter().map(String::as_str).collect::<Vec<_>>()).map_err(TopicError::Unavailable)?;
        let state = ConsumerState::default();
        state.set(false);
        Ok(Self {
            taker: Taker::new(settings.clone(), mediator, producer, subscriptions),
            progress: Progress::default(),
            settings,
            consumer,
            held: Vec::new(),
            state,
        })
    }

    /// What it is doing.
    #[must_use]
    pub fn state(&self) -> ConsumerState {
        self.state.clone()
    }

    /// Takes batches until it is told to stop; then finishes the batch in hand, commits its offsets and leaves the group.
    /// A batch that is cut off is taken again by whoever gets its partitions, without a second effect.
    ///
    /// # Errors
    /// [`ConsumerFailed`] when the client is of no use any more.
    pub async fn run(mut self, stop: CancellationToken) -> Result<(), ConsumerFailed> {
        let mut outcome = Ok(());
        while !stop.is_cancelled() {
            let batch = tokio::select! {
                batch = self.poll() => batch,
                () = stop.cancelled() => break,
            };
            match batch {
                Ok(batch) if batch.is_empty() => {}
                Ok(batch) => self.finish(batch, &stop).await,
                // Brokers come and go; the client reconnects by itself.
                Err(error) => tracing::debug!(%error, "a poll failed and is begun anew"),
            }
            // Asked for, since the event that tells it may have come at the end of a batch or in a pause.
            if let Some((code, reason)) = self.consumer.client().fatal_error() {
                outcome = Err(ConsumerFailed { code: code.to_string(), reason });
                break;
            }
        }
        let consumer = self.consumer;
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

    /// Waits for a record and takes what came with it.
    async fn poll(&mut self) -> Result<Vec<Record>, KafkaError> {
        let mut batch = std::mem::take(&mut self.held);
        if batch.is_empty() {
            let first = match tokio::time::timeout(POLL, self.consumer.recv()).await {
                Err(_) => return Ok(Vec::new()),
                Ok(received) => received?,
            };
            batch.push(self.detach(&first));
        }
        while batch.len() < BATCH {
            match self.consumer.recv().now_or_never() {
                Some(Ok(message)) => batch.push(self.detach(&message)),
                Some(Err(error)) => {
                    tracing::debug!(%error, "a poll ended with an error");
                    break;
                }
                None => break,
            }
        }
        Ok(batch)
    }

    fn detach(&self, message: &rdkafka::message::BorrowedMessage<'_>) -> Record {
        Record::from_message(message, self.settings.local_name(message.topic()))
    }

    /// Does not return before every record of the batch had its effects or is a dead letter, or
    /// the service stops: then the records are taken again by whoever gets their partitions.
    async fn finish(&mut self, batch: Vec<Record>, stop: &CancellationToken) {
        let mut offsets: BTreeMap<(String, i32), i64> = BTreeMap::new();
        for record in &batch {
            offsets.insert((record.topic.clone(), record.partition), record.offset + 1);
        }
        let mut pause = Duration::from_millis(20);
        let mut paused = None;
        self.progress = Progress::default();
        loop {
            match self.taker.take(&batch, &mut self.progress).await {
                Ok(()) => break,
                Err(failure) => {
                    self.state.set(true);
                    metrics::counter!("consumer_retries_total").increment(1);
                    tracing::warn!(
                        error = failure.message,
                        records = batch.len(),
                        pause_ms = pause.as_millis(),
                        "a batch cannot be finished now and is tried again"
                    );
                }
            }
            let paused = paused.get_or_insert_with(|| {
                let assigned = self.consumer.assignment().unwrap_or_default();
                let _ = self.consumer.pause(&assigned);
                assigned
            });
            tokio::select! {
                () = self.wait_and_poll(pause, paused) => {}
                () = stop.cancelled() => return,
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
        self.state.set(false);
        if let Some(paused) = paused {
            // Each partition goes on after the last record that it gave, which is in this batch or held.
            if let Err(error) = self.consumer.resume(&paused) {
                tracing::debug!(%error, "partitions were not resumed; they have a new owner");
            }
        }
        let mut done = TopicPartitionList::new();
        for ((topic, partition), offset) in offsets {
            let _ = done.add_partition_offset(&self.settings.topic_name(&topic), partition, Offset::Offset(offset));
        }
        // Fails for a partition that was taken away meanwhile: its new owner finds the inbox rows.
        if let Err(error) = self.consumer.store_offsets(&done) {
            tracing::debug!(%error, "offsets were not stored; the records are taken again, without a second effect");
        }
    }

    /// Polling goes on during a pause, so that the group does not take this member for dead. A
    /// partition that was assigned meanwhile gives one record, which is held, and is paused too.
    async fn wait_and_poll(&mut self, pause: Duration, paused: &mut TopicPartitionList) {
        let end = tokio::time::Instant::now() + pause;
        while let Ok(received) = tokio::time::timeout_at(end, self.consumer.recv()).await {
            let Ok(message) = received else { continue };
            let mut one = TopicPartitionList::new();
            one.add_partition(message.topic(), message.partition());
            let _ = self.consumer.pause(&one);
            paused.add_partition(message.topic(), message.partition());
            self.held.push(self.detach(&message));
        }
    }
}
