//! The stack as plain processes: what is not running is started on the data that is there.

use std::env;
use std::path::{Path, PathBuf};
use std::time::Duration;

use devstack::process::{Launch, Signal};
use devstack::services::{KINDS, Plan, STOP_PATIENCE, Services, Surroundings, Telegram, built_programs};
use devstack::{Error, Kafka, Place, Postgres, PostgresUrl, Redis, bootstrap, bot_api, ensure_database, ports};

use super::secrets::Secrets;
use super::{EnvFile, Folder, Report};
use crate::words::say;

/// The database of a stack that runs its own PostgreSQL.
pub(crate) const DATABASE: &str = "cyberstore";

/// The folder of the services' files.
pub(super) const SERVICES_FOLDER: &str = "services";

pub(super) async fn up(folder: &Folder, report: &Report) -> Result<EnvFile, Error> {
    let before = EnvFile::read(folder)?;
    let bot = bot(&before)?;
    let programs = programs(folder, report).await?;
    let secrets = Secrets::kept_in(folder)?;
    let (database, redis_url, kafka_brokers) = tokio::try_join!(
        postgres(folder, &before, &secrets, report),
        redis(folder, &before, report),
        kafka(folder, &before, report)
    )?;
    report.done("database", "roles and schemas are there");

    let stand_in = bot.is_none();
    let telegram = telegram(folder, bot, report).await?;
    let plan = Plan {
        programs,
        folder: folder.join(SERVICES_FOLDER),
        replicas: replicas()?,
        usual_ports: true,
        surroundings: Surroundings {
            database: database.clone(),
            passwords: secrets.roles.clone(),
            redis_url: redis_url.clone(),
            kafka_brokers: kafka_brokers.clone(),
            kafka_namespace: env::var("KAFKA_NAMESPACE").unwrap_or_default(),
            telegram: telegram.clone(),
            setup_token: secrets.setup_token.clone(),
            signing_key_secret: secrets.signing_key_secret.clone(),
            more: Vec::new(),
        },
    };
    stop_superfluous(folder, plan.replicas).await;
    Services::migrate(&plan).await?;
    report.done("database", "migrated");

    let mut services = Services::start(plan.clone()).await?;
    // Also when a service does not become ready: its log and its answers are what a person needs now.
    services.leave_running();
    services
        .ready(|replica| {
            let way = if replica.was_started() { "started" } else { "was running" };
            let address = replica.url().unwrap_or_else(|| "takes no requests".to_owned());
            report.done(&replica.name(), &format!("{way}, ready, {address}"));
        })
        .await?;

    let mut file = EnvFile::default();
    file.set("GATEWAY_URL", services.gateway_url());
    file.set("DATABASE_URL", database.to_string());
    file.set("REDIS_URL", redis_url);
    file.set("KAFKA_BROKERS", kafka_brokers);
    file.set("KAFKA_NAMESPACE", plan.surroundings.kafka_namespace);
    bot_api(&mut file, telegram.url, stand_in);
    file.set("SETUP_TOKEN", secrets.setup_token);
    demo_owner(&mut file, secrets.demo_password);
    let internal: Vec<String> =
        services.all().iter().map(|replica| format!("{}={}", replica.service(), replica.internal_url())).collect();
    file.set("SERVICES_INTERNAL", internal.join(","));
    spans(&mut file, &folder.join(SERVICES_FOLDER).join("spans"));
    Ok(file)
}

/// The folder with the services' programs: `PROGRAMS` as it is, else built now.
async fn programs(folder: &Folder, report: &Report) -> Result<PathBuf, Error> {
    if let Some(programs) = env::var_os("PROGRAMS").map(PathBuf::from) {
        return std::path::absolute(&programs).map_err(Error::file("find", &programs));
    }
    say!("           building the services (the first time takes minutes)");
    let status = tokio::process::Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["build", "--quiet", "--workspace", "--bins"])
        .current_dir(folder.project())
        .stdin(std::process::Stdio::null())
        .status()
        .await
        .map_err(|source| Error::Spawn { program: "cargo".to_owned(), source })?;
    if !status.success() {
        return Err(Error::Refused("the services do not compile; cargo's own words are above".to_owned()));
    }
    report.done("programs", "built");
    built_programs()
}

/// The demo's own login.
pub(super) fn demo_owner(file: &mut EnvFile, password: String) {
    file.set("DEMO_ORGANISATION", env::var("DEMO_ORGANISATION").unwrap_or_else(|_| "demo".to_owned()));
    file.set("DEMO_EMAIL", env::var("DEMO_EMAIL").unwrap_or_else(|_| "owner@demo.example".to_owned()));
    file.set("DEMO_PASSWORD", password);
}

/// Where the spans are; nowhere here when the services were started with a collector, which takes them.
pub(super) fn spans(file: &mut EnvFile, folder: &Path) {
    if set("OTEL_EXPORTER_OTLP_ENDPOINT").is_none() {
        file.set("SPANS_DIR", folder.display().to_string());
    }
}

/// `REPLICAS`, 1 unless said otherwise.
pub(super) fn replicas() -> Result<u32, Error> {
    match env::var("REPLICAS").unwrap_or_default().as_str() {
        "" => Ok(1),
        text => text
            .parse()
            .ok()
            .filter(|number| (1..=9).contains(number))
            .ok_or_else(|| Error::Refused(format!("REPLICAS is {text:?}; it must be a number from 1 to 9"))),
    }
}

/// A variable of the environment that says something.
fn set(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

/// A server that the environment names; not one of ours that came back through a sourced `.dev/env`.
fn named(name: &str, before: &EnvFile, port_file: &Path) -> Option<String> {
    set(name).filter(|value| before.get(name) != Some(value) || !is_at(value, port_in(port_file)))
}

/// Whether this address is that of a server of ours with this port.
fn is_at(address: &str, port: Option<u16>) -> bool {
    port.is_some_and(|port| address.split(['/', '@', ',']).any(|part| part == format!("127.0.0.1:{port}")))
}

/// The port that was written down the last time.
fn port_in(file: &Path) -> Option<u16> {
    std::fs::read_to_string(file).ok()?.trim().parse().ok()
}

/// Says where the address of a server that does not serve came from.
fn from_the_environment(name: &str) -> impl FnOnce(Error) -> Error {
    move |error| {
        Error::Refused(format!("{error}; {name} comes from your environment; unset it if it is from an older .dev/env"))
    }
}

/// Refuses an address at which nobody listens: the services would wait for it, or do without it, and not say why.
async fn answers(address: &str, usual_port: u16) -> Result<(), Error> {
    let mut refusal = None;
    for host in hosts(address, usual_port) {
        match tokio::time::timeout(Duration::from_secs(5), tokio::net::TcpStream::connect(&host)).await {
            Ok(Ok(_)) => return Ok(()),
            Ok(Err(error)) => refusal = Some(format!("nobody answers at {host}: {error}")),
            Err(_elapsed) => refusal = Some(format!("nobody answers at {host} within 5 s")),
        }
    }
    refusal.map_or(Ok(()), |refusal| Err(Error::Refused(refusal)))
}

/// Every `host:port` of an address with or without scheme, login and path; none for a socket file.
fn hosts(address: &str, usual_port: u16) -> Vec<String> {
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    let rest = rest.split(['/', '?']).next().unwrap_or_default();
    let rest = rest.rsplit_once('@').map_or(rest, |(_, hosts)| hosts);
    let has_port = |host: &str| host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    rest.split(',')
        .map(str::trim)
        .filter(|host| !host.is_empty())
        .map(|host| if has_port(host) { host.to_owned() } else { format!("{host}:{usual_port}") })
        .collect()
}

async fn postgres(folder: &Folder, before: &EnvFile, secrets: &Secrets, report: &Report) -> Result<PostgresUrl, Error> {
    if let Some(url) = named("DATABASE_URL", before, &folder.join("postgres/postgres.port")) {
        let url: PostgresUrl = url.parse().map_err(from_the_environment("DATABASE_URL"))?;
        bootstrap(&url, &secrets.roles).await.map_err(from_the_environment("DATABASE_URL"))?;
        report.done("PostgreSQL", &format!("{}/{} (DATABASE_URL)", url.host, url.database));
        return Ok(url);
    }
    let place = Place::kept(folder.postgres()?, 5432);
    let postgres = Postgres::start(place, &secrets.superuser).await?;
    let maintenance: PostgresUrl = postgres.url("postgres").parse()?;
    ensure_database(&maintenance, DATABASE).await?;
    report.done("PostgreSQL", &maintenance.host);
    let url = maintenance.with_database(DATABASE);
    bootstrap(&url, &secrets.roles).await?;
    Ok(url)
}

async fn redis(folder: &Folder, before: &EnvFile, report: &Report) -> Result<String, Error> {
    if let Some(url) = named("REDIS_URL", before, &folder.join("redis/redis.port")) {
        answers(&url, 6379).await.map_err(from_the_environment("REDIS_URL"))?;
        report.done("Redis", "REDIS_URL");
        return Ok(url);
    }
    let redis = Redis::start(Place::kept(folder.join("redis"), 6379)).await?;
    report.done("Redis", &redis.url());
    Ok(redis.url())
}

async fn kafka(folder: &Folder, before: &EnvFile, report: &Report) -> Result<String, Error> {
    if let Some(brokers) = named("KAFKA_BROKERS", before, &folder.join("kafka/kafka.port")) {
        answers(&brokers, 9092).await.map_err(from_the_environment("KAFKA_BROKERS"))?;
        report.done("Kafka", &format!("{brokers} (KAFKA_BROKERS)"));
        return Ok(brokers);
    }
    let kafka = Kafka::start(Place::kept(folder.join("kafka"), 9092)).await?;
    report.done("Kafka", &kafka.brokers());
    Ok(kafka.brokers())
}

/// Where the Bot API is, and what the stand-in received, when it is the stand-in.
pub(super) fn bot_api(file: &mut EnvFile, url: String, stand_in: bool) {
    if stand_in {
        file.set("MESSAGES_URL", messages_of(&url));
    }
    file.set("BOT_API_URL", url);
}

fn messages_of(stand_in: &str) -> String {
    format!("{stand_in}/messages")
}

/// The bot that the environment names; none means the stand-in.
pub(super) fn bot(before: &EnvFile) -> Result<Option<Telegram>, Error> {
    bot_of(before.get("MESSAGES_URL"), set)
}

/// `received` is where a stand-in of ours keeps what it received: its address, back through a sourced `.dev/env`, is no
/// real bot's.
fn bot_of(received: Option<&str>, set: impl Fn(&str) -> Option<String>) -> Result<Option<Telegram>, Error> {
    let half = |there: &str, missing: &str| {
        Err(Error::Refused(format!(
            "{there} is set and {missing} is not; set both for a real bot, or unset both for the stand-in"
        )))
    };
    match (set("TELEGRAM_BOT_TOKEN"), set("TELEGRAM_CHAT_ID")) {
        (Some(token), Some(chat)) => {
            let url = set("BOT_API_URL").filter(|url| received != Some(messages_of(url).as_str()));
            let url = url.unwrap_or_else(|| "https://api.telegram.org".to_owned());
            Ok(Some(Telegram { url, token, chat }))
        }
        (None, None) => Ok(None),
        (Some(_), None) => half("TELEGRAM_BOT_TOKEN", "TELEGRAM_CHAT_ID"),
        (None, Some(_)) => half("TELEGRAM_CHAT_ID", "TELEGRAM_BOT_TOKEN"),
    }
}

/// Telegram when there is a bot, else the stand-in.
async fn telegram(folder: &Folder, bot: Option<Telegram>, report: &Report) -> Result<Telegram, Error> {
    if let Some(telegram) = bot {
        report.done("Telegram", &format!("chat {} at {}", telegram.chat, telegram.url));
        return Ok(telegram);
    }
    let own = folder.join("bot-api");
    std::fs::create_dir_all(&own).map_err(Error::file("create", &own))?;
    let program = env::current_exe().map_err(Error::file("find", Path::new("devstack")))?;
    let launch = Launch::new("bot-api", program, &own).argument("bot-api").argument("--port");
    let port_file = own.join("bot-api.port");
    let before = port_in(&port_file);
    let port = match (launch.attach(), before) {
        (Some(_), Some(port)) => port,
        _ => {
            let port = ports::choose(before.or(Some(8081)))?;
            std::fs::write(&port_file, port.to_string()).map_err(Error::file("write", &port_file))?;
            launch.argument(port.to_string()).start()?;
            port
        }
    };
    let url = format!("http://127.0.0.1:{port}");
    wait_for(&format!("{url}/health"), "the Bot API stand-in").await?;
    report.done("Bot API", &format!("{url} (stand-in; set TELEGRAM_BOT_TOKEN and TELEGRAM_CHAT_ID for the real one)"));
    Ok(Telegram { url, token: bot_api::TOKEN.to_owned(), chat: bot_api::CHAT.to_owned() })
}

pub(super) async fn wait_for(url: &str, what: &str) -> Result<(), Error> {
    let deadline = std::time::Instant::now() + Duration::from_secs(20);
    loop {
        match reqwest::get(url).await {
            Ok(reply) if reply.status().is_success() => return Ok(()),
            Err(error) if std::time::Instant::now() > deadline => {
                return Err(Error::http(format!("wait for {what}"))(error));
            }
            _ if std::time::Instant::now() > deadline => {
                return Err(Error::Refused(format!("{what} does not become healthy at {url}")));
            }
            _ => tokio::time::sleep(Duration::from_millis(25)).await,
        }
    }
}

/// Ends replicas beyond the wanted number.
async fn stop_superfluous(folder: &Folder, wanted: u32) {
    let services = folder.join(SERVICES_FOLDER);
    for kind in KINDS {
        for number in wanted + 1..=9 {
            stop(&Launch::new(format!("{}-{number}", kind.name), "", &services), Signal::SIGTERM).await;
        }
    }
}

/// Migrations alone, against what runs.
pub(super) async fn migrate(folder: &Folder) -> Result<(), Error> {
    let before = EnvFile::read(folder)?;
    let secrets = Secrets::kept_in(folder)?;
    let database: PostgresUrl = before.required("DATABASE_URL")?.parse()?;
    bootstrap(&database, &secrets.roles).await?;
    let plan = Plan {
        programs: programs(folder, &Report::begin("migrating")).await?,
        folder: folder.join(SERVICES_FOLDER),
        replicas: 1,
        usual_ports: true,
        surroundings: Surroundings {
            database,
            passwords: secrets.roles,
            redis_url: String::new(),
            kafka_brokers: String::new(),
            kafka_namespace: String::new(),
            telegram: Telegram { url: String::new(), token: String::new(), chat: String::new() },
            setup_token: String::new(),
            signing_key_secret: String::new(),
            more: Vec::new(),
        },
    };
    Services::migrate(&plan).await?;
    say!("every schema is up to date");
    Ok(())
}

/// The gateway first, so that nothing new comes in; then the services; then what they stand on.
pub(super) async fn down(folder: &Folder) -> Result<(), Error> {
    let services = folder.join(SERVICES_FOLDER);
    let replicas_of = |name: &'static str| (1..=9).map(move |number| format!("{name}-{number}"));
    let gateways = replicas_of("gateway").map(|name| Launch::new(name, "", &services)).collect();
    let others = KINDS.iter().filter(|kind| kind.name != "gateway").flat_map(|kind| replicas_of(kind.name));
    let others = others.map(|name| Launch::new(name, "", &services)).collect();
    stop_all(gateways, Signal::SIGTERM).await;
    stop_all(others, Signal::SIGTERM).await;
    // SIGINT is PostgreSQL's quick and orderly end; its SIGTERM waits for every client.
    let servers = ["bot-api", "kafka", "redis"].map(|name| Launch::new(name, "", &folder.join(name)));
    stop_all(servers.into(), Signal::SIGTERM).await;
    stop_all(vec![Launch::new("postgres", "", &folder.join("postgres"))], Signal::SIGINT).await;
    Ok(())
}

async fn stop_all(launches: Vec<Launch>, signal: Signal) {
    let mut stopping = tokio::task::JoinSet::new();
    for launch in launches {
        stopping.spawn(async move { stop(&launch, signal).await });
    }
    while stopping.join_next().await.is_some() {}
}

async fn stop(launch: &Launch, signal: Signal) {
    let Some(mut process) = launch.attach() else { return };
    process.signal(Signal::SIGCONT);
    let by_itself = process.stop(signal, STOP_PATIENCE).await;
    // What was stopped on purpose is not shown as having died.
    let _absent = std::fs::remove_file(&launch.pid_file);
    say!("  {:<14} {}", launch.name, if by_itself { "stopped" } else { "had to be killed" });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_server_is_known_by_its_port_and_a_neighbour_is_not() {
        for ours in ["postgres://a:b@127.0.0.1:5432/shop", "redis://127.0.0.1:5432", "other:1,127.0.0.1:5432"] {
            assert!(is_at(ours, Some(5432)), "{ours}");
        }
        assert!(!is_at("postgres://a:b@127.0.0.1:54321/shop", Some(5432)));
        assert!(!is_at("postgres://a:b@127.0.0.1:5432/shop", None));
    }

    #[test]
    fn every_server_of_an_address_is_found() {
        assert_eq!(hosts("redis://:p@cache/0", 6379), ["cache:6379"]);
        assert_eq!(hosts("one:9092, two", 9092), ["one:9092", "two:9092"]);
        assert_eq!(hosts("redis://[::1]", 6379), ["[::1]:6379"]);
        assert!(hosts("unix:///run/redis.sock", 6379).is_empty());
    }

    #[tokio::test]
    async fn a_server_that_is_gone_is_told_with_the_variable_that_names_it() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        assert!(answers(&format!("127.0.0.1:1,{address}"), 9092).await.is_ok());
        drop(listener);
        let error = answers(&address, 9092).await.map_err(from_the_environment("KAFKA_BROKERS")).unwrap_err();
        let text = error.to_string();
        assert!(text.contains(&address) && text.contains("KAFKA_BROKERS comes from your environment"), "{text}");
    }

    #[test]
    fn half_a_bot_is_refused_with_the_name_of_the_other_half() {
        let with = |names: &'static [&'static str]| {
            bot_of(None, move |name| names.contains(&name).then(|| format!("the {name}")))
        };
        assert!(with(&[]).unwrap().is_none());
        assert!(with(&["BOT_API_URL"]).unwrap().is_none());
        assert_eq!(with(&["TELEGRAM_BOT_TOKEN", "TELEGRAM_CHAT_ID"]).unwrap().unwrap().url, "https://api.telegram.org");
        let error = with(&["TELEGRAM_BOT_TOKEN"]).unwrap_err().to_string();
        assert!(error.contains("TELEGRAM_CHAT_ID is not"), "{error}");
        let error = with(&["TELEGRAM_CHAT_ID"]).unwrap_err().to_string();
        assert!(error.contains("TELEGRAM_BOT_TOKEN is not"), "{error}");
    }

    #[test]
    fn the_stand_in_s_address_from_a_sourced_file_is_no_real_bot_s() {
        let told = |received| {
            let set =
                |name: &str| Some(if name == "BOT_API_URL" { "http://127.0.0.1:8081" } else { "given" }.to_owned());
            bot_of(received, set).unwrap().unwrap().url
        };
        assert_eq!(told(Some("http://127.0.0.1:8081/messages")), "https://api.telegram.org");
        assert_eq!(told(Some("http://127.0.0.1:8082/messages")), "http://127.0.0.1:8081");
        assert_eq!(told(None), "http://127.0.0.1:8081");
    }
}
