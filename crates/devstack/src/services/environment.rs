//! The environment of a service: the addresses and secrets that it needs, and nobody else's.

use std::path::{Path, PathBuf};

use super::table::behind_the_gateway;
use super::{Need, SERVICES, Service};
use crate::bootstrap::{DatabaseRole, Passwords};
use crate::bot_api;
use crate::postgres_url::PostgresUrl;

/// Where messages to the operations team go.
#[derive(Clone)]
pub struct Telegram {
    /// The address of the Bot API.
    pub url: String,
    /// The bot's token.
    pub token: String,
    /// The chat.
    pub chat: String,
}

impl Telegram {
    /// The stand-in at this address.
    #[must_use]
    pub fn stand_in(url: impl Into<String>) -> Self {
        Self { url: url.into(), token: bot_api::TOKEN.to_owned(), chat: bot_api::CHAT.to_owned() }
    }
}

/// The servers, secrets and settings that services run with.
#[derive(Clone)]
pub struct Surroundings {
    /// Any URL of the database; each service gets it with its own roles and passwords.
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
    /// The token that `POST /auth/v1/organisations` asks for.
    pub setup_token: String,
    /// 32 bytes in base64 with which auth encrypts its signing keys.
    pub signing_key_secret: String,
    /// More variables for every service, `ORDER_DEADLINE_SECONDS` for example. They replace the others.
    pub more: Vec<(String, String)>,
}

impl Surroundings {
    /// The database's URL for one role of one service.
    #[must_use]
    pub fn database_url(&self, service: &str, role: DatabaseRole) -> String {
        self.database.with_role(&role.of(service), self.passwords.of(service, role)).to_string()
    }

    /// The variables that meet the needs of a service. `urls` gives the addresses of another service for the gateway, from
    /// its name and its usual port; `gateways` is the number of gateways that share the limits.
    pub fn needs_of(
        &self,
        service: &Service,
        gateways: u32,
        urls: impl Fn(&str, u16) -> String,
    ) -> Vec<(String, String)> {
        let mut variables = Vec::new();
        for need in service.needs {
            let values = match need {
                Need::Schema => {
                    [DatabaseRole::App, DatabaseRole::System].map(|role| self.database_url(service.name, role)).into()
                }
                Need::Redis => vec![self.redis_url.clone()],
                Need::Credentials => vec![self.setup_token.clone(), self.signing_key_secret.clone()],
                Need::Telegram => {
                    let Telegram { url, token, chat } = self.telegram.clone();
                    // The stand-in accepts a message a second in groups too; Telegram itself does not.
                    if token == bot_api::TOKEN {
                        variables.push(("TELEGRAM_MESSAGES_PER_MINUTE".to_owned(), "60".to_owned()));
                    }
                    vec![url, token, chat]
                }
                Need::Shoppers => vec!["0".to_owned()],
                Need::Services => {
                    variables.push(("GATEWAY_REPLICAS".to_owned(), gateways.to_string()));
                    behind_the_gateway().map(|(other, port)| urls(other.name, port)).collect()
                }
            };
            variables.extend(need.variables().into_iter().zip(values));
        }
        variables
    }
}

impl Need {
    /// The variables through which a service gets this.
    #[must_use]
    pub fn variables(self) -> Vec<String> {
        let names: &[&str] = match self {
            Self::Schema => &["DATABASE_URL", "DATABASE_SYSTEM_URL"],
            Self::Redis => &["REDIS_URL"],
            Self::Credentials => &["SETUP_TOKEN", "SIGNING_KEY_SECRET"],
            Self::Shoppers => &["OPEN_ORDERS_PER_ADDRESS"],
            Self::Telegram => &["BOT_API_URL", "TELEGRAM_BOT_TOKEN", "TELEGRAM_CHAT_ID"],
            Self::Services => return behind_the_gateway().map(|(service, _)| service.urls_variable()).collect(),
        };
        names.iter().map(|name| (*name).to_owned()).collect()
    }
}

/// Variables of a person's shell that must not reach a service which was not given them.
pub(super) fn hidden() -> Vec<String> {
    const EVERY: [&str; 5] =
        ["DATABASE_OWNER_URL", "HTTP_ADDRESS", "INTERNAL_ADDRESS", "KAFKA_NAMESPACE", "TRACE_FILE"];
    let needs = SERVICES.iter().flat_map(|service| service.needs).flat_map(|need| need.variables());
    let names = needs.chain(EVERY.map(ToOwned::to_owned));
    // Each may come as a file too.
    names.flat_map(|name| [format!("{name}_FILE"), name]).collect()
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
    use super::*;

    #[test]
    fn each_service_gets_what_it_needs_and_no_other_service_s_secrets() {
        let surroundings = Surroundings {
            database: "postgres://any:one@db:5432/shop".parse().unwrap(),
            passwords: Passwords::for_tests(),
            redis_url: "redis://cache".to_owned(),
            kafka_brokers: "kafka:9092".to_owned(),
            kafka_namespace: String::new(),
            telegram: Telegram::stand_in("http://bot-api"),
            setup_token: "token".to_owned(),
            signing_key_secret: "secret".to_owned(),
            more: Vec::new(),
        };
        let of = |name: &str| {
            let service = SERVICES.iter().find(|service| service.name == name).unwrap();
            surroundings.needs_of(service, 2, |other, port| format!("http://{other}:{port}"))
        };
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let app = pair("DATABASE_URL", "postgres://order_app:test@db:5432/shop");
        let system = pair("DATABASE_SYSTEM_URL", "postgres://order_system:test@db:5432/shop");
        assert_eq!(of("order"), [app, system, pair("OPEN_ORDERS_PER_ADDRESS", "0")]);
        assert!(of("auth").contains(&pair("SIGNING_KEY_SECRET", "secret")));
        assert!(of("notifier").contains(&pair("TELEGRAM_MESSAGES_PER_MINUTE", "60")));
        let gateway = of("gateway");
        assert!(
            gateway.contains(&pair("ORDER_URLS", "http://order:7104"))
                && gateway.contains(&pair("GATEWAY_REPLICAS", "2"))
        );
        assert!(gateway.iter().all(|(name, _)| !name.starts_with("DATABASE_")));
    }

    #[test]
    fn variables_are_told_from_commands_options_and_their_meaning() {
        let help = "Commands:\n  serve  Serve\n  -h, --help\n\nEnvironment variables:\n  DATABASE_URL or \
                    DATABASE_URL_FILE\n      URL of the database [required]\n  LOG_LEVEL\n      A level\n";
        assert_eq!(variables_in(help).collect::<Vec<_>>(), ["DATABASE_URL", "LOG_LEVEL"]);
    }
}
