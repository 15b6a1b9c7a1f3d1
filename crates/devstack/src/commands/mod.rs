//! The subcommands, one file each.

mod test;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use devstack::Error;

/// Real servers on this machine, for development and tests.
#[derive(Debug, Parser)]
#[command(name = "devstack", version, about)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start throw-away PostgreSQL, Redis and Kafka, run a command against them, stop them.
    Test {
        /// The command and its arguments.
        #[arg(trailing_var_arg = true, required = true)]
        command: Vec<String>,
    },
}

pub(crate) async fn run() -> Result<ExitCode, Error> {
    match Arguments::parse().command {
        Command::Test { command } => test::run(&command).await,
    }
}
