//! What can go wrong while the stack is started, used and stopped. Each message says what to do next.

use std::path::{Path, PathBuf};

/// A failure of the development stack.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A program that must be installed is missing.
    #[error("{program} was not found (looked at {looked}); {remedy}")]
    Missing {
        /// The program's name.
        program: &'static str,
        /// Where it was looked for, in words.
        looked: String,
        /// The command or variable that helps.
        remedy: &'static str,
    },
    /// A program could not be started at all.
    #[error("cannot start {program}: {source}")]
    Spawn {
        /// The program that was to be started.
        program: String,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// A program ran and failed.
    #[error("{command} failed ({status}):\n{output}")]
    Failed {
        /// The command line.
        command: String,
        /// The exit status in words.
        status: String,
        /// The end of what it printed.
        output: String,
    },
    /// A process ended while it was waited for.
    #[error("{name} ended while it was starting; the end of {log}:\n{tail}", log = .log.display())]
    Died {
        /// The process's name.
        name: String,
        /// Its log file.
        log: PathBuf,
        /// The log's last lines.
        tail: String,
    },
    /// A process runs but does not answer.
    #[error("{name} was not ready after {seconds} s; the end of {log}:\n{tail}", log = .log.display())]
    NotReady {
        /// The process's name.
        name: String,
        /// How long it was waited for.
        seconds: u64,
        /// Its log file.
        log: PathBuf,
        /// The log's last lines.
        tail: String,
    },
    /// A file or folder could not be read or written.
    #[error("cannot {action} {path}: {source}", path = .path.display())]
    File {
        /// What was tried, as a verb: read, write, create.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// PostgreSQL refused a statement or could not be reached.
    #[error("PostgreSQL: cannot {action}: {detail}")]
    Database {
        /// What was tried.
        action: String,
        /// The server's message.
        detail: String,
    },
    /// An HTTP call failed, or was answered with an unexpected status.
    #[error("{action}: {detail}")]
    Http {
        /// What was tried.
        action: String,
        /// What came back.
        detail: String,
    },
    /// Something that only a person can change; the text says what.
    #[error("{0}")]
    Refused(String),
}

impl Error {
    /// Wraps the error of a file operation, for `map_err`.
    pub fn file(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File { action, path, source }
    }

    /// Wraps the error of a database call, for `map_err`; keeps the server's own message.
    pub fn database(action: impl Into<String>) -> impl FnOnce(tokio_postgres::Error) -> Self {
        let action = action.into();
        move |error| Self::Database {
            action,
            detail: error.as_db_error().map_or_else(|| error.to_string(), ToString::to_string),
        }
    }

    /// Wraps the error of an HTTP call, for `map_err`.
    pub fn http(action: impl Into<String>) -> impl FnOnce(reqwest::Error) -> Self {
        let action = action.into();
        move |error| {
            let mut detail = error.to_string();
            let mut cause = std::error::Error::source(&error);
            while let Some(inner) = cause {
                detail = format!("{detail}: {inner}");
                cause = inner.source();
            }
            Self::Http { action, detail }
        }
    }
    /// The error for an HTTP call that was answered with an unexpected status; has the reply's body.
    pub async fn status(action: impl Into<String>, reply: reqwest::Response) -> Self {
        let status = reply.status();
        Self::Http { action: action.into(), detail: format!("{status}: {}", reply.text().await.unwrap_or_default()) }
    }
}
