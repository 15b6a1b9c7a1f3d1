//! The program of the development stack, which `make` calls.

mod commands;
mod demo;
mod stack;
mod words;

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    match commands::run().await {
        Ok(code) => code,
        Err(error) => {
            eprintln!("devstack: {error}");
            ExitCode::FAILURE
        }
    }
}
