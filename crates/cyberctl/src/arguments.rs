//! The command line, which clap parses.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// The part of the README that a person needs who has only the program.
const AFTER_HELP: &str = "\
Variables, from the environment or the file:
  DEV_DIR            the folder of the stack (.dev), environment only; its file env is read
  KAFKA_BROKERS      topics, dlq, status: host:port list
  KAFKA_NAMESPACE    the same: put before topic and group names; empty by default
  SERVICES_INTERNAL  status, rebuild, retry: order=http://127.0.0.1:9104,order=http://…, every replica's internal port
  GATEWAY_URL        organisation create: the gateway
  SETUP_TOKEN        organisation create: the token that auth was started with, or SETUP_TOKEN_FILE
  OWNER_PASSWORD     organisation create: the first owner's password, or OWNER_PASSWORD_FILE

Example:
  KAFKA_BROKERS=127.0.0.1:9092 cyberctl dlq show order

Exit codes:
  0   done and well
  1   done, and something is not well or not known: a replica is not ready, an event waits, a topic differs
  2   wrong command line
  69  something could not be reached, or refused
  78  a variable is missing or wrong";

/// Operates a Cyber Store.
#[derive(Debug, Parser)]
#[command(name = "cyberctl", version, about, arg_required_else_help = true, after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    /// Print JSON instead of tables.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Read NAME=value lines from this file; the environment wins. Default: env in the stack's folder, DEV_DIR or .dev.
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) env_file: Option<PathBuf>,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Every replica of every service: ready, lag, outbox, dead letters.
    Status,
    /// Topics in the broker, compared with the contracts.
    Topics,
    /// Records that a service could not process.
    #[command(subcommand)]
    Dlq(DeadLetterCommand),
    /// Build a read model of a service again from its topic.
    Rebuild {
        /// The service, such as `order`.
        service: String,
        /// The read model, such as `sellable`.
        projection: String,
    },
    /// Try again what a service gave up, when the cause is mended.
    Retry {
        /// What to retry, such as `failed-deliveries`.
        name: String,
        /// The service; without it, the first one that has a retry of this name.
        #[arg(long)]
        service: Option<String>,
    },
    /// Organisations of this installation.
    #[command(subcommand)]
    Organisation(OrganisationCommand),
}

#[derive(Debug, Subcommand)]
pub(crate) enum DeadLetterCommand {
    /// Dead-letter topics, the ones with pending records first.
    List,
    /// What a group could not process, and why.
    Show(Show),
    /// Bring pending records back, or with --discard give up those that are wrong. Without --yes nothing is done.
    Redrive(Redrive),
}

#[derive(Debug, Args)]
pub(crate) struct Show {
    /// The group, which is the service, such as `order`.
    pub(crate) group: String,
    /// Only records of this topic.
    #[arg(long)]
    pub(crate) topic: Option<String>,
    /// Include those that were redriven or discarded and still exist.
    #[arg(long)]
    pub(crate) all: bool,
    /// Print headers and body of each.
    #[arg(long)]
    pub(crate) full: bool,
    /// How many at most.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) limit: u32,
}

#[derive(Debug, Args)]
pub(crate) struct Redrive {
    /// The group, which is the service, such as `order`.
    pub(crate) group: String,
    /// Only records of this topic.
    #[arg(long)]
    pub(crate) topic: Option<String>,
    /// Give up the records that are wrong themselves; those that were only parked behind them are brought back.
    #[arg(long)]
    pub(crate) discard: bool,
    /// Do it; without this, only say what would be done.
    #[arg(long)]
    pub(crate) yes: bool,
    /// Seconds to wait until the group has read what was brought back.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u64).range(0..=3_600))]
    pub(crate) wait: u64,
}

#[derive(Debug, Subcommand)]
pub(crate) enum OrganisationCommand {
    /// Create an organisation with its first owner; the password comes from OWNER_PASSWORD or OWNER_PASSWORD_FILE.
    Create(Create),
}

#[derive(Debug, Args)]
pub(crate) struct Create {
    /// Its name in addresses: a to z, 0 to 9 and hyphens.
    #[arg(long)]
    pub(crate) slug: String,
    /// Its name for people.
    #[arg(long)]
    pub(crate) name: String,
    /// What it sells in, such as USD.
    #[arg(long)]
    pub(crate) currency: String,
    /// The first owner's e-mail address.
    #[arg(long)]
    pub(crate) owner_email: String,
    /// The first owner's name.
    #[arg(long)]
    pub(crate) owner_name: String,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::Arguments;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }
}
