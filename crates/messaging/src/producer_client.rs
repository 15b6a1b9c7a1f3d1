//! The client behind every producer, and the thread that hears what became of its records.
//! The rule: the thread of a client that nobody needs any more ends by itself, and what the client still had is dropped.

use std::sync::Arc;
use std::time::Duration;

use rdkafka::config::ClientConfig;
use rdkafka::error::KafkaError;
use rdkafka::message::DeliveryResult;
use rdkafka::producer::{BaseProducer, Producer as _, ProducerContext, PurgeConfig};
use rdkafka::{ClientContext, Statistics};
use tokio::sync::oneshot;

use crate::reachability::Signals;
use crate::settings::Settings;

/// How long one poll lasts. A poll spins through its last millisecond, so the threaded producers that rdkafka brings, which
/// poll ten times a second, cost a hundredth of a core each while nothing happens.
const POLL: Duration = Duration::from_secs(5);

/// Tells each record's sender what became of it.
pub(crate) struct Deliveries(Signals);

impl ClientContext for Deliveries {
    fn stats(&self, statistics: Statistics) {
        self.0.take(&statistics);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.0.error(error, reason);
    }
}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = Box<oneshot::Sender<Result<(), KafkaError>>>;

    fn delivery(&self, result: &DeliveryResult<'_>, sender: Self::DeliveryOpaque) {
        let outcome = match result {
            Ok(_) => Ok(()),
            Err((error, _)) => Err(error.clone()),
        };
        // The sender may have given up waiting.
        let _ = sender.send(outcome);
    }
}

/// A client with its thread.
pub(crate) struct ProducerClient {
    inner: Arc<BaseProducer<Deliveries>>,
}

impl ProducerClient {
    pub(crate) fn new(settings: &Settings, mut config: ClientConfig) -> Result<Self, KafkaError> {
        let deliveries = Deliveries(Signals::of(settings, &mut config));
        let inner: Arc<BaseProducer<Deliveries>> = Arc::new(config.create_with_context(deliveries)?);
        let client = Arc::downgrade(&inner);
        std::thread::Builder::new()
            .name("producer".to_owned())
            .spawn(move || {
                while let Some(client) = client.upgrade() {
                    client.poll(POLL);
                }
            })
            .map_err(|error| KafkaError::ClientCreation(format!("its thread cannot be started: {error}")))?;
        Ok(Self { inner })
    }
}

impl std::ops::Deref for ProducerClient {
    type Target = BaseProducer<Deliveries>;

    fn deref(&self) -> &Self::Target {
        &self.inner
    }
}

impl Drop for ProducerClient {
    fn drop(&mut self) {
        // The thread may hold the client for one more poll; nothing may be sent meanwhile.
        self.inner.purge(PurgeConfig::default().queue().inflight().non_blocking());
    }
}
