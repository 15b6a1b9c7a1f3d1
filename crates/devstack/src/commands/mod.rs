//! The subcommands; what is longer than a call stands in a file of its own.

mod bot_api;
mod containers;
mod test;

use std::net::SocketAddr;
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
    /// Start what does not run: servers, schemas, services, the demo organisation.
    Up,
    /// Stop everything, keep the data.
    Down,
    /// Stop everything and remove the data.
    Reset,
    /// Show what runs, where and since when.
    Status,
    /// Show the end of the logs.
    Logs {
        /// One part (order, gateway, postgres, …); all of them when left out.
        service: Option<String>,
        /// How many lines.
        #[arg(long, default_value_t = 200)]
        lines: usize,
    },
    /// Walk the main job against the running stack, starting it when needed; DATA names a catalog file.
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
        /// A port of 127.0.0.1.
        #[arg(long, conflicts_with = "address")]
        port: Option<u16>,
        /// Where to listen instead, in a container.
        #[arg(long)]
        address: Option<SocketAddr>,
    },
    /// Make roles and schemas in DATABASE_URL, with the passwords of DATABASE_PASSWORDS.
    Bootstrap,
    /// Ask the Bot API stand-in of this container whether it serves; for health checks.
    Health,
}

pub(crate) async fn run() -> Result<ExitCode, Error> {
    match Arguments::parse().command {
        Command::Up => stack::up().await.map(drop)?,
        Command::Down => stack::down().await?,
        Command::Reset => stack::reset().await?,
        Command::Status => stack::status().await?,
        Command::Logs { service, lines } => {
            stack::logs(service.as_deref().filter(|name| !name.is_empty()), lines).await?
        }
        Command::Demo => return demo::run().await,
        Command::Migrate => stack::migrate().await?,
        Command::Test { command } => return test::run(&command).await,
        Command::BotApi { port, address } => bot_api::serve(port, address).await?,
        Command::Bootstrap => containers::bootstrap().await?,
        Command::Health => containers::health().await?,
    }
    Ok(ExitCode::SUCCESS)
}
