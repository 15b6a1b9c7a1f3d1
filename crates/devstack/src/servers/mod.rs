//! PostgreSQL, Redis and Kafka as plain processes: what the three have in common.
//! A server belongs to one folder; it can be killed, paused and started again on the same data.

mod kafka;
mod postgres;
mod programs;
mod redis;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

pub use kafka::Kafka;
pub use postgres::{Postgres, may_hold_postgres};
pub use redis::Redis;

use crate::process::{Launch, Process, Signal};
use crate::{Error, ports, runs};

/// Where a server keeps its things, and whether they are worth anything.
#[derive(Debug, Clone)]
pub struct Place {
    pub(crate) folder: PathBuf,
    pub(crate) port: Option<u16>,
    /// Thrown away at the end: no fsync, and the folder is removed when the server is dropped.
    pub(crate) temporary: bool,
}

impl Place {
    /// A folder of its own for a test; gone with the server, and swept by the next run if this one is killed.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn temporary(name: &str) -> Result<Self, Error> {
        Ok(Self { folder: runs::folder_for(name)?, port: None, temporary: true })
    }

    /// A folder that is kept, for data that is kept.
    #[must_use]
    pub fn kept(folder: impl Into<PathBuf>, preferred_port: u16) -> Self {
        Self { folder: folder.into(), port: Some(preferred_port), temporary: false }
    }

    /// A folder that somebody else removes, with data that may be lost.
    #[must_use]
    pub(crate) fn throw_away(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into(), port: None, temporary: true }
    }

    /// The port to use: the one used before on this data if it is free, else the preferred one, else any.
    fn port(&self, name: &str) -> Result<u16, Error> {
        let file = self.folder.join(format!("{name}.port"));
        let before = fs::read_to_string(&file).ok().and_then(|text| text.trim().parse().ok());
        let port = ports::choose(before.filter(|port| ports::is_free(*port)).or(self.port))?;
        fs::write(&file, port.to_string()).map_err(Error::file("write", &file))?;
        Ok(port)
    }

    /// The port that a server which still runs was given.
    fn port_in_use(&self, name: &str) -> Option<u16> {
        fs::read_to_string(self.folder.join(format!("{name}.port"))).ok()?.trim().parse().ok()
    }
}

/// How to ask a server whether it answers.
#[derive(Debug, Clone)]
pub(crate) enum Check {
    /// Connect and `select 1`.
    Postgres(String),
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
    /// The signal that ends it in good order.
    orderly_stop: Signal,
    remove: Option<PathBuf>,
    leave: bool,
}

impl Server {
    /// Attaches to the process that runs already, or starts it; ready when this returns.
    async fn start(launch: Launch, check: Check, stops: (Signal, Signal), place: &Place) -> Result<Self, Error> {
        let running = launch.attach();
        let process = match running {
            Some(process) => process,
            None => launch.start()?,
        };
        let mut server = Self {
            launch,
            process,
            check,
            quick_stop: stops.0,
            orderly_stop: stops.1,
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

    /// Ends it in good order, data kept.
    pub async fn stop(&mut self) {
        self.process.signal(Signal::SIGCONT);
        self.process.stop(self.orderly_stop, Duration::from_secs(20)).await;
    }

    /// Stops it from doing anything while its sockets stay open (SIGSTOP).
    pub fn pause(&mut self) {
        self.process.signal(Signal::SIGSTOP);
    }

    /// Lets a paused server go on (SIGCONT).
    pub fn resume(&mut self) {
        self.process.signal(Signal::SIGCONT);
    }

    /// Starts it again on the same data and port; ready when this returns. Kills it first if it runs.
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

    /// Its log file.
    #[must_use]
    pub fn log(&self) -> &Path {
        self.process.log()
    }

    /// Lets it run on after this value is gone.
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
            // What cannot be removed now is removed by the next run.
            let _later = fs::remove_dir_all(folder);
        }
    }
}
