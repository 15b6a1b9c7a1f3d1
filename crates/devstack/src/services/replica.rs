//! One replica of one service: its ports, its process, and whether it is ready.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;
use std::time::{Duration, Instant, UNIX_EPOCH};

use super::{Plan, STOP_PATIENCE, Service, environment, program};
use crate::process::{Launch, Process, Signal};
use crate::{Error, ports};

/// How often a person who waits for a replica is told why.
const TELL_EVERY: Duration = Duration::from_secs(10);

/// One process of one service.
#[derive(Debug)]
pub struct Replica {
    pub(super) service: Service,
    number: u32,
    /// Where it takes requests.
    pub(super) port: Option<u16>,
    /// Where it serves health and metrics.
    pub(super) internal_port: u16,
    launch: Launch,
    process: Option<Process>,
    leave: bool,
    fresh: bool,
}

impl Replica {
    /// Finds its ports: those that it has while it runs, else those that it had before, else the usual ones (further
    /// replicas: ten, twenty and so on above), else any.
    pub(super) fn place(service: Service, number: u32, plan: &Plan) -> Result<Self, Error> {
        let name = format!("{}-{number}", service.name);
        let launch = Launch::new(&name, program(plan, service.name)?, &plan.folder).argument("serve");
        let running = launch.attach().is_some();
        let above = u16::try_from(number.saturating_sub(1)).unwrap_or(0) * 10;
        let port_of = |name: &str, usual: u16| {
            let file = plan.folder.join(format!("{name}.port"));
            match ports::written_to(&file).filter(|_| running) {
                Some(port) => Ok(port),
                None => ports::remembered(&file, plan.usual_ports.then_some(usual + above)),
            }
        };
        let port = service.port.map(|usual| port_of(&name, usual)).transpose()?;
        let internal_port = port_of(&format!("{name}.internal"), service.internal_port)?;
        Ok(Self { service, number, port, internal_port, launch, process: None, leave: false, fresh: false })
    }

    /// Starts it, unless it runs this program in this environment.
    pub(super) async fn start_with(&mut self, environment: Vec<(String, String)>) -> Result<(), Error> {
        self.launch.environment = environment;
        self.launch.hidden = environment::hidden();
        let wanted = self.fingerprint().await?;
        let mark = self.launch.pid_file.with_extension("launch");
        if let Some(mut process) = self.launch.attach() {
            if std::fs::read_to_string(&mark).is_ok_and(|found| found == wanted) {
                self.process = Some(process);
                return Ok(());
            }
            process.stop(Signal::SIGTERM, STOP_PATIENCE).await;
        }
        self.process = Some(self.launch.start()?);
        self.fresh = true;
        std::fs::write(&mark, wanted).map_err(Error::file("write", &mark))
    }

    /// `order-1`.
    #[must_use]
    pub fn name(&self) -> String {
        self.launch.name.clone()
    }

    /// The name of its service.
    #[must_use]
    pub fn service(&self) -> &'static str {
        self.service.name
    }

    /// Counted from 1.
    #[must_use]
    pub fn number(&self) -> u32 {
        self.number
    }

    /// The address for requests; none for a service that takes none.
    #[must_use]
    pub fn url(&self) -> Option<String> {
        self.port.map(|port| format!("http://127.0.0.1:{port}"))
    }

    /// The address for health and metrics.
    #[must_use]
    pub fn internal_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.internal_port)
    }

    /// Whether this value started it; false if it ran already.
    #[must_use]
    pub fn was_started(&self) -> bool {
        self.fresh
    }

    /// How it is started.
    #[must_use]
    pub fn launch(&self) -> &Launch {
        &self.launch
    }

    /// Its log file.
    #[must_use]
    pub fn log(&self) -> &Path {
        &self.launch.log
    }

    /// The process id, while it runs.
    pub fn pid(&mut self) -> Option<i32> {
        let process = self.process.as_mut()?;
        process.is_alive().then(|| process.identity().pid())
    }

    /// Waits until `/readyz` answers 200.
    ///
    /// # Errors
    /// When it ends or is not ready in time; the message has the end of its log and what it waits for.
    pub async fn ready_within(&mut self, patience: Duration) -> Result<(), Error> {
        self.ready_telling(patience, |_| ()).await
    }

    /// The same; what `/readyz` says it waits for is told after ten seconds and every ten seconds from then on.
    pub(super) async fn ready_telling(&mut self, patience: Duration, mut tell: impl FnMut(&str)) -> Result<(), Error> {
        let Some(process) = self.process.as_mut() else {
            return Err(Error::Refused(format!("{} was stopped; start it before waiting for it", self.launch.name)));
        };
        let client = reqwest::Client::builder()
            .timeout(Duration::from_secs(2))
            .build()
            .map_err(Error::http("make an HTTP client"))?;
        let url = format!("http://127.0.0.1:{}/readyz", self.internal_port);
        let deadline = Instant::now() + patience;
        let mut told = Instant::now();
        let mut said = String::new();
        loop {
            if let Ok(reply) = client.get(&url).send().await {
                if reply.status().is_success() {
                    return Ok(());
                }
                said = reply.text().await.unwrap_or_default();
            }
            if !process.is_alive() {
                return Err(process.died());
            }
            if Instant::now() > deadline {
                let mut error = process.not_ready(patience);
                if let Error::NotReady { tail, .. } = &mut error {
                    *tail = format!("{tail}\n/readyz says: {said}");
                }
                return Err(error);
            }
            if told.elapsed() >= TELL_EVERY {
                tell(&reasons(&said));
                told = Instant::now();
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// `kill -9`.
    pub async fn kill(&mut self) {
        if let Some(process) = &mut self.process {
            process.signal(Signal::SIGKILL);
            process.ended_within(Duration::from_secs(5)).await;
        }
    }

    /// Sends SIGTERM and waits; false if it had to be killed.
    pub async fn stop(&mut self) -> bool {
        match &mut self.process {
            Some(process) => process.stop(Signal::SIGTERM, STOP_PATIENCE).await,
            None => true,
        }
    }

    /// Sends any signal.
    pub fn signal(&mut self, signal: Signal) {
        if let Some(process) = &mut self.process {
            process.signal(signal);
        }
    }

    /// Starts it again with the same ports and environment, after killing it if it runs. Does not wait until it is ready.
    ///
    /// # Errors
    /// When it cannot be started.
    pub async fn restart(&mut self) -> Result<(), Error> {
        self.kill().await;
        self.process = Some(self.launch.start()?);
        Ok(())
    }

    /// Sets a variable for its next start.
    pub fn set_variable(&mut self, name: &str, value: &str) {
        let environment = &mut self.launch.environment;
        environment.retain(|(known, _)| known != name);
        environment.push((name.to_owned(), value.to_owned()));
    }

    pub(super) fn leave_running(&mut self) {
        self.leave = true;
    }

    /// A mark that changes with the program, its arguments and its environment, the inherited part included.
    async fn fingerprint(&self) -> Result<String, Error> {
        let mut hasher = DefaultHasher::new();
        self.launch.program.hash(&mut hasher);
        self.launch.arguments.hash(&mut hasher);
        self.launch.environment.hash(&mut hasher);
        let program = &self.launch.program;
        let help = tokio::process::Command::new(program)
            .arg("--help")
            .output()
            .await
            .map_err(|source| Error::Spawn { program: program.display().to_string(), source })?;
        inherited(&self.launch, &String::from_utf8_lossy(&help.stdout), |name| std::env::var(name).ok())
            .hash(&mut hasher);
        let built = std::fs::metadata(program).and_then(|data| data.modified()).ok();
        built.and_then(|time| time.duration_since(UNIX_EPOCH).ok()).hash(&mut hasher);
        Ok(format!("{:016x}", hasher.finish()))
    }
}

/// What the answer of a `/readyz` says that the service waits for, in words; that it does not answer, when it is empty.
#[must_use]
pub fn reasons(readiness: &str) -> String {
    let answer: serde_json::Value = serde_json::from_str(readiness).unwrap_or_default();
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let waiting = answer["waiting"].as_array().into_iter().flatten();
    let reasons: Vec<String> = waiting.map(|it| format!("{}: {}", text(&it["name"]), text(&it["reason"]))).collect();
    match (reasons.is_empty(), readiness.trim()) {
        (true, "") => "it does not answer yet".to_owned(),
        (true, other) => other.to_owned(),
        (false, _) => reasons.join("; "),
    }
}

/// The variables that the program reads, by its own help, and inherits from the shell: the launch neither sets nor hides
/// them.
fn inherited(launch: &Launch, help: &str, shell: impl Fn(&str) -> Option<String>) -> Vec<(String, String)> {
    environment::variables_in(help)
        .filter(|name| !launch.hidden.iter().any(|hidden| hidden == name))
        .filter(|name| !launch.environment.iter().any(|(set, _)| set == name))
        .filter_map(|name| Some((name.to_owned(), shell(name).filter(|value| !value.is_empty())?)))
        .collect()
}

impl Drop for Replica {
    fn drop(&mut self) {
        if let Some(process) = &mut self.process
            && !self.leave
        {
            process.stop_blocking(Signal::SIGKILL, Duration::from_secs(2));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_service_waits_for_is_told_in_words() {
        let readiness = r#"{"ready":false,"waiting":[{"name":"database","reason":"connection refused"},{"name":"topics","reason":"none"}]}"#;
        assert_eq!(reasons(readiness), "database: connection refused; topics: none");
        assert_eq!(
            (reasons(""), reasons("Bad Gateway")),
            ("it does not answer yet".to_owned(), "Bad Gateway".to_owned())
        );
    }

    #[test]
    fn a_variable_of_the_shell_counts_when_the_service_reads_and_inherits_it() {
        let mut launch = Launch::new("order-1", "order", Path::new("/")).variable("KAFKA_BROKERS", "ours");
        launch.hidden = vec!["DATABASE_URL".to_owned()];
        let help = "  DATABASE_URL\n  KAFKA_BROKERS\n  LOG_LEVEL\n  LOG_FORMAT\n";
        let shell = |name: &str| Some(if name == "LOG_FORMAT" { "" } else { "shell" }.to_owned());
        assert_eq!(inherited(&launch, help, shell), [("LOG_LEVEL".to_owned(), "shell".to_owned())]);
    }
}
