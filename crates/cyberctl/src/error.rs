//! Why a command failed, in words that say what to do.

use messaging::operations::OperationError;

#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// A variable is missing.
    #[error(
        "{name} is not set; it means {meaning}. Set it, or name a file with --env-file (`make up` writes .dev/env)"
    )]
    Missing { name: &'static str, meaning: &'static str },
    /// A variable or a line of a file cannot be read.
    #[error("{what} cannot be read: {reason}")]
    Malformed { what: String, reason: String },
    /// `DEV_DIR` names a folder without a stack.
    #[error(
        "DEV_DIR names a stack that is not there: {path} cannot be read ({reason}). Run `make up` with the same DEV_DIR, or unset it"
    )]
    NoStack { path: String, reason: String },
    /// `DEV_DIR` names one stack and the environment another.
    #[error("DEV_DIR names the stack of {path}, and the environment has another {name}: unset one of them")]
    OtherStack { name: &'static str, path: String },
    /// Kafka refused or could not be reached.
    #[error(transparent)]
    Kafka(#[from] OperationError),
    /// Kafka did not answer in time.
    #[error("{0} does not answer in time; is KAFKA_BROKERS right and the broker up?")]
    Silent(String),
    /// This machine gives the program no threads.
    #[error("the program cannot start: {0}")]
    Runtime(std::io::Error),
    /// An HTTP call was not answered.
    #[error("{address} does not answer: {cause}")]
    Unreachable { address: String, cause: String },
    /// An HTTP call was refused.
    #[error("{address} answers {status}: {body}")]
    Refused { address: String, status: u16, body: String },
    /// A service that `SERVICES_INTERNAL` does not name.
    #[error("SERVICES_INTERNAL names no service {service}; it names {known}")]
    UnknownService { service: String, known: String },
    /// A retry that no service has.
    #[error("no service has a retry named {name}; asked were {services}")]
    UnknownRetry { name: String, services: String },
}

impl Error {
    /// The exit code, as in `sysexits.h`.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Missing { .. }
            | Self::Malformed { .. }
            | Self::NoStack { .. }
            | Self::OtherStack { .. }
            | Self::UnknownService { .. } => 78,
            Self::Runtime(_) => 71,
            Self::Kafka(_)
            | Self::Silent(_)
            | Self::Unreachable { .. }
            | Self::Refused { .. }
            | Self::UnknownRetry { .. } => 69,
        }
    }
}
