//! The process. What it consists of stands in `lib.rs`.

use std::process::ExitCode;

fn main() -> ExitCode {
    service::run(catalog::definition())
}
