//! What a service finds in its environment: its own secrets and addresses and nobody else's.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use super::Replica;
use crate::Error;
use crate::bootstrap::{DatabaseRole, Passwords};
use crate::postgres_url::PostgresUrl;

/// Variables of a person's shell that must not leak into a service that was not given them.
pub(super) const HIDDEN: [&str; 20] = [
    "DATABASE_URL",
    "DATABASE_SYSTEM_URL",
    "DATABASE_OWNER_URL",
    "REDIS_URL",
    "SETUP_TOKEN",
    "SIGNING_KEY_SECRET",
    "TELEGRAM_BOT_TOKEN",
    "TELEGRAM_CHAT_ID",
    "BOT_API_URL",
    "HTTP_ADDRESS",
    "INTERNAL_ADDRESS",
    "DATABASE_URL_FILE",
    "DATABASE_SYSTEM_URL_FILE",
    "DATABASE_OWNER_URL_FILE",
    "REDIS_URL_FILE",
    "SETUP_TOKEN_FILE",
    "SIGNING_KEY_SECRET_FILE",
    "TELEGRAM_BOT_TOKEN_FILE",
    "TRACE_FILE",
    "KAFKA_NAMESPACE",
];

/// Where messages to the operations team go.
#[derive(Clone)]
pub struct Telegram {
    /// The Bot API.
    pub url: String,
    /// The bot's token.
    pub token: String,
    /// The chat.
    pub chat: String,
}

impl fmt::Debug for Telegram {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Telegram").field("url", &self.url).field("chat", &self.chat).finish_non_exhaustive()
    }
}

/// Everything outside the services that they need.
#[derive(Clone)]
pub struct Surroundings {
    /// Any URL to the database; role and password are replaced by each service's own.
    pub database: PostgresUrl,
    /// The roles' passwords.
    pub passwords: Passwords,
    /// `redis://…`.
    pub redis_url: String,
    /// `host:port`, comma-separated.
    pub kafka_brokers: String,
    /// Put before topic and group names; may be empty.
    pub kafka_namespace: String,
    /// Where messages go.
    pub telegram: Telegram,
    /// What `POST /auth/v1/organisations` asks for.
    pub setup_token: String,
    /// 32 bytes in base64, under which auth keeps its signing keys.
    pub signing_key_secret: String,
    /// More variables for every service, last word over the others: `ORDER_DEADLINE_SECONDS` and the like.
    pub more: Vec<(String, String)>,
}

impl fmt::Debug for Surroundings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Surroundings")
            .field("database", &self.database.host)
            .field("redis_url", &self.redis_url)
            .field("kafka_brokers", &self.kafka_brokers)
            .field("kafka_namespace", &self.kafka_namespace)
            .finish_non_exhaustive()
    }
}

impl Surroundings {
    /// The URL for one role of one service.
    #[must_use]
    pub fn database_url(&self, service: &str, role: DatabaseRole) -> String {
        self.database.with_role(&role.of(service), self.passwords.of(service, role)).to_string()
    }

    /// The whole environment of this replica.
    pub(super) fn of(
        &self,
        replica: &Replica,
        upstreams: &BTreeMap<&'static str, String>,
        folder: &Path,
        replicas: u32,
    ) -> Result<Vec<(String, String)>, Error> {
        let spans = span_file(folder, &replica.name());
        if let Some(above) = spans.parent() {
            std::fs::create_dir_all(above).map_err(Error::file("create", above))?;
        }
        let mut variables = BTreeMap::from([
            ("KAFKA_BROKERS", self.kafka_brokers.clone()),
            ("KAFKA_NAMESPACE", self.kafka_namespace.clone()),
            ("INTERNAL_ADDRESS", format!("127.0.0.1:{}", replica.internal_port())),
            ("TRACE_FILE", spans.display().to_string()),
        ]);
        if let Some(port) = replica.port() {
            variables.insert("HTTP_ADDRESS", format!("127.0.0.1:{port}"));
        }
        let service = replica.service();
        if service != "gateway" {
            variables.insert("DATABASE_URL", self.database_url(service, DatabaseRole::App));
            variables.insert("DATABASE_SYSTEM_URL", self.database_url(service, DatabaseRole::System));
        }
        match service {
            "auth" => {
                variables.insert("SETUP_TOKEN", self.setup_token.clone());
                variables.insert("SIGNING_KEY_SECRET", self.signing_key_secret.clone());
            }
            "catalog" => {
                variables.insert("REDIS_URL", self.redis_url.clone());
            }
            "notifier" => {
                variables.insert("BOT_API_URL", self.telegram.url.clone());
                variables.insert("TELEGRAM_BOT_TOKEN", self.telegram.token.clone());
                variables.insert("TELEGRAM_CHAT_ID", self.telegram.chat.clone());
                // The stand-in takes a message a second also in a group; Telegram itself keeps its own limit.
                if self.telegram.token == crate::bot_api::TOKEN {
                    variables.insert("TELEGRAM_MESSAGES_PER_MINUTE", "60".to_owned());
                }
            }
            "gateway" => {
                variables.insert("REDIS_URL", self.redis_url.clone());
                variables.insert("GATEWAY_REPLICAS", replicas.to_string());
                variables.extend(upstreams.iter().map(|(name, urls)| (*name, urls.clone())));
            }
            _ => {}
        }
        let mut all: Vec<_> = variables.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        all.extend(self.more.iter().cloned());
        Ok(all)
    }
}

/// The gateway's lists of addresses, one variable per service.
pub(super) fn upstreams(replicas: &[Replica]) -> BTreeMap<&'static str, String> {
    let mut lists: BTreeMap<&'static str, Vec<String>> = BTreeMap::new();
    for replica in replicas {
        let name = match replica.service() {
            "auth" => "AUTH_URLS",
            "category" => "CATEGORY_URLS",
            "catalog" => "CATALOG_URLS",
            "order" => "ORDER_URLS",
            _ => continue,
        };
        lists.entry(name).or_default().extend(replica.url());
    }
    lists.into_iter().map(|(name, urls)| (name, urls.join(","))).collect()
}

/// The variables that the `--help` of a service lists: two spaces, then the name.
pub(super) fn variables_in(help: &str) -> impl Iterator<Item = &str> {
    let is_name = |word: &str| word.chars().all(|letter| letter.is_ascii_uppercase() || letter == '_');
    help.lines()
        .filter_map(|line| line.strip_prefix("  ")?.split(' ').next())
        .filter(move |word| !word.is_empty() && is_name(word))
}

/// Where this replica writes its spans when no collector is configured.
pub(super) fn span_file(folder: &Path, name: &str) -> PathBuf {
    folder.join("spans").join(format!("{name}.ndjson"))
}

#[cfg(test)]
mod tests {
    use super::variables_in;

    #[test]
    fn variables_are_told_from_commands_options_and_their_meaning() {
        let help = "Commands:\n  serve  Serve\n  -h, --help\n\nEnvironment variables:\n  DATABASE_URL or \
                    DATABASE_URL_FILE\n      URL of the database [required]\n  LOG_LEVEL\n      A level\n";
        assert_eq!(variables_in(help).collect::<Vec<_>>(), ["DATABASE_URL", "LOG_LEVEL"]);
    }
}
