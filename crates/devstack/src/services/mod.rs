//! The store's services: the table of all of them, and running them as processes.
//! `make up` leaves them running; in the journeys they end with the test.

mod environment;
mod replica;
pub(crate) mod table;

use std::path::{Path, PathBuf};
use std::time::Duration;

pub use environment::{Surroundings, Telegram};
pub use replica::{Replica, reasons};
pub use table::{Need, SERVICES, Service, schemas};

use crate::process::tail;
use crate::{DatabaseRole, Error};

/// How long a service may take until it is ready.
const PATIENCE: Duration = Duration::from_secs(90);

/// How long a process may take to stop: longer than a service's `SHUTDOWN_SECONDS` (25), so that no orderly stop is cut short.
pub const STOP_PATIENCE: Duration = Duration::from_secs(30);

/// What to run, where, and with what.
#[derive(Clone)]
pub struct Plan {
    /// The folder with the built programs.
    pub programs: PathBuf,
    /// The folder for logs, pid files, ports and span files.
    pub folder: PathBuf,
    /// Replicas of every service, 1 to 9.
    pub replicas: u32,
    /// Whether to prefer the usual ports; tests take any.
    pub usual_ports: bool,
    /// Servers, secrets and settings.
    pub surroundings: Surroundings,
}

/// Every replica of every service.
pub struct Services {
    plan: Plan,
    replicas: Vec<Replica>,
}

impl Services {
    /// Runs the migrations of all services at the same time; each has its own schema.
    ///
    /// # Errors
    /// When a program is not built or its migrations fail; the end of its output is in the message.
    pub async fn migrate(plan: &Plan) -> Result<(), Error> {
        std::fs::create_dir_all(&plan.folder).map_err(Error::file("create", &plan.folder))?;
        let mut running = tokio::task::JoinSet::new();
        for service in schemas() {
            let plan = plan.clone();
            running.spawn(async move { migrate(&plan, service).await });
        }
        while let Some(done) = running.join_next().await {
            done.map_err(|error| Error::Refused(format!("a migration was interrupted: {error}")))??;
        }
        Ok(())
    }

    /// Starts the replicas that do not run, and starts again those that run an older program or in another environment.
    /// Does not wait until they are ready: see [`Services::ready`].
    ///
    /// # Errors
    /// When a program is not built or cannot be started.
    pub async fn start(plan: Plan) -> Result<Self, Error> {
        let spans = plan.folder.join("spans");
        std::fs::create_dir_all(&spans).map_err(Error::file("create", &spans))?;
        let mut services = Self { plan, replicas: Vec::new() };
        for service in SERVICES {
            for number in 1..=services.plan.replicas.clamp(1, 9) {
                services.replicas.push(Replica::place(*service, number, &services.plan)?);
            }
        }
        let environments: Vec<_> = services.replicas.iter().map(|replica| services.environment(replica)).collect();
        for (replica, environment) in services.replicas.iter_mut().zip(environments) {
            replica.start_with(environment).await?;
        }
        Ok(services)
    }

    /// The whole environment of a replica.
    fn environment(&self, replica: &Replica) -> Vec<(String, String)> {
        let Plan { surroundings, folder, replicas, .. } = &self.plan;
        let mut variables = surroundings.needs_of(&replica.service, *replicas, |other, _| self.urls(other).join(","));
        let mut give = |name: &str, value: String| variables.push((name.to_owned(), value));
        give("KAFKA_BROKERS", surroundings.kafka_brokers.clone());
        give("KAFKA_NAMESPACE", surroundings.kafka_namespace.clone());
        give("INTERNAL_ADDRESS", format!("127.0.0.1:{}", replica.internal_port));
        give("TRACE_FILE", environment::span_file(folder, &replica.name()).display().to_string());
        if let Some(port) = replica.port {
            give("HTTP_ADDRESS", format!("127.0.0.1:{port}"));
        }
        variables.extend(surroundings.more.iter().cloned());
        variables
    }

    /// Waits until every replica is ready; calls `each` with each one when it is, and `waits` with the name of one that is
    /// not after ten seconds and what it waits for.
    ///
    /// # Errors
    /// When a replica ends or is not ready after 90 s; the message has the end of its log and what it waits for.
    pub async fn ready(
        &mut self,
        mut each: impl FnMut(&Replica),
        mut waits: impl FnMut(&str, &str),
    ) -> Result<(), Error> {
        for replica in &mut self.replicas {
            let name = replica.name();
            replica.ready_telling(PATIENCE, |reasons| waits(&name, reasons)).await?;
            each(replica);
        }
        Ok(())
    }

    /// The address of the first gateway.
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

    /// One replica, counted from 1, to kill, stop or restart it.
    pub fn replica(&mut self, service: &str, number: u32) -> Option<&mut Replica> {
        self.replicas.iter_mut().find(|replica| replica.service() == service && replica.number() == number)
    }

    /// The files to which the replicas write their spans.
    #[must_use]
    pub fn span_files(&self) -> Vec<PathBuf> {
        self.replicas.iter().map(|replica| environment::span_file(&self.plan.folder, &replica.name())).collect()
    }

    /// Keeps all of them running after this value is dropped.
    pub fn leave_running(&mut self) {
        for replica in &mut self.replicas {
            replica.leave_running();
        }
    }
}

/// The folder with the programs of this build, for a test or another program of the same build.
///
/// # Errors
/// When the path of the running program cannot be read.
pub fn built_programs() -> Result<PathBuf, Error> {
    let own = std::env::current_exe().map_err(Error::file("find", Path::new("the running program")))?;
    let folder = own.parent().unwrap_or(Path::new("."));
    Ok(if folder.ends_with("deps") { folder.parent().unwrap_or(folder) } else { folder }.to_owned())
}

/// The program of this service; the error says how to build it.
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
    let status = tokio::process::Command::new(program(plan, service)?)
        .arg("migrate")
        .env("DATABASE_OWNER_URL", plan.surroundings.database_url(service, DatabaseRole::Owner))
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
