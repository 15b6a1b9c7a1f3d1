//! The consumer of a service: takes what a poll gave and turns it into one transaction.
//! The rule: inbox rows, effects and the events that follow commit together, and only then does the
//! offset move. A fault that can pass blocks the partitions; a record that never can is set aside.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use contracts::Envelope;
use futures::FutureExt;
use kernel::{EventId, OrganisationId};
use mediator::{Class, Mediator};
use persistence::{Provenance, TenantTransaction};
use rdkafka::consumer::{CommitMode, Consumer as _, ConsumerContext, StreamConsumer};
use rdkafka::error::KafkaError;
use rdkafka::message::Message;
use rdkafka::{ClientContext, Offset, Statistics, TopicPartitionList};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::dead_letter::{Cause, dead_letter, header, wanted};
use crate::producer::Producer;
use crate::record::Record;
use crate::settings::Settings;
use crate::subscription::{Failure, Kind, Readable, Subscription, Subscriptions};
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
    /// Whether a batch cannot be finished at present; it is tried again.
    #[must_use]
    pub fn is_blocked(&self) -> bool {
        self.blocked.load(Ordering::Relaxed)
    }
}

/// A running consumer.
#[derive(Debug)]
pub struct Consumer {
    state: ConsumerState,
    stop: watch::Sender<bool>,
    alive: watch::Receiver<()>,
    task: JoinHandle<()>,
}

impl Consumer {
    /// Creates and asserts the topics and dead-letter topics of the table, joins the group and
    /// starts.
    ///
    /// # Errors
    /// [`TopicError`] when the broker is away or a topic is not what it must be.
    pub async fn start(
        settings: Settings,
        mediator: Mediator,
        producer: Producer,
        subscriptions: Subscriptions,
    ) -> Result<Self, TopicError> {
        let topics = subscriptions.topics();
        ensure_topics(&settings, &topics).await?;
        let dead: Vec<_> = topics.iter().map(|topic| wanted(&settings, topic.name)).collect();
        ensure(&settings, &dead).await?;

        let consumer: StreamConsumer<Context> = settings
            .group_consumer()
            .create_with_context(Context { settings: settings.clone() })
            .map_err(TopicError::Unavailable)?;
        let names: Vec<String> = topics.iter().map(|topic| settings.name_of(topic)).collect();
        consumer.subscribe(&names.iter().map(String::as_str).collect::<Vec<_>>()).map_err(TopicError::Unavailable)?;

        let (stop, stopped) = watch::channel(false);
        let state = ConsumerState::default();
        let worker = Worker {
            by_topic: subscriptions
                .entries
                .iter()
                .map(|entry| (entry.topic().name.to_owned(), Arc::clone(entry)))
                .collect(),
            subscriptions,
            settings,
            mediator,
            producer,
            consumer,
            state: state.clone(),
            stopped,
        };
        let (living, alive) = watch::channel(());
        let task = tokio::spawn(async move {
            worker.run().await;
            drop(living);
        });
        Ok(Self { state, stop, alive, task })
    }

    /// What it is doing.
    #[must_use]
    pub fn state(&self) -> ConsumerState {
        self.state.clone()
    }

    /// Whether it ended by itself, which a service answers by ending too.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.task.is_finished()
    }

    /// Resolves when it has ended, whatever the reason.
    pub fn ended(&self) -> impl Future<Output = ()> + Send + 'static {
        let mut alive = self.alive.clone();
        // Nothing is ever sent; the sender goes with the task, panics included.
        async move { while alive.changed().await.is_ok() {} }
    }

    /// Finishes the batch in hand, commits its offsets and leaves the group, at most for `limit`.
    pub async fn stop(self, limit: Duration) {
        let _ = self.stop.send(true);
        let abort = self.task.abort_handle();
        if tokio::time::timeout(limit, self.task).await.is_err() {
            abort.abort();
            tracing::warn!("the consumer did not finish in time; its batch is taken again, without a second effect");
        }
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

struct Worker {
    settings: Settings,
    mediator: Mediator,
    producer: Producer,
    subscriptions: Subscriptions,
    by_topic: BTreeMap<String, Arc<dyn Subscription>>,
    consumer: StreamConsumer<Context>,
    state: ConsumerState,
    stopped: watch::Receiver<bool>,
}

/// What becomes of one record.
enum Verdict {
    Take(Box<Readable>),
    SetAside(Record, Cause, String),
    /// Redriven for another group.
    Pass,
}

impl Worker {
    async fn run(mut self) {
        let mut stopped = self.stopped.clone();
        while !*stopped.borrow() {
            let batch = tokio::select! {
                batch = self.poll() => batch,
                _ = stopped.changed() => break,
            };
            match batch {
                Ok(batch) if batch.is_empty() => {}
                Ok(batch) => self.finish(batch).await,
                Err(KafkaError::MessageConsumptionFatal(code)) => {
                    tracing::error!(%code, "the consumer failed for good; the service ends and is started again");
                    return;
                }
                // Brokers come and go; the client reconnects by itself.
                Err(error) => tracing::debug!(%error, "a poll failed and is begun anew"),
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
    }

    /// Waits for a record and takes what came with it.
    async fn poll(&self) -> Result<Vec<Record>, KafkaError> {
        let first = match tokio::time::timeout(POLL, self.consumer.recv()).await {
            Err(_) => return Ok(Vec::new()),
            Ok(received) => received?,
        };
        let mut batch = vec![self.detach(&first)];
        drop(first);
        while batch.len() < BATCH {
            match self.consumer.recv().now_or_never() {
                Some(Ok(message)) => batch.push(self.detach(&message)),
                // An error here comes again with the next poll.
                Some(Err(_)) | None => break,
            }
        }
        Ok(batch)
    }

    fn detach(&self, message: &rdkafka::message::BorrowedMessage<'_>) -> Record {
        Record::from_message(message, self.settings.local_name(message.topic()))
    }

    /// Does not return before every record of the batch had its effects or is a dead letter, or
    /// the service stops: then the records are taken again by whoever gets their partitions.
    async fn finish(&mut self, batch: Vec<Record>) {
        let mut offsets: BTreeMap<(String, i32), i64> = BTreeMap::new();
        for record in &batch {
            offsets.insert((record.topic.clone(), record.partition), record.offset + 1);
        }
        let mut stopped = self.stopped.clone();
        let mut pause = Duration::from_millis(20);
        let mut paused = None;
        // Where reading goes on: behind the batch, and at what polls in between had to drop.
        let mut resume_at = offsets.clone();
        loop {
            match self.process(&batch).await {
                Ok(()) => break,
                Err(failure) => {
                    self.state.blocked.store(true, Ordering::Relaxed);
                    metrics::counter!("consumer_retries_total").increment(1);
                    tracing::warn!(
                        error = failure.message,
                        records = batch.len(),
                        pause_ms = pause.as_millis(),
                        "a batch cannot be finished now and is tried again"
                    );
                }
            }
            if paused.is_none() {
                paused = self.consumer.assignment().ok();
                if let Some(assigned) = &paused {
                    let _ = self.consumer.pause(assigned);
                }
            }
            tokio::select! {
                () = self.wait_and_poll(pause, &mut resume_at) => {}
                _ = stopped.changed() => return,
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
        if let Some(assigned) = paused {
            self.state.blocked.store(false, Ordering::Relaxed);
            self.rewind_and_resume(&assigned, &resume_at);
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

    /// Polling goes on during a pause, so that the group does not take this member for dead. What it
    /// gives (records under way, partitions assigned meanwhile) is noted and read again afterwards.
    async fn wait_and_poll(&self, pause: Duration, resume_at: &mut BTreeMap<(String, i32), i64>) {
        let end = tokio::time::Instant::now() + pause;
        while let Ok(received) = tokio::time::timeout_at(end, self.consumer.recv()).await {
            if let Ok(message) = received {
                let topic = self.settings.local_name(message.topic()).to_owned();
                resume_at.entry((topic, message.partition())).or_insert(message.offset());
            }
        }
    }

    fn rewind_and_resume(&self, assigned: &TopicPartitionList, resume_at: &BTreeMap<(String, i32), i64>) {
        for ((topic, partition), offset) in resume_at {
            let topic = self.settings.topic_name(topic);
            if let Err(error) = self.consumer.seek(&topic, *partition, Offset::Offset(*offset), Duration::from_secs(2))
            {
                tracing::debug!(%error, topic, partition, "the position was not set; the partition has a new owner");
            }
        }
        if let Err(error) = self.consumer.resume(assigned) {
            tracing::debug!(%error, "partitions were not resumed; they have a new owner");
        }
    }

    /// One attempt at a batch: together, and one by one when a record of it cannot be taken.
    async fn process(&self, batch: &[Record]) -> Result<(), Failure> {
        let verdicts: Vec<Verdict> = batch.iter().map(|record| self.read(record)).collect();
        let mut readable = Vec::with_capacity(verdicts.len());
        for verdict in verdicts {
            match verdict {
                Verdict::Take(one) => readable.push(*one),
                Verdict::SetAside(record, cause, error) => {
                    self.set_aside(&record, organisation_of(&record), cause, &error).await?;
                }
                Verdict::Pass => {}
            }
        }
        if readable.is_empty() {
            return Ok(());
        }
        let all: Vec<&Readable> = readable.iter().collect();
        match self.transact(&all).await {
            Ok(()) => Ok(()),
            Err(failure) if failure.class == Class::Transient => Err(failure),
            Err(_) => {
                for one in &readable {
                    match self.transact(&[one]).await {
                        Ok(()) => {}
                        Err(failure) if failure.class == Class::Transient => return Err(failure),
                        Err(failure) => {
                            self.set_aside(&one.record, Some(one.organisation), Cause::Permanent, &failure.message)
                                .await?;
                        }
                    }
                }
                Ok(())
            }
        }
    }

    fn read(&self, record: &Record) -> Verdict {
        if record.header(header::REDRIVE).is_some_and(|group| group != self.settings.service) {
            return Verdict::Pass;
        }
        let unreadable = |error: String| Verdict::SetAside(record.clone(), Cause::Unreadable, error);
        let Some(subscription) = self.by_topic.get(&record.topic) else {
            return unreadable(format!("nothing here listens to {}", record.topic));
        };
        let envelope = match Envelope::from_headers(record.header_pairs()) {
            Ok(envelope) => envelope,
            Err(error) => return unreadable(error.to_string()),
        };
        let Some(organisation) = envelope.organisation else {
            return unreadable("the record names no organisation".to_owned());
        };
        if record.key_text() != envelope.subject.to_string() {
            return unreadable("the record's key is not its ce_subject".to_owned());
        }
        let decoded = match subscription.decode(&envelope.event_type, record) {
            Ok(decoded) => decoded,
            Err(error) => return unreadable(error),
        };
        let span = tracing::info_span!("consume", otel.name = %format!("consume {}", envelope.event_type),
            otel.kind = "consumer", organisation = %organisation, event = %envelope.id);
        if let Some(traceparent) = &envelope.traceparent {
            mediator::continue_from(&span, traceparent);
        }
        let provenance = Provenance {
            actor: format!("system:{}", self.settings.service),
            correlation: envelope.correlation,
            causation: Some(envelope.id.uuid()),
            traceparent: mediator::traceparent_of(&span).or_else(|| envelope.traceparent.clone()),
        };
        Verdict::Take(Box::new(Readable { record: record.clone(), decoded, envelope, organisation, provenance, span }))
    }

    /// Everything in one transaction: organisations in sorted order, each with its commands.
    async fn transact(&self, records: &[&Readable]) -> Result<(), Failure> {
        let mut by_organisation: BTreeMap<OrganisationId, Vec<&Readable>> = BTreeMap::new();
        for readable in records {
            by_organisation.entry(readable.organisation).or_default().push(readable);
        }
        let mut transaction: Option<TenantTransaction> = None;
        let mut behind: Vec<(&Readable, String)> = Vec::new();
        for (organisation, group) in &by_organisation {
            let Some(first) = group.first() else { continue };
            let mut open = match transaction.take() {
                None => self
                    .mediator
                    .database()
                    .begin(*organisation, first.provenance.clone())
                    .await
                    .map_err(|error| Failure::of(&error))?,
                Some(mut open) => {
                    open.enter(*organisation, first.provenance.clone()).await.map_err(|error| Failure::of(&error))?;
                    open
                }
            };
            let result = self.apply(&mut open, *organisation, group, &mut behind).await;
            if let Err(failure) = result {
                let _ = open.rollback().await;
                return Err(failure);
            }
            transaction = Some(open);
        }
        // Records behind a dead letter join it before the effects of the others are visible: a
        // crash in between sets them aside twice, never lets one overtake.
        for (readable, key) in behind {
            let letter = dead_letter(
                &readable.record,
                &self.settings.service,
                Cause::Parked,
                &format!("an earlier record of the key {key} is a dead letter"),
            );
            self.write_dead_letter(letter, Cause::Parked).await?;
        }
        if let Some(open) = transaction {
            open.commit().await.map_err(|error| Failure::of(&error))?;
            for wake in &self.subscriptions.after_commit {
                wake();
            }
        }
        metrics::counter!("consumer_records_total").increment(records.len() as u64);
        Ok(())
    }

    /// The records of one organisation inside the transaction of the batch.
    async fn apply<'r>(
        &self,
        transaction: &mut TenantTransaction,
        organisation: OrganisationId,
        records: &[&'r Readable],
        behind: &mut Vec<(&'r Readable, String)>,
    ) -> Result<(), Failure> {
        let mut tx = transaction.tx();
        let service = self.settings.service.as_str();
        let fail = |error: persistence::Error| Failure::of(&error);
        for subscription in self.by_topic.values() {
            let name = subscription.topic().name;
            let mine: Vec<&Readable> =
                records.iter().copied().filter(|readable| readable.record.topic == name).collect();
            if mine.is_empty() {
                continue;
            }
            if subscription.kind() == Kind::State {
                subscription.apply(&mut tx, organisation, &mine).await?;
                continue;
            }
            let mut keys: Vec<(String, String)> =
                mine.iter().map(|readable| (name.to_owned(), readable.record.key_text())).collect();
            keys.sort_unstable();
            keys.dedup();
            let mut parked = persistence::parked_among(&mut tx, service, &keys).await.map_err(fail)?;
            let mut through: Vec<&Readable> = Vec::with_capacity(mine.len());
            for readable in mine {
                let key = (name.to_owned(), readable.record.key_text());
                let redriven = readable.record.header(header::REDRIVE).is_some();
                if redriven && readable.record.header(header::UNPARK).is_some() {
                    persistence::unpark_key(&mut tx, service, name, &key.1).await.map_err(fail)?;
                    parked.remove(&key);
                }
                if parked.contains(&key) && !redriven {
                    behind.push((readable, key.1));
                } else {
                    through.push(readable);
                }
            }
            let ids: Vec<EventId> = through.iter().map(|readable| readable.envelope.id).collect();
            let fresh = persistence::claim_events(&mut tx, service, &ids).await.map_err(fail)?;
            let mut seen = BTreeSet::new();
            let fresh: Vec<&Readable> = through
                .into_iter()
                .filter(|readable| {
                    let id = readable.envelope.id;
                    fresh.contains(&id) && seen.insert(id)
                })
                .collect();
            let absorbed = ids.len() - fresh.len();
            if absorbed > 0 {
                metrics::counter!("consumer_duplicates_total").increment(absorbed as u64);
            }
            if !fresh.is_empty() {
                subscription.apply(&mut tx, organisation, &fresh).await?;
            }
        }
        Ok(())
    }

    /// Writes a dead letter and parks its key, so that later records wait behind it.
    async fn set_aside(
        &self,
        record: &Record,
        organisation: Option<OrganisationId>,
        cause: Cause,
        error: &str,
    ) -> Result<(), Failure> {
        tracing::error!(
            topic = record.topic,
            partition = record.partition,
            offset = record.offset,
            key = record.key_text(),
            error,
            "a record cannot be taken and goes to the dead-letter topic"
        );
        let letter = dead_letter(record, &self.settings.service, cause, error);
        self.write_dead_letter(letter, cause).await?;
        // The next snapshot replaces one that could not be read; only facts must wait for each other.
        let facts = self.by_topic.get(&record.topic).is_some_and(|entry| entry.kind() == Kind::Events);
        if !facts || record.key.is_none() {
            return Ok(());
        }
        // Parked keys belong to no organisation; any will do to open a transaction.
        let organisation = organisation.unwrap_or_else(|| OrganisationId::from_uuid(uuid::Uuid::nil()));
        let fail = |error: persistence::Error| Failure::of(&error);
        let provenance = Provenance::new(format!("system:{}", self.settings.service));
        let mut transaction = self.mediator.database().begin(organisation, provenance).await.map_err(fail)?;
        persistence::park_key(&mut transaction.tx(), &self.settings.service, &record.topic, &record.key_text(), error)
            .await
            .map_err(fail)?;
        transaction.commit().await.map_err(fail)
    }

    async fn write_dead_letter(&self, letter: crate::Outgoing, cause: Cause) -> Result<(), Failure> {
        let topic = letter.topic.clone();
        self.producer.send(letter).await.map_err(|error| Failure {
            class: Class::Transient,
            message: format!("a dead letter could not be written to {topic}: {error}"),
        })?;
        metrics::counter!("dead_letters_total", "kind" => cause.as_str()).increment(1);
        Ok(())
    }
}

fn organisation_of(record: &Record) -> Option<OrganisationId> {
    record.header(contracts::header::ORGANISATION).and_then(|text| text.parse().ok())
}
