//! Writes snapshots to compacted topics, each round in one Kafka transaction under the schema's own transactional id.
//! The rule: from the moment a relay opens its producer, the broker refuses whatever a relay before it still has in hand. So
//! one that was stopped and woken after a takeover cannot put an old snapshot behind a newer one, where compaction would
//! keep the old one for ever. (KIP-98: a transactional id belongs to the producer that asked for it last.)

use std::sync::Arc;
use std::time::Duration;

use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::Producer as _;

use crate::producer::{Outgoing, Producer, SendFailure};
use crate::producer_client::ProducerClient;
use crate::settings::Settings;

/// How long one call into the client blocks its thread at most; what takes longer is asked again.
const PER_CALL: Duration = Duration::from_secs(1);

/// This producer is of no use any more: another one has its transactional id, or the client failed for good.
#[derive(Debug, thiserror::Error)]
#[error("snapshots can no longer be sent from here: {0}")]
pub(crate) struct Fenced(KafkaError);

/// The producer of one relay for as long as it leads.
pub(crate) struct StateProducer {
    producer: Producer,
}

impl StateProducer {
    /// Takes the schema's transactional id from whoever had it. Waits for the broker; may be dropped meanwhile. Rows of the
    /// outbox that were read before this returned may have been sent by the other one.
    ///
    /// # Errors
    /// [`Fenced`] when a setting is refused or yet another relay was faster.
    pub(crate) async fn open(settings: &Settings) -> Result<Self, Fenced> {
        let producer = Producer::transactional(settings).map_err(Fenced)?;
        blocking(&producer, |client| client.init_transactions(PER_CALL)).await.map_err(Fenced)?;
        Ok(Self { producer })
    }

    /// Sends the records in their order, all or none of those that the broker can take, and returns, for each, whether
    /// readers have it.
    ///
    /// # Errors
    /// [`Fenced`]: none of them is visible, and the rows belong to another relay.
    pub(crate) async fn send_all(&self, records: &[Outgoing]) -> Result<Vec<Result<(), SendFailure>>, Fenced> {
        if records.is_empty() {
            return Ok(Vec::new());
        }
        self.producer.client().begin_transaction().map_err(Fenced)?;
        let results = self.producer.send_all(records).await;
        match blocking(&self.producer, |client| client.commit_transaction(PER_CALL)).await {
            Ok(()) => Ok(results),
            Err(KafkaError::Transaction(error)) if error.txn_requires_abort() => {
                let reason = error.to_string();
                blocking(&self.producer, |client| client.abort_transaction(PER_CALL)).await.map_err(Fenced)?;
                Ok(results.into_iter().map(|result| aborted(result, &reason)).collect())
            }
            Err(error) => Err(Fenced(error)),
        }
    }
}

/// What became of a record whose transaction was given up: only what can never be sent is certain.
fn aborted(result: Result<(), SendFailure>, reason: &str) -> Result<(), SendFailure> {
    match result {
        Err(failure @ (SendFailure::Impossible(_) | SendFailure::Behind)) => Err(failure),
        Ok(()) | Err(_) => Err(SendFailure::Unconfirmed(format!("its transaction was given up: {reason}"))),
    }
}

/// Calls into the client on a thread for blocking work until it answers, whichever way.
async fn blocking(
    producer: &Producer,
    call: impl Fn(&ProducerClient) -> Result<(), KafkaError> + Clone + Send + 'static,
) -> Result<(), KafkaError> {
    loop {
        let (client, call) = (Arc::clone(producer.client()), call.clone());
        let answer = tokio::task::spawn_blocking(move || call(&client)).await;
        match answer.unwrap_or(Err(KafkaError::Canceled)) {
            // The call goes on in the client and is taken up by asking again.
            Err(KafkaError::Transaction(error))
                if error.is_retriable() && error.code() == RDKafkaErrorCode::OperationTimedOut => {}
            Err(KafkaError::Transaction(error)) if error.is_retriable() => tokio::time::sleep(PER_CALL / 10).await,
            other => return other,
        }
    }
}
