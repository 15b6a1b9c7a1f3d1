//! PostgreSQL, Redis and Kafka as plain processes: what the three have in common.
//! The rule it keeps: a server has a folder of its own, and can be killed, paused and started again on the data in it.

mod kafka;
mod postgres;
mod programs;
mod redis;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

pub use kafka::Kafka;
pub use postgres::{Postgres, may_hold_postgres};
pub use programs::{postgres as postgres_programs, program_faults};
pub use redis::Redis;

use crate::process::{Launch, Process, Signal};
use crate::{Error, PostgresUrl, ports, temporary_folder};

/// The folder of a server, and whether its data matters.
#[derive(Debug, Clone)]
pub struct Place {
    pub(crate) folder: PathBuf,
    pub(crate) port: Option<u16>,
    /// The data is thrown away at the end: no fsync, and the folder is removed when the server is dropped.
    pub(crate) temporary: bool,
}

impl Place {
    /// A folder of its own for a test. It is removed with the server, or by the next run if this process is killed.
    ///
    /// # Errors
    /// When the folder cannot be created.
    pub fn temporary(name: &str) -> Result<Self, Error> {
        Ok(Self { folder: temporary_folder(name)?, port: None, temporary: true })
    }

    /// A folder whose data is kept.
    #[must_use]
    pub fn kept(folder: impl Into<PathBuf>, preferred_port: u16) -> Self {
        Self { folder: folder.into(), port: Some(preferred_port), temporary: false }
    }

    /// A folder whose data may be lost and which somebody else removes.
    #[must_use]
    pub(crate) fn throw_away(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into(), port: None, temporary: true }
    }

    /// The port that a running server has, else the one to start it on.
    fn port(&self, launch: &Launch) -> Result<u16, Error> {
        let file = self.folder.join(format!("{}.port", launch.name));
        match launch.attach().and_then(|_| ports::written_to(&file)) {
            Some(port) => Ok(port),
            None => ports::remembered(&file, self.port),
        }
    }
}

/// How to ask a server whether it answers.
#[derive(Debug, Clone)]
pub(crate) enum Check {
    /// Connect and `select 1`.
    Postgres(PostgresUrl),
    /// `PING`.
    Redis(u16),
    /// A metadata request that names a broker.
    Kafka(u16),
}

impl Check {
    async fn answers(&self) -> bool {
        let asked = async {
            match self {
                Self::Postgres(url) => postgres::answers(url).await,
                Self::Redis(port) => redis::answers(*port).await,
                Self::Kafka(port) => kafka::answers(*port).await,
            }
        };
        tokio::time::timeout(Duration::from_secs(2), asked).await.unwrap_or(false)
    }
}

/// One server process with what is needed to start it again.
#[derive(Debug)]
pub struct Server {
    launch: Launch,
    process: Process,
    check: Check,
    /// The signal that ends it soonest without leaving anything behind.
    quick_stop: Signal,
    remove: Option<PathBuf>,
    leave: bool,
}

impl Server {
    /// Attaches to the server if it runs already, else starts it; it answers when this returns.
    async fn start(launch: Launch, check: Check, quick_stop: Signal, place: &Place) -> Result<Self, Error> {
        let process = match launch.attach() {
            Some(process) => process,
            None => launch.start()?,
        };
        let mut server = Self {
            launch,
            process,
            check,
            quick_stop,
            remove: place.temporary.then(|| place.folder.clone()),
            leave: !place.temporary,
        };
        server.ready().await?;
        Ok(server)
    }

    /// Waits until the server answers.
    ///
    /// # Errors
    /// When it ends or does not answer within 60 s.
    pub async fn ready(&mut self) -> Result<(), Error> {
        let patience = Duration::from_secs(60);
        let deadline = Instant::now() + patience;
        while !self.check.answers().await {
            if !self.process.is_alive() {
                return Err(self.process.died());
            }
            if Instant::now() > deadline {
                return Err(self.process.not_ready(patience));
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        Ok(())
    }

    /// `kill -9`, as a power cut would.
    pub async fn kill(&mut self) {
        self.process.signal(Signal::SIGKILL);
        self.process.ended_within(Duration::from_secs(5)).await;
    }

    /// Stops it from doing anything while its sockets stay open (SIGSTOP).
    pub fn pause(&mut self) {
        self.process.signal(Signal::SIGSTOP);
    }

    /// Lets a paused server go on (SIGCONT).
    pub fn resume(&mut self) {
        self.process.signal(Signal::SIGCONT);
    }

    /// Starts it again on the same data and port, after killing it if it runs; it answers when this returns.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn restart(&mut self) -> Result<(), Error> {
        self.kill().await;
        self.process = self.launch.start()?;
        self.ready().await
    }

    /// Whether the process runs.
    pub fn is_alive(&mut self) -> bool {
        self.process.is_alive()
    }

    /// How it is started.
    #[must_use]
    pub fn launch(&self) -> &Launch {
        &self.launch
    }

    /// Its log file.
    #[must_use]
    pub fn log(&self) -> &Path {
        self.process.log()
    }

    /// Keeps it running after this value is dropped.
    pub fn leave_running(&mut self) {
        self.leave = true;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.leave {
            return;
        }
        self.process.signal(Signal::SIGCONT);
        self.process.stop_blocking(self.quick_stop, Duration::from_secs(3));
        if let Some(folder) = &self.remove {
            // The next run removes what cannot be removed now.
            let _later = fs::remove_dir_all(folder);
        }
    }
}
