//! The stack as plain processes: servers, the Bot API stand-in and services.
//! The rule it keeps: `up` starts what does not run, on the data of last time, and leaves alone what runs.

use std::env;
use std::path::{Path, PathBuf};
use std::time::Duration;

use backon::{ConstantBuilder, Retryable};
use devstack::process::{Launch, Signal};
use devstack::services::{Plan, SERVICES, STOP_PATIENCE, Services, Surroundings, Telegram, built_programs};
use devstack::{Error, Kafka, Place, Postgres, PostgresUrl, Redis, bootstrap, ensure_database, ports};

use super::secrets::Secrets;
use super::{EnvFile, Folder, Report, settings, supervisor};
use crate::words::say;

/// The name of the database, when the stack runs its own PostgreSQL.
pub(crate) const DATABASE: &str = "cyberstore";

/// The folder of the services' logs, pid files and ports.
pub(super) const SERVICES_FOLDER: &str = "services";

pub(super) async fn up(folder: &Folder, report: &Report) -> Result<EnvFile, Error> {
    let before = EnvFile::read(folder)?;
    let bot = bot(&before)?;
    settings::refuse_faults(folder, &before)?;
    // It would start again what is about to be replaced.
    supervisor::stop(folder).await;
    let programs = programs(folder, report).await?;
    let secrets = Secrets::kept_in(folder)?;
    let ((database, own_postgres), (redis_url, own_redis), (kafka_brokers, own_kafka)) = tokio::try_join!(
        postgres(folder, &before, &secrets, report),
        redis(folder, &before, report),
        kafka(folder, &before, report)
    )?;
    report.done("database", "roles and schemas are there");

    let stand_in = bot.is_none();
    let (telegram, own_bot) = telegram(folder, bot, report).await?;
    let plan = Plan {
        programs,
        folder: folder.join(SERVICES_FOLDER),
        replicas: settings::replicas()?,
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
    // Also when one of them does not become ready: then a person needs its log and its answers.
    services.leave_running();
    services
        .ready(
            |replica| {
                let way = if replica.was_started() { "started" } else { "was running" };
                let address = replica.url().unwrap_or_else(|| "takes no requests".to_owned());
                report.done(&replica.name(), &format!("{way}, ready, {address}"));
            },
            |name, reasons| report.done(name, &format!("waits: {reasons}")),
        )
        .await?;
    let own = [own_postgres, own_redis, own_kafka, own_bot].into_iter().flatten();
    supervisor::start(folder, own.chain(services.all().iter().map(|replica| replica.launch().clone())).collect())?;

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

/// The folder with the services' programs: `PROGRAMS`, else that of the programs built now.
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
        return Err(Error::Refused("the services do not compile; cargo's output is above".to_owned()));
    }
    report.done("programs", "built");
    built_programs()
}

/// The login of the demo.
pub(super) fn demo_owner(file: &mut EnvFile, password: String) {
    file.set("DEMO_ORGANISATION", env::var("DEMO_ORGANISATION").unwrap_or_else(|_| "demo".to_owned()));
    file.set("DEMO_EMAIL", env::var("DEMO_EMAIL").unwrap_or_else(|_| "owner@demo.example".to_owned()));
    file.set("DEMO_PASSWORD", password);
}

/// Where the spans are, unless a collector gets them.
pub(super) fn spans(file: &mut EnvFile, folder: &Path) {
    if set("OTEL_EXPORTER_OTLP_ENDPOINT").is_none() {
        file.set("SPANS_DIR", folder.display().to_string());
    }
}

/// A variable of the environment that is not empty.
pub(super) fn set(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

/// A server that the environment names, unless it is one of this stack's own, which a sourced `.dev/env` names too.
pub(super) fn named(name: &str, before: &EnvFile, port_file: &Path) -> Option<String> {
    set(name).filter(|value| before.get(name) != Some(value) || !is_at(value, ports::written_to(port_file)))
}

/// Whether this is the address of a server on this machine with this port.
fn is_at(address: &str, port: Option<u16>) -> bool {
    port.is_some_and(|port| address.split(['/', '@', ',']).any(|part| part == format!("127.0.0.1:{port}")))
}

/// Adds where the address of a server that does not answer came from.
fn from_the_environment(name: &str) -> impl FnOnce(Error) -> Error {
    move |error| {
        Error::Refused(format!("{error}; {name} comes from your environment; unset it if it is from an older .dev/env"))
    }
}

/// Refuses an address at which nobody listens. The services would wait for it, or do without it, and not say why.
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

/// Every `host:port` of an address, which may have a scheme, a login and a path; none for a socket file.
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

/// Its address and, when it is the stack's own, how it is started.
async fn postgres(
    folder: &Folder,
    before: &EnvFile,
    secrets: &Secrets,
    report: &Report,
) -> Result<(PostgresUrl, Option<Launch>), Error> {
    if let Some(url) = named("DATABASE_URL", before, &folder.join("postgres/postgres.port")) {
        let url: PostgresUrl = url.parse().map_err(from_the_environment("DATABASE_URL"))?;
        bootstrap(&url, &secrets.roles).await.map_err(from_the_environment("DATABASE_URL"))?;
        report.done("PostgreSQL", &format!("{}/{} (DATABASE_URL)", url.host, url.database));
        return Ok((url, None));
    }
    let place = Place::kept(folder.postgres()?, 5432);
    let postgres = Postgres::start(place, &secrets.superuser).await?;
    let maintenance: PostgresUrl = postgres.url("postgres").parse()?;
    ensure_database(&maintenance, DATABASE).await?;
    report.done("PostgreSQL", &maintenance.host);
    let url = maintenance.with_database(DATABASE);
    bootstrap(&url, &secrets.roles).await?;
    Ok((url, Some(postgres.server.launch().clone())))
}

async fn redis(folder: &Folder, before: &EnvFile, report: &Report) -> Result<(String, Option<Launch>), Error> {
    if let Some(url) = named("REDIS_URL", before, &folder.join("redis/redis.port")) {
        answers(&url, 6379).await.map_err(from_the_environment("REDIS_URL"))?;
        report.done("Redis", "REDIS_URL");
        return Ok((url, None));
    }
    let redis = Redis::start(Place::kept(folder.join("redis"), 6379)).await?;
    report.done("Redis", &redis.url());
    Ok((redis.url(), Some(redis.server.launch().clone())))
}

async fn kafka(folder: &Folder, before: &EnvFile, report: &Report) -> Result<(String, Option<Launch>), Error> {
    if let Some(brokers) = named("KAFKA_BROKERS", before, &folder.join("kafka/kafka.port")) {
        answers(&brokers, 9092).await.map_err(from_the_environment("KAFKA_BROKERS"))?;
        report.done("Kafka", &format!("{brokers} (KAFKA_BROKERS)"));
        return Ok((brokers, None));
    }
    let kafka = Kafka::start(Place::kept(folder.join("kafka"), 9092)).await?;
    report.done("Kafka", &kafka.brokers());
    Ok((kafka.brokers(), Some(kafka.server.launch().clone())))
}

/// Where the Bot API is and, if it is the stand-in, where its messages can be read.
pub(super) fn bot_api(file: &mut EnvFile, url: String, stand_in: bool) {
    if stand_in {
        file.set("MESSAGES_URL", messages_of(&url));
    }
    file.set("BOT_API_URL", url);
}

fn messages_of(stand_in: &str) -> String {
    format!("{stand_in}/messages")
}

/// The bot that the environment names; without one the stand-in is used.
pub(super) fn bot(before: &EnvFile) -> Result<Option<Telegram>, Error> {
    bot_of(before.get("MESSAGES_URL"), set)
}

/// `received` is the address of the messages of this stack's stand-in. A sourced `.dev/env` sets `BOT_API_URL` to the
/// stand-in, which is not the address of a real bot.
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

/// Telegram, if there is a bot, else the stand-in, which it starts, and how.
async fn telegram(
    folder: &Folder,
    bot: Option<Telegram>,
    report: &Report,
) -> Result<(Telegram, Option<Launch>), Error> {
    if let Some(telegram) = bot {
        report.done("Telegram", &format!("chat {} at {}", telegram.chat, telegram.url));
        return Ok((telegram, None));
    }
    let own = folder.join("bot-api");
    std::fs::create_dir_all(&own).map_err(Error::file("create", &own))?;
    let program = env::current_exe().map_err(Error::file("find", Path::new("devstack")))?;
    let launch = Launch::new("bot-api", program, &own).argument("bot-api").argument("--address");
    let port_file = own.join("bot-api.port");
    let running = launch.attach().is_some();
    let port = match ports::written_to(&port_file).filter(|_| running) {
        Some(port) => port,
        None => ports::remembered(&port_file, Some(8081))?,
    };
    let launch = launch.argument(format!("127.0.0.1:{port}"));
    if !running {
        launch.start()?;
    }
    let url = format!("http://127.0.0.1:{port}");
    let every = ConstantBuilder::default().with_delay(Duration::from_millis(25)).with_max_times(800);
    (|| async { reqwest::get(format!("{url}/health")).await?.error_for_status() })
        .retry(every)
        .await
        .map_err(Error::http("wait for the Bot API stand-in"))?;
    report.done("Bot API", &format!("{url} (stand-in; set TELEGRAM_BOT_TOKEN and TELEGRAM_CHAT_ID for the real one)"));
    Ok((Telegram::stand_in(url), Some(launch)))
}

/// Stops replicas beyond the wanted number, and forgets what is left of them.
async fn stop_superfluous(folder: &Folder, wanted: u32) {
    let services = folder.join(SERVICES_FOLDER);
    for service in SERVICES {
        for number in wanted + 1..=9 {
            let name = format!("{}-{number}", service.name);
            stop(&Launch::new(&name, "", &services), Signal::SIGTERM).await;
            for left in ["log", "pid", "port", "internal.port", "launch", "restarts"] {
                let _absent = std::fs::remove_file(services.join(format!("{name}.{left}")));
            }
        }
    }
}

/// Runs the migrations on the running database.
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
            telegram: Telegram::stand_in(""),
            setup_token: String::new(),
            signing_key_secret: String::new(),
            more: Vec::new(),
        },
    };
    Services::migrate(&plan).await?;
    say!("every schema is up to date");
    Ok(())
}

/// Stops the gateway first, so that no request comes in, then the other services, then the servers that they use.
pub(super) async fn down(folder: &Folder) -> Result<(), Error> {
    supervisor::stop(folder).await;
    let services = folder.join(SERVICES_FOLDER);
    let (gateways, others) = SERVICES
        .iter()
        .flat_map(|service| (1..=9).map(|number| Launch::new(format!("{}-{number}", service.name), "", &services)))
        .partition(|launch| launch.name.starts_with("gateway-"));
    stop_all(gateways, Signal::SIGTERM).await;
    stop_all(others, Signal::SIGTERM).await;
    // PostgreSQL stops at once and in good order on SIGINT; on SIGTERM it waits for every client.
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
    // Without a pid file it is not shown as down.
    let _absent = std::fs::remove_file(&launch.pid_file);
    say!("  {:<14} {}", launch.name, if by_itself { "stopped" } else { "had to be killed" });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_of_this_stack_is_recognised_by_its_port() {
        for ours in ["postgres://a:b@127.0.0.1:5432/shop", "redis://127.0.0.1:5432", "other:1,127.0.0.1:5432"] {
            assert!(is_at(ours, Some(5432)), "{ours}");
        }
        assert!(!is_at("postgres://a:b@127.0.0.1:54321/shop", Some(5432)));
        assert!(!is_at("postgres://a:b@127.0.0.1:5432/shop", None));
    }

    #[test]
    fn every_server_in_an_address_is_found() {
        assert_eq!(hosts("redis://:p@cache/0", 6379), ["cache:6379"]);
        assert_eq!(hosts("one:9092, two", 9092), ["one:9092", "two:9092"]);
        assert_eq!(hosts("redis://[::1]", 6379), ["[::1]:6379"]);
        assert!(hosts("unix:///run/redis.sock", 6379).is_empty());
    }

    #[tokio::test]
    async fn a_server_that_does_not_answer_is_reported_with_the_variable_that_names_it() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        assert!(answers(&format!("127.0.0.1:1,{address}"), 9092).await.is_ok());
        // Bound and not listening: nobody answers there, and nobody else can take the port meanwhile.
        let silent = tokio::net::TcpSocket::new_v4().unwrap();
        silent.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = silent.local_addr().unwrap().to_string();
        let error = answers(&address, 9092).await.map_err(from_the_environment("KAFKA_BROKERS")).unwrap_err();
        let text = error.to_string();
        assert!(text.contains(&address) && text.contains("KAFKA_BROKERS comes from your environment"), "{text}");
    }

    #[test]
    fn a_bot_without_a_chat_is_refused_and_so_is_a_chat_without_a_bot() {
        let with = |names: &'static [&'static str]| {
            bot_of(None, move |name| names.contains(&name).then(|| format!("the {name}")))
        };
        assert!(with(&[]).unwrap().is_none());
        assert!(with(&["BOT_API_URL"]).unwrap().is_none());
        assert_eq!(with(&["TELEGRAM_BOT_TOKEN", "TELEGRAM_CHAT_ID"]).unwrap().unwrap().url, "https://api.telegram.org");
        let error = with(&["TELEGRAM_BOT_TOKEN"]).err().unwrap().to_string();
        assert!(error.contains("TELEGRAM_CHAT_ID is not"), "{error}");
        let error = with(&["TELEGRAM_CHAT_ID"]).err().unwrap().to_string();
        assert!(error.contains("TELEGRAM_BOT_TOKEN is not"), "{error}");
    }

    #[test]
    fn the_stand_in_in_a_sourced_env_file_is_not_taken_for_a_real_bot() {
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
