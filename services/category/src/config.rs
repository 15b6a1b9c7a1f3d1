//! What the environment decides. Read once, at start, and every bad variable is reported at once.

use service::{config::Reader, settings};

/// Everything that the environment decides.
#[derive(Debug)]
pub struct Config {
    /// The schema's two roles.
    pub database: settings::Database,
    /// The broker and the namespace of the topics.
    pub kafka: settings::Kafka,
    /// Where to listen.
    pub http: settings::Http,
    /// Whose tokens are accepted.
    pub tokens: settings::Tokens,
}

/// Reads everything; `None` when something was reported as bad.
pub fn read(environment: &mut Reader) -> Option<Config> {
    // Everything is read before the first `?`, which would hide the variables after it.
    let database = settings::database(environment, "category");
    let kafka = settings::kafka(environment);
    let http = settings::http(environment, 7102);
    let tokens = settings::tokens(environment);
    Some(Config { database: database?, kafka: kafka?, http: http?, tokens: tokens? })
}
