//! One child process in a session of its own: starting, watching and signalling it.
//! The rule it keeps: only a process whose pid and start time match the pid file is ever signalled.

mod identity;

use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

pub use identity::Identity;
pub use nix::sys::signal::Signal;
use serde::{Deserialize, Serialize};

use crate::Error;

/// How to start a process, once or again.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Launch {
    /// Its name in messages, file names and `status`.
    pub name: String,
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<OsString>,
    /// Variables that it gets besides this process's own; a later one replaces an earlier one.
    pub environment: Vec<(String, String)>,
    /// Variables of this process that it does not inherit.
    pub hidden: Vec<String>,
    /// User and group to run as; those of this process when none are given.
    pub run_as: Option<(u32, u32)>,
    /// Where standard output and error go (appended).
    pub log: PathBuf,
    /// Where pid and start time are written.
    pub pid_file: PathBuf,
}

impl Launch {
    /// A launch whose log and pid file are in `folder`, under the process's name.
    #[must_use]
    pub fn new(name: impl Into<String>, program: impl Into<PathBuf>, folder: &Path) -> Self {
        let name = name.into();
        Self {
            log: folder.join(format!("{name}.log")),
            pid_file: folder.join(format!("{name}.pid")),
            name,
            program: program.into(),
            arguments: Vec::new(),
            environment: Vec::new(),
            hidden: Vec::new(),
            run_as: None,
        }
    }

    /// Adds one argument.
    #[must_use]
    pub fn argument(mut self, argument: impl Into<OsString>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// Adds one environment variable.
    #[must_use]
    pub fn variable(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// Starts the process in a session of its own and writes its pid file.
    ///
    /// # Errors
    /// When the program cannot be started or a file cannot be written.
    pub fn start(&self) -> Result<Process, Error> {
        let log =
            OpenOptions::new().create(true).append(true).open(&self.log).map_err(Error::file("open", &self.log))?;
        let errors = log.try_clone().map_err(Error::file("open", &self.log))?;
        // `setsid` executes the program in its place, so this is the program's pid.
        let mut command = Command::new("setsid");
        for name in &self.hidden {
            command.env_remove(name);
        }
        command
            .arg(&self.program)
            .args(&self.arguments)
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(errors);
        if let Some((user, group)) = self.run_as {
            command.uid(user).gid(group);
        }
        let child =
            command.spawn().map_err(|source| Error::Spawn { program: self.program.display().to_string(), source })?;
        let identity = Identity::of(child.id()).ok_or_else(|| Error::Died {
            name: self.name.clone(),
            log: self.log.clone(),
            tail: tail(&self.log, 20),
        })?;
        fs::write(&self.pid_file, identity.to_string()).map_err(Error::file("write", &self.pid_file))?;
        Ok(Process { name: self.name.clone(), identity, child: Some(child), log: self.log.clone() })
    }

    /// The process of this pid file, which an earlier run started, if it is still alive.
    #[must_use]
    pub fn attach(&self) -> Option<Process> {
        let identity = Identity::read(&self.pid_file)?;
        identity.is_alive().then(|| Process { name: self.name.clone(), identity, child: None, log: self.log.clone() })
    }
}

/// A process that this stack started.
#[derive(Debug)]
pub struct Process {
    name: String,
    identity: Identity,
    child: Option<Child>,
    log: PathBuf,
}

impl Process {
    /// Pid and start time.
    #[must_use]
    pub fn identity(&self) -> Identity {
        self.identity
    }

    /// Its log file.
    #[must_use]
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// Whether it still runs; a zombie does not.
    pub fn is_alive(&mut self) -> bool {
        if let Some(child) = &mut self.child
            && matches!(child.try_wait(), Ok(Some(_)))
        {
            return false;
        }
        self.identity.is_alive()
    }

    /// How it ended; none while it runs, and none when an earlier run started it.
    pub fn status(&mut self) -> Option<ExitStatus> {
        self.child.as_mut()?.try_wait().ok()?
    }

    /// Sends one signal to exactly this process.
    pub fn signal(&mut self, signal: Signal) {
        if self.is_alive() {
            self.identity.signal(signal);
        }
    }

    /// Waits until it has ended; false if it still runs after `patience`.
    pub async fn ended_within(&mut self, patience: Duration) -> bool {
        let deadline = Instant::now() + patience;
        while self.is_alive() {
            if Instant::now() >= deadline {
                return false;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        true
    }

    /// Asks it to end with this signal, and kills it if it still runs after `patience`. Returns whether it ended by itself.
    pub async fn stop(&mut self, signal: Signal, patience: Duration) -> bool {
        self.signal(signal);
        if self.ended_within(patience).await {
            return true;
        }
        self.signal(Signal::SIGKILL);
        self.ended_within(Duration::from_secs(5)).await;
        false
    }

    /// Kills it, and returns when it has ended.
    pub fn stop_at_once(&mut self) {
        self.stop_blocking(Signal::SIGKILL, Duration::from_secs(5));
    }

    /// The same for `Drop`, where nothing can be awaited.
    pub(crate) fn stop_blocking(&mut self, signal: Signal, patience: Duration) {
        self.signal(signal);
        let deadline = Instant::now() + patience;
        while self.is_alive() {
            if Instant::now() >= deadline {
                self.signal(Signal::SIGKILL);
                if let Some(child) = &mut self.child {
                    let _ended = child.wait();
                }
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// The error for a process that ended while it was waited for.
    #[must_use]
    pub fn died(&self) -> Error {
        Error::Died { name: self.name.clone(), log: self.log.clone(), tail: tail(&self.log, 25) }
    }

    /// The error for a process that runs and does not answer.
    #[must_use]
    pub fn not_ready(&self, waited: Duration) -> Error {
        Error::NotReady {
            name: self.name.clone(),
            seconds: waited.as_secs(),
            log: self.log.clone(),
            tail: tail(&self.log, 25),
        }
    }
}

/// The last lines of a log file (at most its last 16 KiB); empty when there is none.
#[must_use]
pub fn tail(path: &Path, lines: usize) -> String {
    let Ok(mut file) = fs::File::open(path) else { return String::new() };
    let length = file.metadata().map_or(0, |data| data.len());
    let mut bytes = Vec::new();
    if file.seek(SeekFrom::Start(length.saturating_sub(16 * 1024))).is_err() || file.read_to_end(&mut bytes).is_err() {
        return String::new();
    }
    let text = String::from_utf8_lossy(&bytes);
    let all: Vec<&str> = text.lines().collect();
    all[all.len().saturating_sub(lines)..].join("\n")
}
