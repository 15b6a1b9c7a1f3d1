//! The relay: brings the rows of the outbox to their topics, each aggregate's in order.
//! The rule: one relay per schema at a time, held by a session lock; a row is deleted only after the
//! broker's acknowledgement, and there is no cursor that could pass by a late commit. A relay that no longer leads cannot
//! write a snapshot any more.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::FutureExt;
use persistence::{Database, OutboxListener, OutboxSession, PendingEvent};
use rdkafka::error::KafkaError;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::producer::{Outgoing, Producer, SendFailure};
use crate::snapshots::{Snapshots, state_topics};
use crate::state_producer::Unusable;

/// Rows per round: as many events a relay that is killed may have sent and not yet taken from the outbox, which are sent again.
pub const RELAY_ROUND: u16 = 500;
/// How long a row waits at most when every wake-up was lost.
const POLL: Duration = Duration::from_millis(250);
/// How often the outbox is measured for metrics.
const MEASURE: Duration = Duration::from_secs(10);
/// How often traces of finished work (inbox, recorded replies) that are past their time are removed.
const PRUNE: Duration = Duration::from_secs(600);
/// How long the round under way may take once the process stops; less than a part of its stage may take.
const LAST_ROUND: Duration = Duration::from_secs(3);
/// How long the broker may take for a round before that is said.
const SLOW: Duration = Duration::from_secs(5);
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
    Snapshots(#[from] Unusable),
}

/// The relay of one replica; [`Relay::run`] makes it work.
pub struct Relay {
    database: Database,
    producer: Producer,
    state: RelayState,
    select: &'static str,
    before_sending: Arc<dyn Fn() + Send + Sync>,
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
            before_sending: Arc::new(|| {}),
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
        self.before_sending = Arc::new(act);
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
                // That the database is away is said once, by who connects to it; here only what that interrupted.
                let away = matches!(
                    error,
                    Interrupted::Storage(persistence::Error::Unavailable(_) | persistence::Error::Away)
                );
                if away && !self.state.leading.load(Ordering::Relaxed) {
                    tracing::debug!(%error, "the relay waits for the database");
                } else {
                    tracing::warn!(%error, "the relay was interrupted and begins anew");
                }
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
        let mut snapshots = Snapshots::new(self.producer.settings().clone(), Arc::clone(&self.before_sending));
        let mut end = None;
        loop {
            // Asked for, since facts without end leave no time to wait for it below.
            if let Some(ended) = snapshots.ended().now_or_never() {
                let round = ended?;
                self.settle(session, &round.rows, round.results).await?;
            }
            let pending = session.pending(RELAY_ROUND.into(), &snapshots.held_back()).await?;
            let full = pending.len() == usize::from(RELAY_ROUND);
            let (states, facts): (Vec<PendingEvent>, Vec<PendingEvent>) = pending.into_iter().partition(is_snapshot);
            if !states.is_empty() {
                snapshots.begin(states);
            }
            let is_idle = facts.is_empty();
            let stuck = !is_idle && self.send(session, &facts, &mut failing, stop).await?;
            if stuck && !failing {
                tell_of_waiting();
            }
            failing = stuck;
            if self.failed.is_some() {
                return Ok(());
            }
            if stop.is_cancelled() {
                let end = *end.get_or_insert_with(|| Instant::now() + LAST_ROUND);
                if stuck || (is_idle && !snapshots.is_busy()) || Instant::now() >= end {
                    return Ok(());
                }
                if is_idle && let Ok(ended) = tokio::time::timeout_at(end, snapshots.ended()).await {
                    let round = ended?;
                    self.settle(session, &round.rows, round.results).await?;
                }
            } else if stuck {
                pause(Duration::from_secs(1), stop).await;
            } else if !full {
                tokio::select! {
                    () = self.database.outbox_watch().notified() => {}
                    () = tokio::time::sleep(POLL) => {}
                    ended = snapshots.ended() => {
                        let round = ended?;
                        self.settle(session, &round.rows, round.results).await?;
                    }
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

    /// Sends one round of facts and deletes what arrived; tells whether the broker is in the way.
    async fn send(
        &mut self,
        session: &mut OutboxSession,
        facts: &[PendingEvent],
        failing: &mut bool,
        stop: &CancellationToken,
    ) -> Result<bool, Interrupted> {
        (self.before_sending)();
        let outgoing: Vec<Outgoing> = facts.iter().map(outgoing_of).collect();
        let results = tokio::select! {
            results = told(self.producer.send_all(&outgoing), failing) => results,
            // The broker may be away for hours; the end of this process must not wait for it.
            () = async { stop.cancelled().await; tokio::time::sleep(LAST_ROUND).await } => return Ok(true),
        };
        self.settle(session, facts, results).await
    }

    /// Deletes the rows that arrived and parks what never will; tells whether the broker is in the way.
    async fn settle(
        &mut self,
        session: &mut OutboxSession,
        rows: &[PendingEvent],
        results: Vec<Result<(), SendFailure>>,
    ) -> Result<bool, Interrupted> {
        let now = kernel::Clock::now();
        let arrived = arrived(rows, &results);
        let sent: Vec<i64> = arrived.iter().map(|event| event.sequence).collect();
        for event in arrived {
            let waited = (now - event.created_at).as_seconds_f64();
            metrics::histogram!("outbox_wait_seconds").record(waited.max(0.0));
        }
        let mut stuck = false;
        for (event, result) in rows.iter().zip(results) {
            match result {
                Ok(()) => {}
                Err(SendFailure::Impossible(error)) => {
                    tracing::error!(topic = event.aggregatetype, aggregate = event.aggregateid, %error,
                        "the broker will never take this event; its aggregate is parked in outbox_parked");
                    metrics::counter!("outbox_parked_total").increment(1);
                    session.park_aggregate(event, &error.to_string()).await?;
                }
                Err(SendFailure::Behind | SendFailure::NotYet) => {}
                Err(SendFailure::Unconfirmed(_)) => stuck = true,
                Err(SendFailure::Fatal(error)) => {
                    // Sending on with this client could reorder; the service ends and is started anew.
                    self.failed = Some(error);
                }
            }
        }
        if !sent.is_empty() {
            metrics::counter!("outbox_sent_total").increment(sent.len() as u64);
            session.delete_sent(&sent).await?;
        }
        Ok(stuck || self.failed.is_some())
    }
}

/// Waits for the broker, which may take hours, and says after a few seconds that it is waited for; once, until `failing` is
/// false again.
pub(crate) async fn told<T>(work: impl Future<Output = T>, failing: &mut bool) -> T {
    tokio::pin!(work);
    if !*failing {
        if let Ok(done) = tokio::time::timeout(SLOW, &mut work).await {
            return done;
        }
        tell_of_waiting();
        *failing = true;
    }
    work.await
}

fn tell_of_waiting() {
    tracing::error!("the broker does not take events; they wait in the outbox");
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
    state_topics().any(|topic| topic == event.aggregatetype)
}

pub(crate) fn outgoing_of(event: &PendingEvent) -> Outgoing {
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
