//! What a service runs in: its database, its broker, where it listens and whose tokens it takes.
//! The rule: every service reads these the same way, under the same names and with the same defaults.

use access::{Organisations, Verifier};
use service::config::Reader;
use service::settings;

/// Where a service runs.
#[derive(Clone, Debug)]
pub struct Surroundings {
    /// Where its schema is.
    pub database: settings::Database,
    /// Where the topics are.
    pub kafka: messaging::Settings,
    /// Whether relay and consumer work; tests of what needs no topic leave them out.
    pub topics: bool,
    /// Where it listens; none for a service without HTTP.
    pub http: Option<settings::Http>,
    /// Whose tokens it takes.
    pub callers: Callers,
}

/// How a service knows who asks.
#[derive(Clone, Debug)]
pub enum Callers {
    /// Signing keys and organisations come from auth's topics, or from the service itself where it keeps them.
    Published {
        /// The `iss` claim.
        issuer: String,
        /// The `aud` claim.
        audience: String,
    },
    /// They are known from the start: in tests.
    Known {
        /// Checks tokens.
        verifier: Verifier,
        /// The organisations by slug and id.
        organisations: Organisations,
    },
}

impl Surroundings {
    /// Reads the environment of a service with HTTP. None: something was bad and is reported.
    pub fn read(env: &mut Reader, name: &'static str, default_port: u16) -> Option<Self> {
        // Read everything first, unwrap last: a `?` on the way would hide the variables after it.
        let database = settings::database(env, name);
        let kafka = settings::kafka(env);
        let http = settings::http(env, default_port);
        let tokens = settings::tokens(env);
        let (http, tokens) = (http?, tokens?);
        let callers = Callers::Published { issuer: tokens.issuer, audience: tokens.audience };
        Some(Self { http: Some(http), callers, ..Self::of(database?, kafka?, name) })
    }

    /// Reads the environment of a service that takes no requests. None: something was bad and is reported.
    pub fn read_without_http(env: &mut Reader, name: &'static str) -> Option<Self> {
        let database = settings::database(env, name);
        let kafka = settings::kafka(env);
        Some(Self::of(database?, kafka?, name))
    }

    fn of(database: settings::Database, kafka: settings::Kafka, name: &'static str) -> Self {
        let kafka =
            messaging::Settings { brokers: kafka.brokers, namespace: kafka.namespace, service: name.to_owned() };
        let callers = Callers::Published { issuer: String::new(), audience: String::new() };
        Self { database, kafka, topics: true, http: None, callers }
    }
}
