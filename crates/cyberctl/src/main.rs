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

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;

use crate::arguments::{Arguments, Command, DeadLetterCommand, OrganisationCommand};
use crate::environment::Environment;
use crate::error::Error;
use crate::report::Report;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&Error::Runtime(error)),
    };
    let ended = runtime.block_on(run(&arguments));
    // A question that Kafka has not answered yet must not hold up the end.
    runtime.shutdown_background();
    match ended {
        Ok(report) => {
            let text = if arguments.json { format!("{:#}", report.json) } else { report.text.trim_end().to_owned() };
            // Whoever reads may have seen enough and gone (`| head`).
            let _gone = writeln!(std::io::stdout(), "{text}");
            ExitCode::from(u8::from(!report.well))
        }
        Err(error) => failed(&error),
    }
}

fn failed(error: &Error) -> ExitCode {
    eprintln!("cyberctl: {error}");
    ExitCode::from(error.exit_code())
}

async fn run(arguments: &Arguments) -> Result<Report, Error> {
    let environment = Environment::read(arguments.env_file.as_deref())?;
    if let Some(stack) = environment.stack() {
        eprintln!("cyberctl: {stack}");
    }
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
