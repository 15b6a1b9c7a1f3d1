//! The relay: brings the rows of the outbox to their topics, each aggregate's in order.
//! The rule: one relay per schema at a time, held by a session lock; a row is deleted only after the
//! broker's acknowledgement, and there is no cursor that could pass by a late commit. A relay that no longer leads cannot
//! write a snapshot any more.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use contracts::Retention;
use contracts::topics;
use persistence::{Database, OutboxListener, OutboxSession, PendingEvent};
use rdkafka::error::KafkaError;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::producer::{Outgoing, Producer, SendFailure};
use crate::state_producer::{Fenced, StateProducer};

/// Rows per round.
const BATCH: i64 = 500;
/// How long a row waits at most when every wake-up was lost.
const POLL: Duration = Duration::from_secs(1);
/// How often the outbox is measured for metrics.
const MEASURE: Duration = Duration::from_secs(10);
/// How often traces of finished work (inbox, recorded replies) that are past their time are removed.
const PRUNE: Duration = Duration::from_secs(600);
/// How long the round under way may take once the process stops; less than a part of its stage may take.
const LAST_ROUND: Duration = Duration::from_secs(3);
/// How often a replica that is not the relay asks for the lock.
const LOCK_RETRY: Duration = Duration::from_millis(500);

/// What the relay of this replica is doing, for readiness and metrics.
#[derive(Clone, Debug, Default)]
pub struct RelayState {
    leading: Arc<AtomicBool>,
}

impl RelayState {
    /// Whether this replica holds the lock.
    #[must_use]
    pub fn is_leading(&self) -> bool {
        self.leading.load(Ordering::Relaxed)
    }
}

/// Why a relay ended by itself: sending on with this producer could reorder events.
#[derive(Debug, thiserror::Error)]
#[error("the producer failed for good: {0}; only a new process can go on")]
pub struct RelayFailed(KafkaError);

/// Why a relay gave up leading; it begins anew.
#[derive(Debug, thiserror::Error)]
enum Interrupted {
    #[error(transparent)]
    Storage(#[from] persistence::Error),
    #[error(transparent)]
    Fenced(#[from] Fenced),
}

/// The relay of one replica; [`Relay::run`] makes it work.
pub struct Relay {
    database: Database,
    producer: Producer,
    state: RelayState,
    select: &'static str,
    before_sending: Box<dyn Fn() + Send + Sync>,
    /// Set when the producer is of no use any more.
    failed: Option<KafkaError>,
}

impl Relay {
    /// The relay of this replica.
    #[must_use]
    pub fn new(database: Database, producer: Producer) -> Self {
        Self {
            database,
            producer,
            state: RelayState::default(),
            select: persistence::PENDING,
            before_sending: Box::new(|| {}),
            failed: None,
        }
    }

    /// A relay that asks the outbox something else: for the test that shows why it does not.
    #[doc(hidden)]
    #[must_use]
    pub fn asking(mut self, select: &'static str) -> Self {
        self.select = select;
        self
    }

    /// A relay that does something between reading rows and sending them: for the test in which it is stopped there.
    #[doc(hidden)]
    #[must_use]
    pub fn before_sending(mut self, act: impl Fn() + Send + Sync + 'static) -> Self {
        self.before_sending = Box::new(act);
        self
    }

    /// What it is doing.
    #[must_use]
    pub fn state(&self) -> RelayState {
        self.state.clone()
    }

    /// Works as soon as it gets the lock, until it is told to stop; then sends what is still in the outbox, as far as the
    /// broker takes it, and gives the lock back. What a relay that is cut off leaves, the next one sends.
    ///
    /// # Errors
    /// [`RelayFailed`] when the producer is of no use any more.
    pub async fn run(mut self, stop: CancellationToken) -> Result<(), RelayFailed> {
        while !stop.is_cancelled() && self.failed.is_none() {
            if let Err(error) = self.session(&stop).await {
                tracing::warn!(%error, "the relay was interrupted and begins anew");
                pause(Duration::from_secs(1), &stop).await;
            }
            self.state.leading.store(false, Ordering::Relaxed);
        }
        self.failed.map_or(Ok(()), |error| Err(RelayFailed(error)))
    }

    /// One database session: ask for the lock until it is ours, then relay until told to stop.
    async fn session(&mut self, stop: &CancellationToken) -> Result<(), Interrupted> {
        let mut session = OutboxSession::open(&self.database).await?.asking(self.select);
        while !session.try_lead().await? {
            // Asked for, since a pause below may have been what heard of it.
            if stop.is_cancelled() {
                return Ok(());
            }
            // Another replica relays: tell it about commits here, several in one.
            tokio::select! {
                () = self.database.outbox_watch().notified() => {
                    session.notify().await?;
                    pause(Duration::from_millis(2), stop).await;
                }
                () = tokio::time::sleep(LOCK_RETRY) => {}
                () = stop.cancelled() => return Ok(()),
            }
        }
        self.state.leading.store(true, Ordering::Relaxed);
        tracing::info!("this replica relays the outbox");
        let listener = OutboxListener::open(&self.database).await?;
        let listening = tokio::spawn(listener.forward_to(Arc::clone(self.database.outbox_watch())));
        let measuring = tokio::spawn(measure(self.database.clone()));
        let result = self.relay(&mut session, [&listening, &measuring], stop).await;
        listening.abort();
        measuring.abort();
        let _ = measuring.await;
        // Another replica measures from now on; the last figures would stay here as long as this process lives.
        for figure in [
            metrics::gauge!("outbox_rows"),
            metrics::gauge!("outbox_parked_aggregates"),
            metrics::gauge!("outbox_oldest_seconds"),
        ] {
            figure.set(f64::NAN);
        }
        result
    }

    async fn relay(
        &mut self,
        session: &mut OutboxSession,
        beside: [&JoinHandle<()>; 2],
        stop: &CancellationToken,
    ) -> Result<(), Interrupted> {
        let mut failing = false;
        let mut snapshots = None;
        loop {
            let pending = session.pending(BATCH).await?;
            if snapshots.is_none() && pending.iter().any(is_snapshot) {
                tokio::select! {
                    opened = StateProducer::open(self.producer.settings()) => snapshots = Some(opened?),
                    () = stop.cancelled() => return Ok(()),
                }
                // What was read before may have been sent by the relay that led until now.
                continue;
            }
            let full = i64::try_from(pending.len()).is_ok_and(|rows| rows == BATCH);
            let stuck = !pending.is_empty() && self.send(session, snapshots.as_ref(), &pending, stop).await?;
            if stuck != failing {
                failing = stuck;
                if stuck {
                    tracing::error!("the broker does not take events; they wait in the outbox");
                }
            }
            let stopping = stop.is_cancelled();
            if self.failed.is_some() || (stopping && (pending.is_empty() || stuck)) {
                return Ok(());
            }
            if stuck {
                pause(Duration::from_secs(1), stop).await;
            } else if !full && !stopping {
                tokio::select! {
                    () = self.database.outbox_watch().notified() => {}
                    () = tokio::time::sleep(POLL) => {}
                    () = stop.cancelled() => {}
                }
            }
            if beside.iter().any(|task| task.is_finished()) {
                return Err(
                    persistence::Error::Unavailable("what listens or measures beside it ended".to_owned()).into()
                );
            }
        }
    }

    /// Sends one round and deletes what arrived; tells whether the broker is in the way.
    async fn send(
        &mut self,
        session: &mut OutboxSession,
        snapshots: Option<&StateProducer>,
        pending: &[PendingEvent],
        stop: &CancellationToken,
    ) -> Result<bool, Interrupted> {
        (self.before_sending)();
        let results = tokio::select! {
            results = self.send_all(snapshots, pending) => results?,
            // The broker may be away for hours; the end of this process must not wait for it.
            () = async { stop.cancelled().await; tokio::time::sleep(LAST_ROUND).await } => return Ok(true),
        };
        let now = kernel::Clock::now();
        let arrived = arrived(pending, &results);
        let sent: Vec<i64> = arrived.iter().map(|event| event.sequence).collect();
        for event in arrived {
            let waited = (now - event.created_at).as_seconds_f64();
            metrics::histogram!("outbox_wait_seconds").record(waited.max(0.0));
        }
        let mut stuck = false;
        for (event, result) in pending.iter().zip(results) {
            match result {
                Ok(()) => {}
                Err(SendFailure::Impossible(error)) => {
                    tracing::error!(topic = event.aggregatetype, aggregate = event.aggregateid, %error,
                        "the broker will never take this event; its aggregate is parked in outbox_parked");
                    metrics::counter!("outbox_parked_total").increment(1);
                    session.park_aggregate(event, &error.to_string()).await?;
                }
                Err(SendFailure::Behind) => {}
                Err(SendFailure::Unconfirmed(_)) => stuck = true,
                Err(SendFailure::Fatal(error)) => {
                    // Sending on with this client could reorder; the service ends and is started anew.
                    self.failed = Some(error);
                }
            }
        }
        metrics::counter!("outbox_sent_total").increment(sent.len() as u64);
        session.delete_sent(&sent).await?;
        Ok(stuck || self.failed.is_some())
    }

    /// Facts and snapshots side by side: no aggregate has both. Each result stands where its row does.
    async fn send_all(
        &self,
        snapshots: Option<&StateProducer>,
        pending: &[PendingEvent],
    ) -> Result<Vec<Result<(), SendFailure>>, Fenced> {
        let Some(producer) = snapshots else {
            let outgoing: Vec<Outgoing> = pending.iter().map(outgoing_of).collect();
            return Ok(self.producer.send_all(&outgoing).await);
        };
        let (mut states, mut facts) = (Vec::new(), Vec::new());
        for event in pending {
            if is_snapshot(event) { &mut states } else { &mut facts }.push(outgoing_of(event));
        }
        let (states, facts) = tokio::join!(producer.send_all(&states), self.producer.send_all(&facts));
        let (mut states, mut facts) = (states?.into_iter(), facts.into_iter());
        let results = pending.iter().map(|event| if is_snapshot(event) { states.next() } else { facts.next() });
        Ok(results.flatten().collect())
    }
}

async fn pause(time: Duration, stop: &CancellationToken) {
    let _ = tokio::time::timeout(time, stop.cancelled()).await;
}

/// The events that are done with: the broker has them, and everything of their aggregate before them. One that arrived
/// behind another that did not is sent again with it, so that the newest record of a key is the newest event.
fn arrived<'p>(pending: &'p [PendingEvent], results: &[Result<(), SendFailure>]) -> Vec<&'p PendingEvent> {
    let mut held: HashSet<(&str, &str)> = HashSet::new();
    let mut arrived = Vec::with_capacity(pending.len());
    for (event, result) in pending.iter().zip(results) {
        let aggregate = (event.aggregatetype.as_str(), event.aggregateid.as_str());
        if result.is_err() {
            held.insert(aggregate);
        } else if !held.contains(&aggregate) {
            arrived.push(event);
        }
    }
    arrived
}

/// What the replica that leads does for all: it measures the outbox.
async fn measure(database: Database) {
    loop {
        match persistence::outbox_depth(&database).await {
            Ok(depth) => {
                #[expect(clippy::cast_precision_loss, reason = "counts beyond 2^52 are only a picture")]
                let (rows, parked) = (depth.rows as f64, depth.parked as f64);
                metrics::gauge!("outbox_rows").set(rows);
                metrics::gauge!("outbox_parked_aggregates").set(parked);
                let age = depth.oldest.map_or(0.0, |since| (kernel::Clock::now() - since).as_seconds_f64());
                metrics::gauge!("outbox_oldest_seconds").set(age.max(0.0));
            }
            Err(error) => tracing::debug!(%error, "the outbox was not measured"),
        }
        tokio::time::sleep(MEASURE).await;
    }
}

/// Removes the traces of finished work (inbox, recorded replies) that are past their time, until it is dropped. Any number
/// of replicas may do it at once.
pub async fn prune(database: &Database) {
    loop {
        tokio::time::sleep(PRUNE).await;
        match persistence::prune(database).await {
            Ok(gone) if gone.inbox + gone.replays > 0 => {
                tracing::info!(inbox = gone.inbox, replays = gone.replays, "removed what was past its time");
            }
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "what is past its time was not removed; tried again later"),
        }
    }
}

/// Whether a row is the whole state of its aggregate, for a compacted topic.
fn is_snapshot(event: &PendingEvent) -> bool {
    topics::ALL.iter().any(|topic| topic.name == event.aggregatetype && topic.retention == Retention::State)
}

fn outgoing_of(event: &PendingEvent) -> Outgoing {
    let headers: std::collections::BTreeMap<String, String> = serde_json::from_str(&event.headers).unwrap_or_default();
    Outgoing {
        topic: event.aggregatetype.clone(),
        key: Some(event.aggregateid.clone().into_bytes()),
        payload: event.payload.clone().map(String::into_bytes),
        headers: headers.into_iter().map(|(name, value)| (name, value.into_bytes())).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn behind_an_event_that_did_not_arrive_those_of_its_aggregate_stay() {
        let event = |sequence, aggregate: &str| PendingEvent {
            sequence,
            aggregatetype: "order.order.v1".to_owned(),
            aggregateid: aggregate.to_owned(),
            payload: None,
            headers: String::new(),
            created_at: kernel::Clock::now(),
        };
        let pending = [event(1, "a"), event(2, "b"), event(3, "a"), event(4, "b"), event(5, "a")];
        let lost = || Err(SendFailure::Unconfirmed("the broker went away".to_owned()));
        let results = [Ok(()), lost(), Ok(()), Ok(()), lost()];
        let arrived: Vec<i64> = arrived(&pending, &results).iter().map(|event| event.sequence).collect();
        assert_eq!(arrived, [1, 3]);
    }
}
