//! What a relay has under way for compacted topics, beside its facts.
//! The rule: one thing at a time, opening the producer or sending a round; meanwhile the relay reads no rows of these topics.
//! Facts wait for none of it.

use std::sync::Arc;
use std::time::Duration;

use contracts::{Retention, topics};
use persistence::PendingEvent;
use rdkafka::error::KafkaError;
use tokio::task::JoinHandle;

use crate::producer::SendFailure;
use crate::relay::{outgoing_of, told};
use crate::settings::Settings;
use crate::state_producer::{StateProducer, Unusable};

/// How long it rests after a round of which something did not arrive.
const REST: Duration = Duration::from_secs(1);

/// A round that has ended: what became of each row.
#[derive(Default)]
pub(crate) struct Round {
    pub(crate) rows: Vec<PendingEvent>,
    pub(crate) results: Vec<Result<(), SendFailure>>,
}

/// The snapshots of one relay for as long as it leads.
pub(crate) struct Snapshots {
    settings: Settings,
    before_sending: Arc<dyn Fn() + Send + Sync>,
    state: State,
}

enum State {
    /// No snapshot has been seen yet.
    Closed,
    Ready(StateProducer),
    Busy(JoinHandle<Result<(StateProducer, Round), Unusable>>),
}

impl Snapshots {
    pub(crate) fn new(settings: Settings, before_sending: Arc<dyn Fn() + Send + Sync>) -> Self {
        Self { settings, before_sending, state: State::Closed }
    }

    pub(crate) fn is_busy(&self) -> bool {
        matches!(self.state, State::Busy(_))
    }

    /// The topics whose rows are not to be read at present.
    pub(crate) fn held_back(&self) -> Vec<&'static str> {
        if self.is_busy() { state_topics().collect() } else { Vec::new() }
    }

    /// Begins a round with these rows. The first rows only open the producer: what was read before may have been sent by
    /// the relay that led until now, so they have to be read again.
    pub(crate) fn begin(&mut self, rows: Vec<PendingEvent>) {
        self.state = match std::mem::replace(&mut self.state, State::Closed) {
            State::Closed => {
                let settings = self.settings.clone();
                State::Busy(tokio::spawn(async move {
                    let producer = told(StateProducer::open(&settings), &mut false).await?;
                    Ok((producer, Round::default()))
                }))
            }
            State::Ready(producer) => State::Busy(tokio::spawn(send(producer, rows, Arc::clone(&self.before_sending)))),
            busy @ State::Busy(_) => busy,
        }
    }

    /// The end of what is under way; never, when nothing is.
    ///
    /// # Errors
    /// [`Unusable`]; the rows stay in the outbox.
    pub(crate) async fn ended(&mut self) -> Result<Round, Unusable> {
        let State::Busy(task) = &mut self.state else { return std::future::pending().await };
        let ended = task.await;
        self.state = State::Closed;
        match ended {
            Ok(done) => {
                let (producer, round) = done?;
                self.state = State::Ready(producer);
                Ok(round)
            }
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            Err(_) => Err(Unusable(KafkaError::Canceled)),
        }
    }
}

impl Drop for Snapshots {
    fn drop(&mut self) {
        if let State::Busy(task) = &self.state {
            task.abort();
        }
    }
}

async fn send(
    mut producer: StateProducer,
    rows: Vec<PendingEvent>,
    before_sending: Arc<dyn Fn() + Send + Sync>,
) -> Result<(StateProducer, Round), Unusable> {
    before_sending();
    let outgoing: Vec<_> = rows.iter().map(outgoing_of).collect();
    let results = told(producer.send_all(&outgoing), &mut false).await?;
    if results.iter().any(|result| matches!(result, Err(SendFailure::Unconfirmed(_)))) {
        tracing::warn!("the broker did not take snapshots; they are sent again");
        tokio::time::sleep(REST).await;
    }
    Ok((producer, Round { rows, results }))
}

/// The compacted topics. Their rows are whole states of aggregates.
pub(crate) fn state_topics() -> impl Iterator<Item = &'static str> {
    topics::ALL.iter().filter(|topic| topic.retention == Retention::State).map(|topic| topic.name)
}
