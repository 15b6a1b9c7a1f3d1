//! Sending records in order and knowing which ones the broker has.
//! The rule: enqueue one after the other, then wait for all; nothing is retried above librdkafka,
//! which would reorder.

use std::sync::Arc;
use std::time::Duration;

use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::BaseRecord;
use tokio::sync::oneshot;

use crate::producer_client::ProducerClient;
use crate::settings::Settings;
use crate::topics::is_dead_letter_topic;

/// Largest event, headers included. Client and broker take 1,000,000 bytes: what is left is for the headers of a
/// dead letter, so that whatever could be sent can be set aside too.
const LARGEST_EVENT_BYTES: usize = 990_000;

/// Largest record of all, headers included: what client and broker take, less what they put around it.
pub(crate) const LARGEST_RECORD_BYTES: usize = 999_900;

/// A record to be sent.
#[derive(Clone, Debug)]
pub struct Outgoing {
    /// Topic without its namespace.
    pub topic: String,
    /// Key.
    pub key: Option<Vec<u8>>,
    /// Value; none is a tombstone.
    pub payload: Option<Vec<u8>>,
    /// Headers in order.
    pub headers: Vec<(String, Vec<u8>)>,
}

impl Outgoing {
    pub(crate) fn bytes(&self) -> usize {
        bytes_of(self.key.as_deref(), self.payload.as_deref(), &self.headers)
    }
}

/// What a record weighs in the eyes of the client.
pub(crate) fn bytes_of(key: Option<&[u8]>, payload: Option<&[u8]>, headers: &[(String, Vec<u8>)]) -> usize {
    let headers: usize = headers.iter().map(|(name, value)| name.len() + value.len() + 10).sum();
    key.map_or(0, <[u8]>::len) + payload.map_or(0, <[u8]>::len) + headers
}

/// Tells what became of a record that the client has.
pub(crate) type Delivery = oneshot::Receiver<Result<(), KafkaError>>;

/// Why the broker does not have a record.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SendFailure {
    /// This record will never be taken: too large, malformed, for a topic that may not be written.
    #[error("the broker will never take this record: {0}")]
    Impossible(KafkaError),
    /// An earlier record of the same key was refused, so this one was not sent.
    #[error("an earlier record of this key was refused")]
    Behind,
    /// It was left for another round.
    #[error("this record was left for another round")]
    NotYet,
    /// It is not known whether the broker has it; it can be sent again.
    #[error("the broker has not confirmed this record: {0}")]
    Unconfirmed(String),
    /// The client is of no use any more and must be made anew.
    #[error("the producer has failed and must be restarted: {0}")]
    Fatal(KafkaError),
}

/// An idempotent producer. Cheap to clone.
#[derive(Clone)]
pub struct Producer {
    client: Arc<ProducerClient>,
    settings: Settings,
}

impl std::fmt::Debug for Producer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Producer").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Producer {
    /// Makes the client; it connects by itself, so this succeeds while the broker is away.
    ///
    /// # Errors
    /// When a setting is refused.
    pub fn new(settings: &Settings) -> Result<Self, KafkaError> {
        Ok(Self { client: Arc::new(ProducerClient::new(settings, settings.producer())?), settings: settings.clone() })
    }

    /// One whose records are sent in transactions, for [`crate::state_producer::StateProducer`].
    pub(crate) fn transactional(settings: &Settings) -> Result<Self, KafkaError> {
        Ok(Self {
            client: Arc::new(ProducerClient::new(settings, settings.state_producer())?),
            settings: settings.clone(),
        })
    }

    pub(crate) fn client(&self) -> &Arc<ProducerClient> {
        &self.client
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Sends the records in their order and returns, for each, whether the broker has it. Behind a
    /// record that is refused at once, none of its key is sent.
    pub async fn send_all(&self, records: &[Outgoing]) -> Vec<Result<(), SendFailure>> {
        let mut waiting = Vec::with_capacity(records.len());
        let mut refused = std::collections::HashSet::new();
        for record in records {
            let lane = (record.topic.as_str(), record.key.as_deref());
            if record.key.is_some() && refused.contains(&lane) {
                waiting.push(Err(SendFailure::Behind));
                continue;
            }
            let enqueued = self.enqueue(record).await;
            if enqueued.is_err() {
                refused.insert(lane);
            }
            waiting.push(enqueued);
        }
        let mut results = Vec::with_capacity(records.len());
        for delivery in waiting {
            results.push(match delivery {
                Err(failure) => Err(failure),
                Ok(mut delivery) => arrival(&mut delivery).await,
            });
        }
        results
    }

    /// Sends one record and waits for the broker.
    ///
    /// # Errors
    /// [`SendFailure`].
    pub async fn send(&self, record: Outgoing) -> Result<(), SendFailure> {
        self.send_all(std::slice::from_ref(&record)).await.pop().unwrap_or(Ok(()))
    }

    /// Hands one record to the client, which sends it when it can. Dropped meanwhile, nothing is sent.
    pub(crate) async fn enqueue(&self, record: &Outgoing) -> Result<Delivery, SendFailure> {
        if record.bytes() > LARGEST_EVENT_BYTES && !is_dead_letter_topic(&record.topic) {
            return Err(SendFailure::Impossible(KafkaError::MessageProduction(RDKafkaErrorCode::MessageSizeTooLarge)));
        }
        let topic = self.settings.topic_name(&record.topic);
        let mut headers = OwnedHeaders::new_with_capacity(record.headers.len());
        for (key, value) in &record.headers {
            headers = headers.insert(Header { key, value: Some(value) });
        }
        let (sender, delivery) = oneshot::channel();
        let mut outgoing: BaseRecord<'_, [u8], [u8], _> =
            BaseRecord::with_opaque_to(&topic, Box::new(sender)).headers(headers);
        if let Some(key) = &record.key {
            outgoing = outgoing.key(key);
        }
        if let Some(payload) = &record.payload {
            outgoing = outgoing.payload(payload);
        }
        loop {
            match self.client.send(outgoing) {
                Ok(()) => return Ok(delivery),
                // The queue is bounded; one record waits for room so that none overtakes it.
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), returned)) => {
                    outgoing = returned;
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                Err((error, _)) => return Err(classify(error)),
            }
        }
    }
}

/// Waits until the broker has a record, or never will.
pub(crate) async fn arrival(delivery: &mut Delivery) -> Result<(), SendFailure> {
    match delivery.await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(classify(error)),
        Err(_) => Err(SendFailure::Unconfirmed("the producer was closed".to_owned())),
    }
}

fn classify(error: KafkaError) -> SendFailure {
    match error.rdkafka_error_code() {
        Some(
            RDKafkaErrorCode::MessageSizeTooLarge
            | RDKafkaErrorCode::InvalidMessage
            | RDKafkaErrorCode::InvalidMessageSize
            | RDKafkaErrorCode::InvalidRecord
            | RDKafkaErrorCode::InvalidTopic
            | RDKafkaErrorCode::InvalidTimestamp
            | RDKafkaErrorCode::PolicyViolation,
        ) => SendFailure::Impossible(error),
        Some(
            RDKafkaErrorCode::Fatal
            | RDKafkaErrorCode::OutOfOrderSequenceNumber
            | RDKafkaErrorCode::UnknownProducerId
            | RDKafkaErrorCode::InvalidProducerEpoch
            | RDKafkaErrorCode::ProducerFenced,
        ) => SendFailure::Fatal(error),
        _ => SendFailure::Unconfirmed(error.to_string()),
    }
}
