//! The command line. A subcommand that is more than a call has a file of its own.

mod bot_api;
mod containers;
mod test;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use devstack::Error;

use crate::{demo, stack};

/// Cyber Store on this machine: real servers and the services, for development and tests.
#[derive(Debug, Parser)]
#[command(name = "devstack", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start whatever is not running: servers, schemas, services, the demo organisation.
    Up,
    /// Stop everything, keep the data.
    Down,
    /// Stop everything and remove the data.
    Reset,
    /// Show what runs, where, since when, and whether it is ready.
    Status,
    /// Show the end of the logs.
    Logs {
        /// A service or server, such as order or postgres; all of them when left out.
        service: Option<String>,
        /// How many lines.
        #[arg(long, default_value_t = 200)]
        lines: usize,
        /// Go on with what is written from now on.
        #[arg(long, short)]
        follow: bool,
    },
    /// Show the main job on the running stack, starting it when needed; DATA names a catalog file.
    Demo,
    /// Run every service's migrations against the stack.
    Migrate,
    /// Start throw-away PostgreSQL, Redis and Kafka, run a command against them, stop them.
    Test {
        /// The command and its arguments.
        #[arg(trailing_var_arg = true, required = true)]
        command: Vec<String>,
    },
    /// Serve the stand-in for Telegram's Bot API.
    BotApi {
        /// Where to listen.
        #[arg(long, default_value = "127.0.0.1:8081")]
        address: SocketAddr,
    },
    /// Create roles and schemas in DATABASE_URL, with the passwords of DATABASE_PASSWORDS.
    Bootstrap,
    /// Start again what ends in the stack of this folder; `up` starts this.
    #[command(hide = true)]
    Supervise {
        /// The folder of the stack.
        folder: PathBuf,
    },
    /// Ask the Bot API stand-in of this container whether it serves; for health checks.
    Health,
}

pub(crate) async fn run() -> Result<ExitCode, Error> {
    match Arguments::parse().command {
        Command::Up => stack::up().await.map(drop)?,
        Command::Down => stack::down().await?,
        Command::Reset => stack::reset().await?,
        Command::Status => {
            let well = stack::status().await?;
            return Ok(if well { ExitCode::SUCCESS } else { ExitCode::FAILURE });
        }
        Command::Logs { service, lines, follow } => {
            stack::logs(service.as_deref().filter(|name| !name.is_empty()), lines, follow).await?
        }
        Command::Supervise { folder } => stack::supervisor::run(&folder).await?,
        Command::Demo => return demo::run().await,
        Command::Migrate => stack::migrate().await?,
        Command::Test { command } => return test::run(&command).await,
        Command::BotApi { address } => bot_api::serve(address).await?,
        Command::Bootstrap => containers::bootstrap().await?,
        Command::Health => containers::health().await?,
    }
    Ok(ExitCode::SUCCESS)
}
