#![doc = include_str!("../README.md")]

mod arguments;
mod dead_letters;
mod environment;
mod error;
mod organisation;
mod prometheus;
mod rebuild;
mod report;
mod services;
mod status;
mod topics;

use std::process::ExitCode;

use clap::Parser;

use crate::arguments::{Arguments, DeadLetterWish, OrganisationWish, Wish};
use crate::environment::Environment;
use crate::error::Error;
use crate::report::{Health, Report};

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments).await {
        Ok(report) => {
            if arguments.json {
                println!("{}", report.json());
            } else {
                println!("{}", report.text());
            }
            match report.health() {
                Health::Well => ExitCode::SUCCESS,
                Health::Unwell => ExitCode::from(1),
            }
        }
        Err(error) => {
            eprintln!("cyberctl: {error}");
            ExitCode::from(error.exit_code())
        }
    }
}

async fn run(arguments: &Arguments) -> Result<Report, Error> {
    let environment = Environment::read(arguments.env_file.as_deref())?;
    match &arguments.wish {
        Wish::Status => status::status(&environment).await,
        Wish::Topics => topics::topics(&environment).await,
        Wish::Dlq { wish: DeadLetterWish::List } => dead_letters::list(&environment).await,
        Wish::Dlq { wish: DeadLetterWish::Show(show) } => dead_letters::show(&environment, show).await,
        Wish::Dlq { wish: DeadLetterWish::Redrive(redrive) } => dead_letters::redrive(&environment, redrive).await,
        Wish::Rebuild { service, projection } => rebuild::rebuild(&environment, service, projection).await,
        Wish::Organisation { wish: OrganisationWish::Create(create) } => {
            organisation::create(&environment, create).await
        }
    }
}
