//! Whether a broker can be reached, as the Kafka clients of one service see it.
//! The rule: an outage is said once per service, however many clients it has, and so is its end. Nothing is asked of the
//! broker for it: each client tells in its statistics what it has found anyway.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use kernel::{Clock, Timestamp};
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::KafkaError;
use rdkafka::statistics::Broker;
use rdkafka::{ClientConfig, ClientContext, Statistics};

use crate::settings::Settings;

/// How often each client tells.
const EVERY: Duration = Duration::from_secs(5);
/// How long no client may have a connection before that is an outage: a broker that is restarted is back sooner.
const PATIENCE: Duration = Duration::from_secs(5);

/// The services of this process, by brokers, namespace and name. In production there is one.
static SERVICES: Mutex<BTreeMap<(String, String, String), Weak<Inner>>> = Mutex::new(BTreeMap::new());

/// What the clients of one service know of the brokers. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Reachability(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    brokers: String,
    seen: Mutex<Seen>,
}

#[derive(Debug)]
struct Seen {
    /// By number.
    clients: BTreeMap<u64, Client>,
    next: u64,
    /// When a client last had a connection; in the beginning, when the service began.
    answered: (Instant, Timestamp),
    /// Whether the outage under way was said.
    is_away: bool,
}

/// What one client found last.
#[derive(Clone, Copy, Debug, Default)]
struct Client {
    /// Attempts to connect so far.
    attempts: i64,
    found: Found,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Found {
    /// Not known: it has no connection and needs none. A broker closes one that is idle.
    #[default]
    Nothing,
    /// It has a connection.
    Broker,
    /// It tries to connect and cannot.
    Nobody,
}

impl Reachability {
    /// That of the service with these settings.
    #[must_use]
    pub fn of(settings: &Settings) -> Self {
        let mut services = SERVICES.lock().unwrap_or_else(PoisonError::into_inner);
        services.retain(|_, service| service.strong_count() > 0);
        let key = (settings.brokers.clone(), settings.namespace.clone(), settings.service.clone());
        if let Some(known) = services.get(&key).and_then(Weak::upgrade) {
            return Self(known);
        }
        let answered = (Instant::now(), Clock::now());
        let seen = Seen { clients: BTreeMap::new(), next: 0, answered, is_away: false };
        let inner = Arc::new(Inner { brokers: settings.brokers.clone(), seen: Mutex::new(seen) });
        services.insert(key, Arc::downgrade(&inner));
        metrics::gauge!("kafka_unreachable_seconds").set(0.0);
        Self(inner)
    }

    /// What is said while no broker can be reached; none otherwise. It is noticed within about ten seconds.
    #[must_use]
    pub fn outage(&self) -> Option<String> {
        let seen = self.seen();
        let (_, since) = seen.answered;
        seen.is_away.then(|| format!("Kafka has not answered since {}", since.to_rfc3339()))
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.0.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes what one client found.
    fn take<'b>(&self, number: u64, brokers: impl Iterator<Item = &'b Broker> + Clone) {
        let mut seen = self.seen();
        let client = seen.clients.entry(number).or_default();
        *client = client.after(brokers);
        seen.judge(&self.0.brokers);
    }
}

impl Client {
    fn after<'b>(self, brokers: impl Iterator<Item = &'b Broker> + Clone) -> Self {
        let attempts = brokers.clone().filter_map(|broker| broker.connects).sum();
        let found = if brokers.clone().any(|broker| broker.state == "UP") {
            Found::Broker
        } else if attempts > self.attempts {
            Found::Nobody
        } else if self.found == Found::Broker {
            Found::Nothing
        } else {
            self.found
        };
        Self { attempts, found }
    }
}

impl Seen {
    fn judge(&mut self, brokers: &str) {
        let found = |what| self.clients.values().any(|client| client.found == what);
        if found(Found::Broker) {
            let (since, _) = self.answered;
            if self.is_away {
                tracing::info!(brokers, "Kafka answers again after {} seconds", since.elapsed().as_secs());
            }
            self.answered = (Instant::now(), Clock::now());
            self.is_away = false;
        } else if found(Found::Nobody) && !self.is_away && self.answered.0.elapsed() >= PATIENCE {
            self.is_away = true;
            tracing::warn!(
                brokers,
                "Kafka has not answered since {}; events wait in the outbox, and records on their topics",
                self.answered.1.to_rfc3339()
            );
        }
        let seconds = if self.is_away { self.answered.0.elapsed().as_secs_f64() } else { 0.0 };
        metrics::gauge!("kafka_unreachable_seconds").set(seconds);
    }
}

/// What one client tells; the context of a client that has nothing else to tell.
pub(crate) struct Signals {
    reachability: Reachability,
    number: u64,
}

impl Signals {
    /// Those of a new client of this service, whose configuration is made to tell.
    pub(crate) fn of(settings: &Settings, config: &mut ClientConfig) -> Self {
        config.set("statistics.interval.ms", EVERY.as_millis().to_string());
        let reachability = Reachability::of(settings);
        let number = {
            let mut seen = reachability.seen();
            seen.next += 1;
            seen.next
        };
        Self { reachability, number }
    }

    pub(crate) fn take(&self, statistics: &Statistics) {
        self.reachability.take(self.number, statistics.brokers.values());
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        self.reachability.seen().clients.remove(&self.number);
    }
}

impl ClientContext for Signals {
    fn stats(&self, statistics: Statistics) {
        self.take(&statistics);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(%error, reason, "a Kafka client reports an error and goes on");
    }
}

impl ConsumerContext for Signals {}

#[cfg(test)]
mod tests {
    use super::*;

    fn broker(state: &str, connects: i64) -> Broker {
        Broker { state: state.to_owned(), connects: Some(connects), ..Broker::default() }
    }

    fn found(reports: &[(&str, i64)]) -> Found {
        let after = |client: Client, (state, connects): &(&str, i64)| client.after([broker(state, *connects)].iter());
        reports.iter().fold(Client::default(), after).found
    }

    #[test]
    fn a_client_whose_idle_connection_was_closed_misses_nobody() {
        assert_eq!(found(&[("UP", 1)]), Found::Broker);
        assert_eq!(found(&[("UP", 1), ("INIT", 1), ("INIT", 1)]), Found::Nothing);
        assert_eq!(found(&[("UP", 1), ("INIT", 3)]), Found::Nobody);
        // An attempt may take longer than the time between two reports.
        assert_eq!(found(&[("UP", 1), ("TRY_CONNECT", 3), ("CONNECT", 3)]), Found::Nobody);
        assert_eq!(found(&[("UP", 1), ("TRY_CONNECT", 3), ("UP", 4)]), Found::Broker);
    }

    #[test]
    fn one_client_with_a_connection_is_enough() {
        let settings =
            Settings { brokers: "nowhere:1".to_owned(), namespace: String::new(), service: "unit".to_owned() };
        let reachability = Reachability::of(&settings);
        let long_ago = Instant::now().checked_sub(PATIENCE).unwrap();
        reachability.seen().answered.0 = long_ago;
        reachability.take(1, [broker("DOWN", 2)].iter());
        assert!(Reachability::of(&settings).outage().unwrap().starts_with("Kafka has not answered since 2"));
        reachability.take(2, [broker("UP", 1)].iter());
        assert_eq!(reachability.outage(), None);
        reachability.seen().answered.0 = long_ago;
        reachability.take(1, [broker("DOWN", 4)].iter());
        assert_eq!(reachability.outage(), None);
    }
}
