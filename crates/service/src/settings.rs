//! The groups of variables that several services share.
//! The rule: a variable has one meaning and one default in all of them.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use kernel::Secret;
use tracing_subscriber::EnvFilter;

use crate::config::{Reader, Variable};

/// How a service reaches its schema; goes to [`crate::Boot::database`].
pub type Database = persistence::Settings;

/// Where the broker is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kafka {
    /// `host:port`, comma-separated.
    pub brokers: String,
    /// Stands before every topic and group; empty in production.
    pub namespace: String,
}

/// Where a service listens for requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Http {
    /// Port 0 takes a free one.
    pub address: SocketAddr,
    /// Threads that serve.
    pub workers: usize,
}

/// Which tokens a service believes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tokens {
    /// The `iss` claim.
    pub issuer: String,
    /// The `aud` claim.
    pub audience: String,
}

/// What the boot kit reads for itself.
#[derive(Clone, Debug)]
pub(crate) struct Kit {
    pub(crate) internal_address: SocketAddr,
    pub(crate) shutdown: Duration,
    pub(crate) telemetry: Telemetry,
}

/// Where logs, spans and figures go.
#[derive(Clone, Debug)]
pub struct Telemetry {
    /// Structured JSON instead of text.
    pub json_logs: bool,
    /// `info`, or directives such as `info,catalog=debug`.
    pub level: String,
    /// Base URL of an OTLP/HTTP collector.
    pub collector: Option<String>,
    /// A file that gets one JSON line per span; used when there is no collector.
    pub trace_file: Option<PathBuf>,
    /// Share of new traces that are kept, 0 to 1.
    pub sample_ratio: f64,
    /// Google Cloud project, to link a log line to its trace.
    pub project: Option<String>,
}

/// Every variable that `read` and the boot kit itself ask for, in that order; for the test that
/// compares a README with the code.
pub fn variables<C>(read: impl FnOnce(&mut Reader) -> Option<C>) -> Vec<Variable> {
    let mut reader = Reader::from_pairs([]);
    let _values = read(&mut reader);
    let _kit = kit(&mut reader);
    reader.variables().to_vec()
}

/// `DATABASE_URL`, `DATABASE_SYSTEM_URL` and the pools' sizes.
pub fn database(env: &mut Reader, schema: &str) -> Option<Database> {
    let url = env.secret_parsed("DATABASE_URL", "URL of the database as the service's tenant role", database_url);
    let system_url =
        env.secret_parsed("DATABASE_SYSTEM_URL", "URL of the database as the service's system role", database_url);
    let write = env.within("DATABASE_WRITE_CONNECTIONS", 8, 1..=200, "Connections for commands");
    let read = env.within("DATABASE_READ_CONNECTIONS", 8, 1..=200, "Connections for queries");
    Some(Database {
        url: url?,
        system_url: system_url?,
        schema: schema.to_owned(),
        write_connections: write?,
        read_connections: read?,
    })
}

/// `DATABASE_OWNER_URL`, for migrations only.
pub(crate) fn owner(env: &mut Reader) -> Option<Secret> {
    let meaning = "URL of the database as the owner of the service's schema (migrate only)";
    env.secret_parsed("DATABASE_OWNER_URL", meaning, database_url).map(Secret::new)
}

fn database_url(text: &str) -> Result<String, String> {
    persistence::check_url(text)?;
    Ok(text.to_owned())
}

/// `KAFKA_BROKERS` and `KAFKA_NAMESPACE`.
pub fn kafka(env: &mut Reader) -> Option<Kafka> {
    let brokers = env.parsed("KAFKA_BROKERS", "Kafka brokers as host:port, comma-separated", |text| {
        let well_formed = |broker: &str| {
            broker.trim().rsplit_once(':').is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok())
        };
        if text.split(',').all(well_formed) {
            Ok(text.to_owned())
        } else {
            Err("must be host:port, or several of them separated by commas".to_owned())
        }
    });
    let namespace = env.or("KAFKA_NAMESPACE", String::new(), "Stands before every topic and group, to share a broker");
    let namespace = namespace.and_then(|text: String| {
        // What the broker takes in a topic's name.
        let taken = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        if text.len() <= 100 && text.bytes().all(taken) {
            return Some(text);
        }
        env.refuse("KAFKA_NAMESPACE", "must be at most 100 letters, digits, dots, underscores and hyphens")
    });
    Some(Kafka { brokers: brokers?, namespace: namespace? })
}

/// `HTTP_ADDRESS` and `HTTP_WORKERS`.
pub fn http(env: &mut Reader, default_port: u16) -> Option<Http> {
    let address = env.or("HTTP_ADDRESS", SocketAddr::from(([127, 0, 0, 1], default_port)), "Where requests are served");
    let cores = std::thread::available_parallelism().map_or(1, usize::from).min(2);
    let workers = env.within("HTTP_WORKERS", cores, 1..=64, "Threads that serve requests");
    Some(Http { address: address?, workers: workers? })
}

/// `TOKEN_ISSUER` and `TOKEN_AUDIENCE`.
pub fn tokens(env: &mut Reader) -> Option<Tokens> {
    let issuer = env.or("TOKEN_ISSUER", "cyber-store-auth".to_owned(), "Who signs access tokens (claim iss)");
    let audience = env.or("TOKEN_AUDIENCE", "cyber-store".to_owned(), "Whom access tokens are for (claim aud)");
    Some(Tokens { issuer: issuer?, audience: audience? })
}

pub(crate) fn internal_address(env: &mut Reader) -> Option<SocketAddr> {
    env.or(
        "INTERNAL_ADDRESS",
        SocketAddr::from(([127, 0, 0, 1], 9000)),
        "Where /livez, /readyz, /metrics, /rebuild and /retry are served",
    )
}

pub(crate) fn kit(env: &mut Reader) -> Option<Kit> {
    let internal_address = internal_address(env);
    let shutdown = env.within("SHUTDOWN_SECONDS", 25_u64, 1..=600, "Seconds that an orderly stop may take");
    let telemetry = telemetry(env);
    Some(Kit { internal_address: internal_address?, shutdown: Duration::from_secs(shutdown?), telemetry: telemetry? })
}

pub(crate) fn telemetry(env: &mut Reader) -> Option<Telemetry> {
    let format = env.or("LOG_FORMAT", "text".to_owned(), "text, or json for Google Cloud Logging's structured form");
    let level = env.or(
        "LOG_LEVEL",
        "info".to_owned(),
        "off, error, warn, info, debug, trace, or directives such as info,catalog=debug",
    );
    let collector: Option<Option<String>> = env
        .optional("OTEL_EXPORTER_OTLP_ENDPOINT", "Base URL of an OTLP/HTTP collector, such as http://collector:4318");
    let trace_file = env.optional("TRACE_FILE", "File that gets one JSON line per span when there is no collector");
    let sample_ratio = env.within("TRACE_SAMPLE_RATIO", 1.0, 0.0..=1.0, "Share of new traces that are kept");
    let project = env.optional("GOOGLE_CLOUD_PROJECT", "Project id, to link log lines to traces");

    let json_logs = match format?.as_str() {
        "text" => Some(false),
        "json" => Some(true),
        _ => env.refuse("LOG_FORMAT", "must be text or json"),
    };
    let level = level?;
    let level = match filter(&level) {
        Ok(_filter) => Some(level),
        Err(reason) => env.refuse("LOG_LEVEL", reason),
    };
    Some(Telemetry {
        json_logs: json_logs?,
        level: level?,
        collector: collector?,
        trace_file: trace_file?,
        sample_ratio: sample_ratio?,
        project: project?,
    })
}

/// Libraries that say more at `info` than an operator wants to read.
const QUIET: &str = "actix_server=warn,actix_http=error,hyper=warn,reqwest=warn,opentelemetry=warn,opentelemetry_sdk=warn,opentelemetry_otlp=warn";

/// The spans that are recorded: those of level info, whatever the log's own level, and what a directive such as
/// `mediator=debug` asks for, which adds the system's routine lookups.
pub(crate) fn spans_filter(level: &str) -> Result<EnvFilter, String> {
    let targets: Vec<&str> = level.split(',').filter(|directive| directive.contains('=')).collect();
    let directives = std::iter::once("info").chain(targets).collect::<Vec<_>>().join(",");
    EnvFilter::try_new(directives).map_err(|malformed| malformed.to_string())
}

/// The filter of `LOG_LEVEL`. Each directive is a level or `target=level`: `EnvFilter` would take any other word for a
/// target of which everything is shown, and nothing else.
pub(crate) fn filter(level: &str) -> Result<EnvFilter, String> {
    for directive in level.split(',') {
        let level = match directive.split_once('=') {
            Some((target, level)) if is_target(target) => level,
            Some(_) => "",
            None => directive,
        };
        if !LEVELS.iter().any(|known| level.eq_ignore_ascii_case(known)) {
            return Err(format!(
                "\"{directive}\" must be a level ({}) or target=level, such as info,catalog=debug",
                LEVELS.join(", ")
            ));
        }
    }
    EnvFilter::try_new(format!("{QUIET},{level}")).map_err(|malformed| malformed.to_string())
}

/// What `LOG_LEVEL` takes, from silence to everything.
const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// The path of a module, which is what a line of the log names as its target.
fn is_target(text: &str) -> bool {
    let taken = |byte: u8| byte.is_ascii_alphanumeric() || b"_:".contains(&byte);
    !text.is_empty() && text.bytes().all(taken)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_variables_of_a_service_are_listed_without_an_environment() {
        let names: Vec<&str> = variables(|env| env.secret("PIN", "A secret")).iter().map(|one| one.name).collect();
        assert_eq!(names.first(), Some(&"PIN"));
        assert!(names.contains(&"INTERNAL_ADDRESS") && names.contains(&"TRACE_FILE"));
    }

    #[test]
    fn a_word_that_is_no_level_does_not_silence_the_log() {
        for good in ["info", "WARN", "off", "info,catalog=debug", "info,messaging::relay=trace", "rest=off,debug"] {
            assert!(filter(good).is_ok(), "{good}");
        }
        for bad in [
            "warning",
            "bogus",
            "",
            "info,",
            "info, warn",
            "debug,,info",
            "x=y=z",
            "=debug",
            "info,catalog",
            "a=loud",
            "a b=info",
        ] {
            assert!(filter(bad).is_err(), "{bad}");
        }
    }
}
