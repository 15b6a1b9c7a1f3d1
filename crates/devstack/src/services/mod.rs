//! The store's own services as processes: environment, ports, order of start and stop, readiness.
//! Used by `make up` (they run on after it) and by the journeys (they end with the test).

mod environment;
mod replica;

use std::path::{Path, PathBuf};
use std::time::Duration;

pub use environment::{Surroundings, Telegram};
pub use replica::Replica;

use crate::bootstrap::{DatabaseRole, SERVICES};
use crate::process::tail;
use crate::{Error, ports};

/// One service as devstack knows it: a name and the ports it likes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kind {
    /// The program's name and the first part of every file name.
    pub name: &'static str,
    /// The usual port for requests; none for a service that takes none.
    pub port: Option<u16>,
    /// The usual port for health and metrics.
    pub internal_port: u16,
}

/// Every service, in the order in which it is started.
pub const KINDS: [Kind; 6] = [
    Kind { name: "auth", port: Some(7101), internal_port: 9101 },
    Kind { name: "category", port: Some(7102), internal_port: 9102 },
    Kind { name: "catalog", port: Some(7103), internal_port: 9103 },
    Kind { name: "order", port: Some(7104), internal_port: 9104 },
    Kind { name: "notifier", port: None, internal_port: 9105 },
    Kind { name: "gateway", port: Some(8080), internal_port: 9100 },
];

/// How long a service may take until it is ready.
const PATIENCE: Duration = Duration::from_secs(90);

/// How long a process may take to stop: longer than a service's `SHUTDOWN_SECONDS` (25), so that none is cut short.
pub const STOP_PATIENCE: Duration = Duration::from_secs(30);

/// What to run, where, and against what.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The folder with the built programs.
    pub programs: PathBuf,
    /// The folder for logs, pid files, ports and span files.
    pub folder: PathBuf,
    /// Replicas of every service, 1 to 9.
    pub replicas: u32,
    /// Whether the usual ports are tried first; a test takes any.
    pub usual_ports: bool,
    /// Databases, brokers, secrets.
    pub surroundings: Surroundings,
}

/// All replicas of all services.
#[derive(Debug)]
pub struct Services {
    plan: Plan,
    replicas: Vec<Replica>,
}

impl Services {
    /// Runs every service's migrations, all at once; each has its own schema.
    ///
    /// # Errors
    /// When a program is not built or its migrations fail; the end of its output is in the message.
    pub async fn migrate(plan: &Plan) -> Result<(), Error> {
        std::fs::create_dir_all(&plan.folder).map_err(Error::file("create", &plan.folder))?;
        let mut running = tokio::task::JoinSet::new();
        for service in SERVICES {
            let plan = plan.clone();
            running.spawn(async move { migrate(&plan, service).await });
        }
        while let Some(done) = running.join_next().await {
            done.map_err(|error| Error::Refused(format!("a migration was interrupted: {error}")))??;
        }
        Ok(())
    }

    /// Starts what does not run, starts again what runs with another program or environment, and leaves the rest alone.
    /// They are not waited for: see [`Services::ready`].
    ///
    /// # Errors
    /// When a program is not built or cannot be started.
    pub async fn start(plan: Plan) -> Result<Self, Error> {
        std::fs::create_dir_all(&plan.folder).map_err(Error::file("create", &plan.folder))?;
        let mut replicas = Vec::new();
        for kind in KINDS {
            for number in 1..=plan.replicas.clamp(1, 9) {
                replicas.push(Replica::place(kind, number, &plan)?);
            }
        }
        let upstreams = environment::upstreams(&replicas);
        for replica in &mut replicas {
            let environment = plan.surroundings.of(replica, &upstreams, &plan.folder, plan.replicas)?;
            replica.start_with(environment).await?;
        }
        Ok(Self { plan, replicas })
    }

    /// Waits until every replica says that it is ready; `told` hears of each one once.
    ///
    /// # Errors
    /// When a replica ends or is not ready after 90 s; the message has the end of its log and what it waits for.
    pub async fn ready(&mut self, mut told: impl FnMut(&Replica)) -> Result<(), Error> {
        for replica in &mut self.replicas {
            replica.ready_within(PATIENCE).await?;
            told(replica);
        }
        Ok(())
    }

    /// The first gateway.
    #[must_use]
    pub fn gateway_url(&self) -> String {
        self.urls("gateway").into_iter().next().unwrap_or_default()
    }

    /// Where each replica of a service takes requests.
    #[must_use]
    pub fn urls(&self, service: &str) -> Vec<String> {
        self.replicas.iter().filter(|replica| replica.service() == service).filter_map(Replica::url).collect()
    }

    /// Every replica.
    #[must_use]
    pub fn all(&self) -> &[Replica] {
        &self.replicas
    }

    /// One replica, counted from 1: to kill it, stop it, start it again.
    pub fn replica(&mut self, service: &str, number: u32) -> Option<&mut Replica> {
        self.replicas.iter_mut().find(|replica| replica.service() == service && replica.number() == number)
    }

    /// The files to which the replicas write their spans.
    #[must_use]
    pub fn span_files(&self) -> Vec<PathBuf> {
        self.replicas.iter().map(|replica| environment::span_file(&self.plan.folder, &replica.name())).collect()
    }

    /// Lets all of them run on after this value is gone.
    pub fn leave_running(&mut self) {
        for replica in &mut self.replicas {
            replica.leave_running();
        }
    }
}

/// The folder with the programs, seen from a test or another program of the same build.
///
/// # Errors
/// When the path of the running program cannot be read.
pub fn built_programs() -> Result<PathBuf, Error> {
    let own = std::env::current_exe().map_err(Error::file("find", Path::new("the running program")))?;
    let folder = own.parent().unwrap_or(Path::new("."));
    Ok(if folder.ends_with("deps") { folder.parent().unwrap_or(folder) } else { folder }.to_owned())
}

/// The program of this service, or how to build it.
fn program(plan: &Plan, service: &str) -> Result<PathBuf, Error> {
    let program = plan.programs.join(service);
    if program.is_file() {
        return Ok(program);
    }
    Err(Error::Refused(format!("{} is not built; run: cargo build --workspace --bins", program.display())))
}

async fn migrate(plan: &Plan, service: &str) -> Result<(), Error> {
    let log = plan.folder.join(format!("{service}-migrate.log"));
    let open = std::fs::File::create(&log).map_err(Error::file("create", &log))?;
    let errors = open.try_clone().map_err(Error::file("open", &log))?;
    let surroundings = &plan.surroundings;
    let status = tokio::process::Command::new(program(plan, service)?)
        .arg("migrate")
        .env("DATABASE_OWNER_URL", surroundings.database_url(service, DatabaseRole::Owner))
        .env("DATABASE_URL", surroundings.database_url(service, DatabaseRole::App))
        .env("DATABASE_SYSTEM_URL", surroundings.database_url(service, DatabaseRole::System))
        .env("LOG_FORMAT", "text")
        .current_dir("/")
        .stdin(std::process::Stdio::null())
        .stdout(open)
        .stderr(errors)
        .status()
        .await
        .map_err(|source| Error::Spawn { program: service.to_owned(), source })?;
    if status.success() {
        return Ok(());
    }
    Err(Error::Failed { command: format!("{service} migrate"), status: status.to_string(), output: tail(&log, 25) })
}

/// A port that this replica had before if it is free, else the usual one shifted by the replica's number, else any.
fn choose_port(plan: &Plan, name: &str, usual: u16, number: u32) -> Result<u16, Error> {
    let file = plan.folder.join(format!("{name}.port"));
    let before = std::fs::read_to_string(&file).ok().and_then(|text| text.trim().parse::<u16>().ok());
    let shift = u16::try_from(number.saturating_sub(1)).unwrap_or(0) * 10;
    let usual = plan.usual_ports.then_some(usual + shift);
    let port = ports::choose(before.filter(|port| ports::is_free(*port)).or(usual))?;
    std::fs::write(&file, port.to_string()).map_err(Error::file("write", &file))?;
    Ok(port)
}

/// The port that a running replica was given.
fn port_in_use(plan: &Plan, name: &str) -> Option<u16> {
    std::fs::read_to_string(plan.folder.join(format!("{name}.port"))).ok()?.trim().parse().ok()
}
