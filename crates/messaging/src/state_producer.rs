//! Writes snapshots to compacted topics in Kafka transactions under the schema's own transactional id.
//! The rule: from the moment a relay has opened its producer, the broker refuses whatever a relay before it still has in
//! hand. So one that was stopped and woken after a takeover cannot put an old snapshot behind a newer one, where compaction
//! would keep the old one for ever. (KIP-98: a transactional id belongs to the producer that asked for it last.) Facts need
//! no such fence: each has effects once, whatever comes twice.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::Producer as _;

use crate::producer::{Outgoing, Producer, SendFailure};
use crate::producer_client::ProducerClient;
use crate::settings::Settings;

/// How long one call into the client blocks its thread at most; what takes longer is asked again.
const PER_CALL: Duration = Duration::from_secs(1);
/// Records of one transaction. Fewer after one that was given up, down to a single record.
const MOST: usize = 500;

/// This producer is of no use any more: another relay has its transactional id, or the client failed for good.
#[derive(Debug, thiserror::Error)]
#[error("snapshots can no longer be sent by this producer: {0}")]
pub(crate) struct Unusable(pub(crate) KafkaError);

/// The producer of one relay for as long as it leads.
pub(crate) struct StateProducer {
    producer: Producer,
    most: usize,
}

impl StateProducer {
    /// Takes the schema's transactional id from whoever had it. Waits for the broker; may be dropped meanwhile. Rows of the
    /// outbox that were read before this returned may have been sent by the other one.
    ///
    /// # Errors
    /// [`Unusable`] when a setting is refused or yet another relay was faster.
    pub(crate) async fn open(settings: &Settings) -> Result<Self, Unusable> {
        let producer = Producer::transactional(settings).map_err(Unusable)?;
        blocking(&producer, |client| client.init_transactions(PER_CALL)).await?;
        Ok(Self { producer, most: MOST })
    }

    /// Sends the first records of each topic in their order, in one transaction per topic, so that a topic that takes
    /// nothing holds up no other one. Returns, for each record, whether readers have it.
    ///
    /// # Errors
    /// [`Unusable`]. Whether the records of the transaction under way are visible is not known then; they are to be sent
    /// again, in their order, by whoever leads.
    pub(crate) async fn send_all(&mut self, records: &[Outgoing]) -> Result<Vec<Result<(), SendFailure>>, Unusable> {
        let mut results: Vec<Result<(), SendFailure>> = records.iter().map(|_| Err(SendFailure::NotYet)).collect();
        let mut topics: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (position, record) in records.iter().enumerate() {
            topics.entry(&record.topic).or_default().push(position);
        }
        let mut given_up = false;
        for positions in topics.into_values() {
            let positions = positions.get(..self.most).unwrap_or(&positions);
            let outgoing: Vec<Outgoing> = positions.iter().filter_map(|at| records.get(*at)).cloned().collect();
            let sent = self.transact(&outgoing).await?;
            given_up |= sent.iter().any(|result| matches!(result, Err(SendFailure::Unconfirmed(_))));
            for (at, result) in positions.iter().zip(sent) {
                if let Some(place) = results.get_mut(*at) {
                    *place = result;
                }
            }
        }
        // A transaction may have been too much for the time that it has, or one record may spoil it for the others.
        self.most = if given_up { (self.most / 2).max(1) } else { (self.most * 2).min(MOST) };
        Ok(results)
    }

    /// All or none of those records that the broker can take.
    async fn transact(&self, records: &[Outgoing]) -> Result<Vec<Result<(), SendFailure>>, Unusable> {
        // A local call, unlike the others.
        self.producer.client().begin_transaction().map_err(Unusable)?;
        let results = self.producer.send_all(records).await;
        // A record counts as in flight for a moment after its sender was told; a commit would wait 100 ms for it.
        while self.producer.client().in_flight_count() > 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        match blocking(&self.producer, |client| client.commit_transaction(PER_CALL)).await {
            Ok(()) => Ok(results),
            Err(Unusable(KafkaError::Transaction(error))) if error.txn_requires_abort() => {
                blocking(&self.producer, |client| client.abort_transaction(PER_CALL)).await?;
                let is_spoilt = results.iter().any(|result| matches!(result, Err(SendFailure::Impossible(_))));
                let aborted = |result| match result {
                    Err(failure @ (SendFailure::Impossible(_) | SendFailure::Behind)) => Err(failure),
                    // Without the one that can never be sent, the others can.
                    _ if is_spoilt => Err(SendFailure::NotYet),
                    _ => Err(SendFailure::Unconfirmed(format!("its transaction was given up: {error}"))),
                };
                Ok(results.into_iter().map(aborted).collect())
            }
            Err(unusable) => Err(unusable),
        }
    }
}

/// Calls into the client on a thread for blocking work until it answers, whichever way. A call that took too long goes on in
/// the client and is taken up by asking again.
async fn blocking(
    producer: &Producer,
    call: impl Fn(&ProducerClient) -> Result<(), KafkaError> + Clone + Send + 'static,
) -> Result<(), Unusable> {
    loop {
        let (client, call) = (Arc::clone(producer.client()), call.clone());
        let answer = tokio::task::spawn_blocking(move || call(&client)).await;
        match answer.unwrap_or(Err(KafkaError::Canceled)) {
            Ok(()) => return Ok(()),
            Err(KafkaError::Flush(RDKafkaErrorCode::OperationTimedOut)) => {}
            Err(KafkaError::Transaction(error)) if error.is_retriable() => {
                if error.code() != RDKafkaErrorCode::OperationTimedOut {
                    tokio::time::sleep(PER_CALL / 10).await;
                }
            }
            Err(error) => return Err(Unusable(error)),
        }
    }
}
