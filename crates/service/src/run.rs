//! The program around a service: subcommands, start, signals, the ordered stop, exit codes.
//! The rule: nothing starts before the whole configuration is right, and a stop has an end.

use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use clap::Command;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::boot::{Boot, BootError};
use crate::config::{Fault, Need, Reader};
use crate::definition::Definition;
use crate::health::{Health, Phase};
use crate::{internal, settings, telemetry};

const USAGE: u8 = 64;
const FAILED: u8 = 70;
const TOO_SLOW: u8 = 75;

/// Runs a service's program with the arguments and environment of this process.
#[must_use]
pub fn run(definition: Definition) -> ExitCode {
    run_from(definition, std::env::args().collect())
}

/// Like [`run`] with other arguments, the program's name first; for tests.
#[must_use]
pub fn run_from(definition: Definition, arguments: Vec<String>) -> ExitCode {
    let matches = match command_line(&definition).try_get_matches_from(arguments) {
        Ok(matches) => matches,
        Err(error) => {
            // Nothing can be done about a closed terminal.
            let _ignored = error.print();
            return if error.use_stderr() { ExitCode::from(USAGE) } else { ExitCode::SUCCESS };
        }
    };
    match matches.subcommand_name() {
        Some("migrate") => migrate(definition),
        Some("openapi") => openapi(definition),
        Some("health") => health(),
        _ => serve(definition),
    }
}

fn command_line(definition: &Definition) -> Command {
    let mut reader = Reader::from_pairs([]);
    (definition.describe)(&mut reader);
    let _kit = settings::kit(&mut reader);
    if definition.migrations.is_some() {
        let _owner = settings::owner(&mut reader);
    }
    let mut command = Command::new(definition.name)
        .version(env!("CARGO_PKG_VERSION"))
        .about(definition.about)
        .subcommand_required(true)
        .arg_required_else_help(true)
        .after_help(environment(&reader))
        .subcommand(Command::new("serve").about("Serve until SIGTERM or SIGINT").after_help(environment(&reader)))
        .subcommand(Command::new("health").about("Ask /readyz of the running service; exit 0 when it is ready"));
    if definition.migrations.is_some() {
        command = command.subcommand(Command::new("migrate").about("Bring the schema up to date, then exit"));
    }
    if definition.openapi.is_some() {
        command = command.subcommand(Command::new("openapi").about("Print the OpenAPI 3.1 document, then exit"));
    }
    command
}

fn environment(reader: &Reader) -> String {
    let mut text = "Environment variables:\n".to_owned();
    for variable in reader.variables() {
        let need = match &variable.need {
            Need::Required => "required".to_owned(),
            Need::Optional => "optional".to_owned(),
            Need::Default(value) if value.is_empty() => "default: empty".to_owned(),
            Need::Default(value) => format!("default: {value}"),
        };
        let name = if variable.secret { format!("{0} or {0}_FILE", variable.name) } else { variable.name.to_owned() };
        text.push_str(&format!("  {name}\n      {} [{need}]\n", variable.meaning));
    }
    text
}

fn refuse(name: &str, faults: &[Fault]) -> ExitCode {
    let mut text = format!(
        "{name} cannot start; {} bad:\n",
        match faults.len() {
            1 => "one environment variable is".to_owned(),
            count => format!("{count} environment variables are"),
        }
    );
    for fault in faults {
        text.push_str(&format!("  {fault}\n"));
    }
    text.push_str(&format!("See {name} --help for every variable."));
    complain(&text);
    ExitCode::from(USAGE)
}

fn complain(text: &str) {
    // Nothing can be done about a closed standard error.
    let _ignored = writeln!(std::io::stderr(), "{text}");
}

/// Does `work` on the main runtime, on which the database connections live, and sends out at the end what it has told.
/// `verb` is what the program cannot do without telemetry.
fn with_telemetry<F>(
    name: &'static str,
    verb: &str,
    settings: &settings::Telemetry,
    work: impl FnOnce(PrometheusHandle) -> F,
) -> ExitCode
where
    F: Future<Output = u8>,
{
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            complain(&format!("the runtime cannot be started: {error}"));
            return ExitCode::from(FAILED);
        }
    };
    let code = runtime.block_on(async {
        let telemetry = match telemetry::start(name, settings) {
            Ok(telemetry) => telemetry,
            Err(error) => {
                complain(&format!("{name} cannot {verb}: {error}"));
                return FAILED;
            }
        };
        let code = work(telemetry.figures()).await;
        telemetry.stop().await;
        code
    });
    // What still runs has had its time.
    runtime.shutdown_timeout(Duration::from_millis(100));
    ExitCode::from(code)
}

fn serve(definition: Definition) -> ExitCode {
    let name = definition.name;
    let mut reader = Reader::from_environment();
    let start = (definition.prepare)(&mut reader);
    let kit = settings::kit(&mut reader);
    let (Some(start), Some(kit), []) = (start, kit, reader.faults()) else {
        return refuse(name, reader.faults());
    };
    let migrations = definition.migrations.as_ref().map(persistence::required).unwrap_or_default();
    with_telemetry(name, "start", &kit.telemetry, |figures| async move {
        let (boot, failures) = Boot::new(name, Health::default(), migrations);
        let address = kit.internal_address;
        match internal::start(address, boot.clone(), Some(figures)).await {
            Ok(address) => {
                tracing::info!(%address, "{name} is starting; health on {address}");
                live(boot, start, failures, kit.shutdown).await
            }
            Err(error) => {
                tracing::error!("cannot listen on {address}: {error}; set INTERNAL_ADDRESS to a free address");
                FAILED
            }
        }
    })
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}

async fn live(
    boot: Boot,
    start: impl FnOnce(Boot) -> futures::future::BoxFuture<'static, Result<(), BootError>>,
    mut failures: tokio::sync::mpsc::UnboundedReceiver<BootError>,
    shutdown: Duration,
) -> u8 {
    let mut signals = match Signals::new() {
        Ok(signals) => signals,
        Err(error) => {
            tracing::error!("signals cannot be received: {error}");
            return FAILED;
        }
    };
    let began = std::time::Instant::now();
    let failure = tokio::select! {
        name = signals.next() => {
            tracing::info!("{name}: stopping before everything had started");
            None
        }
        failure = failures.recv() => failure,
        started = start(boot.clone()) => match started {
            Err(failure) => Some(failure),
            Ok(()) => {
                boot.health().enter(Phase::Serving);
                tracing::info!(milliseconds = began.elapsed().as_millis(), "{} has started", boot.name());
                tokio::select! {
                    name = signals.next() => {
                        tracing::info!("{name}: stopping");
                        None
                    }
                    failure = failures.recv() => failure,
                }
            }
        },
    };
    boot.health().enter(Phase::Stopping);
    boot.announce_stop();
    if let Some(failure) = &failure {
        tracing::error!("{} must stop: {failure}", boot.name());
    }
    let stopped = tokio::select! {
        stopped = tokio::time::timeout(shutdown, boot.stop_all()) => stopped.is_ok(),
        name = signals.next() => {
            tracing::warn!("{name} again: stopping at once");
            false
        }
    };
    match (failure, stopped) {
        (Some(_), _) => FAILED,
        (None, true) => {
            tracing::info!("{} has stopped", boot.name());
            0
        }
        (None, false) => {
            tracing::error!("{} did not stop within {} seconds", boot.name(), shutdown.as_secs());
            TOO_SLOW
        }
    }
}

fn migrate(definition: Definition) -> ExitCode {
    let mut reader = Reader::from_environment();
    let owner = settings::owner(&mut reader);
    let telemetry = settings::telemetry(&mut reader);
    let (Some(owner), Some(telemetry), Some(migrations)) = (owner, telemetry, definition.migrations) else {
        return refuse(definition.name, reader.faults());
    };
    let name = definition.name;
    with_telemetry(name, "migrate", &telemetry, |_figures| async move {
        migrate_when_there(name, owner.expose(), migrations).await
    })
}

/// Waits up to a minute for the database; a migration that fails is not tried again.
async fn migrate_when_there(name: &str, owner_url: &str, migrations: persistence::EmbeddedMigrations) -> u8 {
    let began = std::time::Instant::now();
    // The embedded migrations cannot be cloned, so the wait comes first.
    let mut pause = Duration::from_millis(200);
    while let Err(error) = persistence::reachable(owner_url, name).await {
        if began.elapsed() > Duration::from_secs(60) {
            tracing::error!("{error}; given up after a minute");
            return FAILED;
        }
        tracing::warn!("waiting: {error}");
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_secs(5));
    }
    match persistence::migrate(owner_url, name, migrations).await {
        Ok(ran) if ran.is_empty() => {
            tracing::info!("the schema {name} is up to date");
            0
        }
        Ok(ran) => {
            tracing::info!("the schema {name} was migrated: {}", ran.join(", "));
            0
        }
        Err(error) => {
            tracing::error!("{error}");
            FAILED
        }
    }
}

fn openapi(definition: Definition) -> ExitCode {
    let Some(document) = definition.openapi else { return ExitCode::from(USAGE) };
    match serde_json::to_string_pretty(&document()) {
        Ok(text) => match writeln!(std::io::stdout(), "{text}") {
            Ok(()) => ExitCode::SUCCESS,
            Err(_closed) => ExitCode::from(FAILED),
        },
        Err(error) => {
            complain(&format!("the document cannot be written: {error}"));
            ExitCode::from(FAILED)
        }
    }
}

fn health() -> ExitCode {
    let mut reader = Reader::from_environment();
    let Some(address) = settings::internal_address(&mut reader) else {
        return refuse("health", reader.faults());
    };
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else {
        return ExitCode::FAILURE;
    };
    let asked = runtime
        .block_on(async { tokio::time::timeout(Duration::from_secs(5), internal::ask_readiness(address)).await });
    let complaint = match asked {
        Ok(Ok((200, _body))) => return ExitCode::SUCCESS,
        Ok(Ok((status, body))) => format!("not ready ({status}): {body}"),
        Ok(Err(error)) => format!("nobody answers on {address}: {error}"),
        Err(_elapsed) => format!("no answer from {address} within 5 seconds"),
    };
    complain(&complaint);
    ExitCode::FAILURE
}
