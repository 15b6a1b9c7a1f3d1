#![doc = include_str!("../README.md")]

mod arguments;
mod dead_letters;
mod environment;
mod error;
mod organisation;
mod prometheus;
mod report;
mod services;
mod status;
mod topics;
mod work;

use std::process::ExitCode;

use clap::Parser;

use crate::arguments::{Arguments, Command, DeadLetterCommand, OrganisationCommand};
use crate::environment::Environment;
use crate::error::Error;
use crate::report::Report;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments).await {
        Ok(report) => {
            if arguments.json {
                println!("{:#}", report.json);
            } else {
                println!("{}", report.text.trim_end());
            }
            ExitCode::from(u8::from(!report.well))
        }
        Err(error) => {
            eprintln!("cyberctl: {error}");
            ExitCode::from(error.exit_code())
        }
    }
}

async fn run(arguments: &Arguments) -> Result<Report, Error> {
    let environment = Environment::read(arguments.env_file.as_deref())?;
    match &arguments.command {
        Command::Status => status::status(&environment).await,
        Command::Topics => topics::topics(&environment).await,
        Command::Dlq(DeadLetterCommand::List) => dead_letters::list(&environment).await,
        Command::Dlq(DeadLetterCommand::Show(show)) => dead_letters::show(&environment, show).await,
        Command::Dlq(DeadLetterCommand::Redrive(redrive)) => dead_letters::redrive(&environment, redrive).await,
        Command::Rebuild { service, projection } => work::rebuild(&environment, service, projection).await,
        Command::Retry { name, service } => work::retry(&environment, service.as_deref(), name).await,
        Command::Organisation(OrganisationCommand::Create(create)) => organisation::create(&environment, create).await,
    }
}
