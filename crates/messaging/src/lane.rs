//! A lane: the records of one topic, from the client to their effects, with its own queue, transactions and pauses.
//! The rule: a lane that cannot go on holds up no other one, and what it holds is bounded: a full lane's partitions are
//! paused.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use mutants::Mutant;
use rdkafka::consumer::{CommitMode, Consumer as _, StreamConsumer};
use rdkafka::{Offset, TopicPartitionList};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::batch::{Progress, Taker};
use crate::consumer::Context;
use crate::record::Record;

/// Records per transaction.
const BATCH: usize = 500;
/// The bounds of a queue: records, and bytes of their values. Resuming after a pause costs half a second, which is how long
/// the broker holds the fetch that left the paused partitions out; so a queue holds what a burst brings, and only a lane that
/// is blocked or hopelessly behind is paused.
const FULL_RECORDS: usize = 20 * BATCH;
const FULL_BYTES: usize = 8 * 1024 * 1024;
/// How long a batch gathers after one that was more than a single record: fuller transactions cost less per record.
const GATHER: Duration = Duration::from_millis(2);
/// Longest pause between two attempts at a batch.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// One topic's way through a consumer. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Lane {
    inner: Arc<Inner>,
}

struct Inner {
    topic: &'static str,
    waiting: Mutex<Waiting>,
    arrived: Notify,
    /// Held while a batch is taken from the queue and during each attempt at it: partitions are given away in between.
    attempt: tokio::sync::Mutex<()>,
    blocked: AtomicBool,
}

#[derive(Default)]
struct Waiting {
    records: VecDeque<Record>,
    bytes: usize,
    /// Partitions of the batch in hand.
    in_hand: BTreeSet<i32>,
    /// Those of them that have a new owner since.
    lost: BTreeSet<i32>,
}

impl Waiting {
    fn is_full(&self) -> bool {
        self.records.len() >= FULL_RECORDS || self.bytes >= FULL_BYTES
    }
}

fn weight(record: &Record) -> usize {
    record.payload.as_ref().map_or(0, Vec::len)
}

impl Lane {
    pub(crate) fn new(topic: &'static str) -> Self {
        let inner = Inner {
            topic,
            waiting: Mutex::default(),
            arrived: Notify::new(),
            attempt: tokio::sync::Mutex::new(()),
            blocked: AtomicBool::new(false),
        };
        let lane = Self { inner: Arc::new(inner) };
        lane.set_blocked(false);
        lane
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.inner.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a record and tells whether the lane is full.
    pub(crate) fn push(&self, record: Record) -> bool {
        let mut waiting = self.waiting();
        waiting.bytes += weight(&record);
        waiting.records.push_back(record);
        waiting.is_full()
    }

    /// Tells the lane that records have come.
    pub(crate) fn wake(&self) {
        self.inner.arrived.notify_one();
    }

    /// Whether a lane that was full should be given more.
    pub(crate) fn has_room(&self) -> bool {
        let waiting = self.waiting();
        waiting.records.len() < FULL_RECORDS / 2 && waiting.bytes < FULL_BYTES / 2
    }

    /// Whether every record that it was given has been settled.
    pub(crate) fn is_idle(&self) -> bool {
        let waiting = self.waiting();
        waiting.records.is_empty() && waiting.in_hand.is_empty()
    }

    /// Forgets the records of partitions that have a new owner, also those of a batch that is to be tried again, and waits
    /// for the attempt that may have some of them in hand. The new owner takes them: tried again here, an old snapshot could
    /// bring back what was removed since.
    pub(crate) async fn give_away(&self, is_given_away: impl Fn(&str, i32) -> bool) {
        {
            let mut waiting = self.waiting();
            waiting.records.retain(|record| !is_given_away(&record.topic, record.partition));
            waiting.bytes = waiting.records.iter().map(weight).sum();
            let Waiting { in_hand, lost, .. } = &mut *waiting;
            lost.extend(in_hand.iter().filter(|partition| is_given_away(self.inner.topic, **partition)));
        }
        let _ended = self.inner.attempt.lock().await;
    }

    /// Whether a batch of this lane cannot be finished at present; it is tried again.
    pub(crate) fn is_blocked(&self) -> bool {
        self.inner.blocked.load(Ordering::Relaxed)
    }

    fn set_blocked(&self, blocked: bool) {
        self.inner.blocked.store(blocked, Ordering::Relaxed);
        metrics::gauge!("consumer_blocked", "topic" => self.inner.topic).set(if blocked { 1.0 } else { 0.0 });
    }

    /// Takes batches until it is told to stop; then finishes the batch in hand. `drained` is told when there is room again.
    pub(crate) async fn work(
        self,
        taker: Taker,
        consumer: Arc<StreamConsumer<Context>>,
        drained: Arc<Notify>,
        stop: CancellationToken,
    ) {
        let mut gather = false;
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                () = self.inner.arrived.notified() => {}
            }
            loop {
                if gather {
                    tokio::time::sleep(GATHER).await;
                }
                let attempt = self.inner.attempt.lock().await;
                let batch = self.next();
                if batch.is_empty() || stop.is_cancelled() {
                    break;
                }
                drained.notify_one();
                gather = batch.len() > 1;
                self.finish(batch, attempt, &taker, &consumer, &stop).await;
            }
        }
    }

    fn next(&self) -> Vec<Record> {
        let mut waiting = self.waiting();
        let count = waiting.records.len().min(BATCH);
        let batch: Vec<Record> = waiting.records.drain(..count).collect();
        waiting.bytes -= batch.iter().map(weight).sum::<usize>();
        waiting.in_hand = batch.iter().map(|record| record.partition).collect();
        waiting.lost.clear();
        batch
    }

    /// Does not return before every record of the batch had its effects or is a dead letter, or the service stops: then the
    /// records are taken again by whoever gets their partitions.
    async fn finish(
        &self,
        mut batch: Vec<Record>,
        mut attempt: tokio::sync::MutexGuard<'_, ()>,
        taker: &Taker,
        consumer: &StreamConsumer<Context>,
        stop: &CancellationToken,
    ) {
        let mut pause = Duration::from_millis(20);
        let mut progress = Progress::default();
        loop {
            let lost = std::mem::take(&mut self.waiting().lost);
            batch.retain(|record| !lost.contains(&record.partition));
            if mutants::is_on(Mutant::OffsetBeforeCommit) {
                store_offsets(&batch, consumer);
                let _ = consumer.commit_consumer_state(CommitMode::Sync);
                tokio::time::sleep(mutants::PAUSE).await;
            }
            let Err(failure) = taker.take(&batch, &mut progress).await else {
                store_offsets(&batch, consumer);
                self.waiting().in_hand.clear();
                break;
            };
            drop(attempt);
            self.set_blocked(true);
            metrics::counter!("consumer_retries_total", "topic" => self.inner.topic).increment(1);
            tracing::warn!(
                error = failure.message,
                topic = self.inner.topic,
                records = batch.len(),
                pause_ms = pause.as_millis(),
                "a batch cannot be finished now and is tried again"
            );
            if tokio::time::timeout(pause, stop.cancelled()).await.is_ok() {
                return;
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
            attempt = self.inner.attempt.lock().await;
        }
        if self.is_blocked() {
            self.set_blocked(false);
        }
    }
}

fn store_offsets(batch: &[Record], consumer: &StreamConsumer<Context>) {
    let mut ends: BTreeMap<i32, i64> = BTreeMap::new();
    for record in batch {
        ends.insert(record.partition, record.offset + 1);
    }
    let Some(first) = batch.first() else { return };
    let topic = consumer.context().settings.topic_name(&first.topic);
    let mut done = TopicPartitionList::new();
    for (partition, offset) in ends {
        let _ = done.add_partition_offset(&topic, partition, Offset::Offset(offset));
    }
    // Fails for a partition that was taken away meanwhile: its new owner finds the inbox rows.
    if let Err(error) = consumer.store_offsets(&done) {
        tracing::debug!(%error, "offsets were not stored; the records are taken again, without a second effect");
    }
}
